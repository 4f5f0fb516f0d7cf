"use strict";
(() => {
  const data = JSON.parse(document.getElementById("sweep-data").textContent);
  const columns = data.columns;
  const panel = document.getElementById("panel");
  const ROWS = 100;
  const COLOURS = { train: "#0072B2", test: "#E69F00" };

  // ---- values -------------------------------------------------------------------------------------------------
  const cell = (column, row) => ("a" in column ? column.a[row] : column.v["c" in column ? column.c[row] : 0]);
  const value = (name, row) => (name in columns ? cell(columns[name], row) : null);
  const shown = (v) => (v === null || v === undefined ? "–" : typeof v === "number" && !Number.isInteger(v) ? Number(v.toPrecision(4)).toString() : String(v));
  const command = (row) => ["li2 run", ...data.words.map((column) => cell(column, row))].filter((word) => word).join(" ");
  const byKey = new Map();
  for (let row = 0; row < data.runs; row++) byKey.set(value("key", row), row);

  const element = (tag, text, parts = []) => {
    const made = document.createElement(tag);
    if (text !== null) made.textContent = text;
    made.append(...parts);
    return made;
  };
  const link = (row, text) => {
    const made = element("a", text);
    made.href = "#run-" + value("key", row);
    return made;
  };
  const state = (row) => {
    const name = value("state", row);
    const dot = element("span", "");
    dot.className = "dot";
    dot.style.background = data.colours[name];
    return element("span", null, [dot, name]);
  };

  // ---- curves: 16-bit codes, see li2.report.sweep_data.curves -------------------------------------------------
  const NAMES = ["train_accuracy", "test_accuracy", "train_loss", "test_loss"];
  const curves = (row) => {
    const packed = data.curves.runs[row];
    if (!packed) return null;
    const epochs = data.curves.epochs[packed[0]];
    const bytes = Uint8Array.from(atob(packed[1]), (c) => c.charCodeAt(0));
    const [low, high] = data.curves.decades;
    const decoded = { epochs };
    NAMES.forEach((name, number) => {
      decoded[name] = epochs.map((_, i) => {
        const at = 2 * (number * epochs.length + i);
        const code = bytes[at] + 256 * bytes[at + 1];
        if (code === 65535) return null;
        const share = code / 65534;
        return name.endsWith("loss") ? 10 ** (low + share * (high - low)) : share;
      });
    });
    return decoded;
  };
  const draw = (place, traces, rows) => {
    const layout = {
      template: "plotly_white", height: rows === 2 ? 420 : 260, margin: { l: 60, r: 10, t: 30, b: 45 },
      font: { family: "system-ui, sans-serif", size: 13, color: "#222" }, hovermode: rows === 2 ? "x unified" : "closest",
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 }, plot_bgcolor: "#fff",
      xaxis: { title: { text: "epoch" }, showline: true, linecolor: "#999", gridcolor: "#eee", zeroline: false, anchor: rows === 2 ? "y2" : "y" },
      yaxis: { title: { text: rows === 2 ? "accuracy" : "test accuracy" }, range: [-0.03, 1.03], domain: rows === 2 ? [0.54, 1] : [0, 1],
        showline: true, linecolor: "#999", gridcolor: "#eee", zeroline: false },
      yaxis2: { title: { text: "loss" }, type: "log", dtick: rows === 2 ? undefined : 1, exponentformat: "power", domain: [0, 0.46],
        showline: true, linecolor: "#999", gridcolor: "#eee" },
    };
    if (rows === 1) delete layout.yaxis2;
    Plotly.newPlot(place, traces, layout, { displaylogo: false, responsive: true });
  };
  const trace = (epochs, y, name, colour, axis, legend) => ({
    x: epochs, y, name, mode: "lines", type: "scatter", yaxis: axis, showlegend: legend, line: { color: colour, width: 2 },
  });

  // ---- the panel ----------------------------------------------------------------------------------------------
  const close = () => {
    panel.querySelectorAll(".js-plotly-plot").forEach((plot) => Plotly.purge(plot));
    panel.hidden = true;
    panel.replaceChildren();
  };
  const open = (title, parts) => {
    close();
    const button = element("button", "close");
    button.className = "close";
    button.type = "button";
    button.onclick = () => { location.hash = "#"; };
    panel.append(button, element("h2", title), ...parts);
    panel.hidden = false;
    panel.scrollTop = 0;
  };
  const listed = (rows) => {
    const names = data.table.map(([name]) => name).filter((name) => new Set(rows.map((row) => value(name, row))).size > 1 || ["number", "state", "test_accuracy"].includes(name));
    const heading = element("tr", null, data.table.filter(([name]) => names.includes(name)).map(([, words]) => element("th", words)));
    const table = element("table", null, [heading, ...rows.map((row) => line(row, names))]);
    const box = element("div", null, [table]);
    box.className = "scroll";
    return box;
  };
  const line = (row, names) => element("tr", null, names.map((name) => {
    if (name === "number") return element("td", null, [link(row, shown(value(name, row)))]);
    if (name === "state") return element("td", null, [state(row)]);
    return element("td", shown(value(name, row)));
  }));
  const showRun = (row) => {
    const parts = [element("p", null, [state(row)])];
    const reason = value("reason", row);
    if (reason) parts.push(element("p", reason));
    const parent = value("parent", row);
    const copied = element("pre", command(row));
    parts.push(copied);
    if (parent !== null) parts.push(element("p", null, ["It began with the final weights of ", link(parent, "run " + value("number", parent)), "; without them (init_weights=FILE) the command begins afresh."]));
    const drawn = curves(row);
    const place = element("div", "");
    if (drawn) parts.push(place);
    else if (["planned", "running", "failed"].indexOf(value("state", row)) < 0) {
      const note = element("p", "Its curves are in the sweep's store, not in this page, which has those of the first seeds.");
      note.className = "text";
      parts.push(note);
    }
    const figures = Object.entries(data.labels).filter(([name]) => value(name, row) !== null);
    parts.push(element("table", null, [...figures.map(([name, words]) => {
      const right = element("td", shown(value(name, row)));
      right.className = "value";
      return element("tr", null, [element("td", words), right]);
    })]));
    const mates = [];
    for (let other = 0; other < data.runs && mates.length < ROWS; other++) if (value("mates", other) === value("mates", row)) mates.push(other);
    if (mates.length > 1) parts.push(element("h3", "The same with other seeds"), listed(mates));
    const key = element("p", "Its key begins with " + value("key", row) + ".");
    key.className = "text";
    open("Run " + value("number", row) + ": " + value("group", row) + ", seed " + value("seed", row), [...parts, key]);
    if (drawn) {
      draw(place, [
        trace(drawn.epochs, drawn.train_accuracy, "training", COLOURS.train, "y", true), trace(drawn.epochs, drawn.test_accuracy, "test", COLOURS.test, "y", true),
        trace(drawn.epochs, drawn.train_loss, "training loss", COLOURS.train, "y2", false), trace(drawn.epochs, drawn.test_loss, "test loss", COLOURS.test, "y2", false),
      ], 2);
    }
  };
  const showCell = (rows) => {
    const place = element("div", "");
    open(rows.length + " runs", [place, listed(rows)]);
    const drawn = rows.slice(0, 20).map((row) => [row, curves(row)]).filter(([, curve]) => curve);
    if (drawn.length) draw(place, drawn.map(([row, curve]) => ({ ...trace(curve.epochs, curve.test_accuracy, "run " + value("number", row), data.colours[value("state", row)], "y", false), opacity: 0.7 })), 1);
  };

  // ---- addresses: #run-KEY, #row-NUMBER, #cell-FIGURE-TRACE-POINT ---------------------------------------------
  const follow = () => {
    const hash = decodeURIComponent(location.hash);
    let match = /^#run-([0-9a-f]+)$/.exec(hash);
    if (match) {
      let row = byKey.get(match[1].slice(0, data.digits));
      if (row === undefined) for (const [key, at] of byKey) if (key.startsWith(match[1])) { row = at; break; }
      return row === undefined ? close() : showRun(row);
    }
    match = /^#row-(\d+)$/.exec(hash);
    if (match && Number(match[1]) < data.runs) return showRun(Number(match[1]));
    match = /^#cell-(.+)-(\d+)-(\d+)(?:\.(\d+))?$/.exec(hash);
    const figure = match && document.getElementById(match[1]);
    if (figure && figure.data && figure.data[match[2]]) {
      const linked = figure.data[match[2]].customdata;
      const rows = match[4] === undefined ? linked[match[3]] : linked[match[3]][match[4]];
      if (rows && rows.length) return showCell(rows);
    }
    return close();
  };
  addEventListener("hashchange", follow);
  addEventListener("keydown", (event) => { if (event.key === "Escape" && !panel.hidden) location.hash = "#"; });
  document.querySelectorAll("body > section .js-plotly-plot").forEach((figure) => figure.on("plotly_click", (event) => {
    const point = event.points.find((candidate) => Array.isArray(candidate.customdata) && candidate.customdata.length);
    if (!point) return;
    const rows = point.customdata;
    const position = Array.isArray(point.pointNumber) ? point.pointNumber.join(".") : point.pointNumber;
    location.hash = rows.length === 1 ? "#run-" + value("key", rows[0]) : `#cell-${figure.id}-${point.curveNumber}-${position}`;
  }));

  // ---- the table of runs ----------------------------------------------------------------------------------------
  const head = document.querySelector("#runs-table thead"), body = document.querySelector("#runs-table tbody");
  const filter = document.getElementById("filter"), names = data.table.map(([name]) => name);
  let rows = [], sorted = null, falling = false, first = 0;
  const compare = (a, b) => {
    const x = value(sorted, a), y = value(sorted, b);
    if (x === null || y === null) return (x === null) - (y === null) || a - b;
    const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), "en", { numeric: true });
    return (falling ? -order : order) || a - b;
  };
  const page = () => {
    body.replaceChildren(...rows.slice(first, first + ROWS).map((row) => line(row, names)));
    document.getElementById("count").textContent = `${rows.length} of ${data.runs} runs`;
    document.getElementById("where").textContent = rows.length ? `${first + 1} to ${Math.min(first + ROWS, rows.length)}` : "";
    document.getElementById("back").disabled = first === 0;
    document.getElementById("on").disabled = first + ROWS >= rows.length;
    head.querySelectorAll("th").forEach((th, i) => { th.textContent = data.table[i][1] + (names[i] === sorted ? (falling ? " ↓" : " ↑") : ""); });
  };
  const select = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter((word) => word);
    rows = [];
    for (let row = 0; row < data.runs; row++) {
      const text = words.length ? names.map((name) => shown(value(name, row))).join(" ").toLowerCase() : "";
      if (words.every((word) => text.includes(word))) rows.push(row);
    }
    if (sorted) rows.sort(compare);
    first = 0;
    page();
  };
  head.append(element("tr", null, data.table.map(([name, words]) => {
    const th = element("th", words);
    th.onclick = () => {
      falling = sorted === name && !falling;
      sorted = name;
      rows.sort(compare);
      first = 0;
      page();
    };
    return th;
  })));
  let pause = 0;
  filter.oninput = () => { clearTimeout(pause); pause = setTimeout(select, 150); };
  document.getElementById("back").onclick = () => { first = Math.max(0, first - ROWS); page(); };
  document.getElementById("on").onclick = () => { first += ROWS; page(); };
  select();
  follow();
})();
