"""The figure of a run's report that tells its hidden layers apart."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from li2.diagnostics import learning_epochs
from li2.diagnostics.layers import LEARNING
from li2.report.figures import over_epochs
from li2.report.style import GREY, LAYER_COLOURS
from li2.runs import RunResult

PANELS = (("gradient_norm", "‖G_l‖"), ("change", "‖W_l − W_l(0)‖ / ‖W_l(0)‖"))


def layers(result: RunResult) -> go.Figure | None:
    """Gradient and change of each hidden layer over the epochs; None for a network with one."""
    if result.layers.empty:
        return None
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    for number, epoch in learning_epochs(result.layers).items():
        table = result.layers[result.layers["layer"] == number]
        begins = "not learning yet" if epoch is None else f"learning from epoch {epoch}"
        for row, (column, _) in enumerate(PANELS, start=1):
            figure.add_trace(
                go.Scatter(
                    x=table["epoch"],
                    y=table[column],
                    name=f"layer {number}: {begins}",
                    mode="lines+markers",
                    line={"color": LAYER_COLOURS[(number - 1) % len(LAYER_COLOURS)], "width": 2},
                    legendgroup=number,
                    showlegend=row == 1,
                ),
                row=row,
                col=1,
            )
    for row, (_, title) in enumerate(PANELS, start=1):
        figure.update_yaxes(title=title, rangemode="tozero", row=row, col=1)
    figure.add_hline(y=LEARNING, line={"color": GREY, "width": 1, "dash": "dot"}, row=2, col=1)
    return over_epochs(figure, result, rows=2)
