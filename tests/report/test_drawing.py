"""Panels are drawn with their own numbers, by Matplotlib and by Plotly."""

import math

import matplotlib
import numpy as np
import pytest

from li2.report.drawing.interactive import interactive
from li2.report.drawing.layout import axes, colour_range, in_legend, share_legend
from li2.report.drawing.paper import on_paper, pictures
from li2.reproduce import Heat, Line, Panel

NAN = math.nan
EPOCHS = tuple(float(10**k) for k in range(5))
CURVES = Panel(
    "Accuracy at $5",
    "epoch",
    "accuracy",
    (
        Line("decay", EPOCHS, (0.1, NAN, 0.5, 0.9, 1.0), (0.05, NAN, 0.4, 0.8, 0.9), (0.2, NAN, 0.6, 1.0, 1.0)),
        Line("none", EPOCHS, (0.1, 0.1, 0.2, 0.2, 0.2), colour=1),
        Line("none", EPOCHS, (0.2, 0.2, 0.2, 0.2, 0.2), style="dashed", colour=1),
    ),
    log_x=True,
    limits=(0.0, 1.1),
)
POINTS = Panel(
    "Depth",
    "layers",
    "epochs",
    (
        Line("M = 23", (2.0, 3.0, 4.0), (10.0, 100.0, 900.0), (9.0, -1.0, 800.0), (20.0, 300.0, 2000.0), "points"),
        Line("M = 71", (2.0, 3.0, 4.0), (20.0, 200.0, NAN), (9.0, 90.0, NAN), (20.0, 300.0, NAN), "points", 1),
    ),
    log_y=True,
)
MAP = Panel(
    "Prime M",
    "group order M",
    "share p",
    (Line("law", (7.0, 9.0, 11.0, 23.0), (0.3, 0.25, 0.2, 0.1), style="dashed"),),
    Heat(
        (7.0, 11.0, 23.0), (0.1, 0.2, 0.3, 0.4), ((0.0, 0.1, NAN), (0.0, 0.5, 1.0), (0.1, 1.0, 1.0), (1.0,) * 3), "acc"
    ),
)


def curves(figure, place):  # type: ignore[no-untyped-def]
    """The drawn lines of some axes that are of the data, not of error bars."""
    return [line for line in figure.axes[place].lines if len(line.get_xdata()) > 1 and line.get_marker() not in "_|"]


def test_lines_on_paper_and_in_the_browser_have_the_panels_numbers() -> None:
    figure = on_paper([CURVES, POINTS])
    assert [place.get_title(loc="left") for place in figure.axes] == [r"Accuracy at \$5", "Depth"]
    assert [place.get_xlabel() for place in figure.axes] == ["epoch", "layers"]
    assert [place.get_ylabel() for place in figure.axes] == ["accuracy", "epochs"]
    assert (figure.axes[0].get_xscale(), figure.axes[0].get_yscale()) == ("log", "linear")
    assert (figure.axes[1].get_xscale(), figure.axes[1].get_yscale()) == ("linear", "log")
    assert figure.axes[0].get_ylim() == (0.0, 1.1)
    for place, panel in enumerate((CURVES, POINTS)):
        traces = [trace for trace in interactive(panel).data if trace.fill is None]
        for line, drawn, trace in zip(panel.lines, curves(figure, place), traces, strict=True):
            assert np.array_equal(drawn.get_xdata(), line.x)
            assert np.array_equal(drawn.get_ydata(), line.y, equal_nan=True)
            assert trace.x == line.x
            assert trace.y == tuple(None if math.isnan(y) else y for y in line.y)
    low, high = figure.axes[1].get_ylim()
    assert low < 10  # as if the points had not been moved aside
    assert high > 2000
    assert interactive(CURVES).layout.xaxis.type == interactive(POINTS).layout.yaxis.type == "log"
    assert interactive(CURVES).layout.yaxis.range == (0.0, 1.1)


def test_spreads_are_bands_of_lines_and_bars_of_points() -> None:
    figure = on_paper([CURVES, POINTS])
    bands = [trace for trace in interactive(CURVES).data if trace.fill]
    assert len(bands) == len(figure.axes[0].collections) - 1 == 1  # in two pieces on paper: the gap stays open
    assert bands[0].x == (1.0, 1.0, None, 100.0, 1000.0, 10000.0, 10000.0, 1000.0, 100.0, None)
    assert bands[0].y == (0.05, 0.2, None, 0.4, 0.8, 0.9, 1.0, 1.0, 0.6, None)
    bars = [container for container in figure.axes[1].collections if len(container.get_segments()) > 1]
    ends = [[segment[:, 1].tolist() for segment in container.get_segments()] for container in bars]
    assert np.allclose(ends[0], [[9.0, 20.0], [0.1, 300.0], [800.0, 2000.0]])  # -1 is cut where it can be drawn
    assert interactive(POINTS).data[1].error_y.array == (0.0, 100.0, None)
    assert interactive(POINTS).data[1].error_y.arrayminus == (11.0, 110.0, None)


def test_points_at_the_same_place_stand_side_by_side() -> None:
    figure = on_paper([POINTS])
    figure.canvas.draw()
    first, second = (line.get_transform().transform((2.0, 10.0)) for line in curves(figure, 0))
    assert second[0] - first[0] == pytest.approx(5 / 72 * figure.dpi)
    assert second[1] == first[1]


def test_a_map_has_even_columns_for_uneven_values_and_the_line_goes_through_them() -> None:
    figure = on_paper([MAP])
    place = figure.axes[0]
    mesh = place.collections[0]
    assert np.array_equal(mesh.get_array().filled(NAN), MAP.heat.z, equal_nan=True)  # type: ignore[union-attr]
    corners = mesh.get_coordinates()
    assert corners[0, :, 0].tolist() == [-0.5, 0.5, 1.5, 2.5]
    assert np.allclose(corners[:, 0, 1], [0.05, 0.15, 0.25, 0.35, 0.45])
    assert matplotlib.colors.to_hex(place.get_facecolor()) == "#d3d3d3"  # of the cell without a value
    assert [tick.get_text() for tick in place.get_xticklabels()] == ["7", "11", "23"]
    assert curves(figure, 0)[0].get_xdata().tolist() == [0.0, 0.5, 1.0, 2.0]
    assert mesh.get_clim() == (0.0, 1.0)
    heat, casing, law = interactive(MAP).data
    assert list(map(tuple, heat.z)) == [(0.0, 0.1, None), *MAP.heat.z[1:]]  # type: ignore[union-attr]
    assert heat.x == (-0.5, 0.5, 1.5, 2.5)
    assert (heat.zmin, heat.zmax) == (0.0, 1.0)
    assert casing.x == law.x == (0.0, 0.5, 1.0, 2.0)
    assert casing.line.width > law.line.width
    assert interactive(MAP).layout.plot_bgcolor == "#D3D3D3"


def test_cells_of_even_and_of_logarithmic_values_stand_at_their_values() -> None:
    heat = Heat((1.0, 10.0, 100.0), (0.5,), ((-1.0, 2.0, 5.0),), "energy")
    x, y = axes(Panel("", "", "", heat=heat, log_x=True))
    assert np.allclose(x.cells, [10**-0.5, 10**0.5, 10**1.5, 10**2.5])
    assert x.log
    assert x.places([3.0]) == [3.0]
    assert y.cells == (-0.5, 0.5)
    assert y.places([0.5]) == [0.0]
    assert not axes(Panel("", "", "", heat=heat))[0].log
    from_zero = Heat((0.0, 1.0, 2.0), (0.5,), ((-1.0, 2.0, 5.0),), "energy")
    assert axes(Panel("", "", "", heat=from_zero, log_x=True))[0].cells == (-0.5, 0.5, 1.5, 2.5)


def test_maps_of_one_label_share_their_colours_unless_one_would_be_flat() -> None:
    def mapped(*values: float) -> Panel:
        return Panel("", "", "", heat=Heat((1.0, 2.0), (1.0,), (values,), "E"))

    similar, other, flat, unknown = mapped(-1.0, 4.0), mapped(0.0, 6.0), mapped(0.1, 0.2), mapped(NAN, NAN)
    assert colour_range(similar, [similar, other, unknown]) == (-1.0, 6.0)
    assert colour_range(flat, [flat, other]) == (0.1, 0.2)
    assert colour_range(flat, [flat, mapped(0.0, 1.0)]) == (0.0, 1.0)
    assert colour_range(unknown, [unknown]) == (0.0, 1.0)


def test_a_label_is_named_once_and_a_legend_is_shared_where_it_misleads_nobody() -> None:
    assert [(line.label, line.style) for line in in_legend(CURVES)] == [("decay", "line"), ("none", "line")]
    assert [trace.name for trace in interactive(CURVES).data if trace.showlegend is not False] == ["decay", "none"]
    assert share_legend([CURVES, CURVES])
    assert not share_legend([CURVES, POINTS])  # M = 23 looks like decay
    shared, own = on_paper([CURVES, CURVES]), on_paper([CURVES, POINTS])
    assert [text.get_text() for text in shared.legends[0].get_texts()] == ["decay", "none"]
    assert all(place.get_legend() is None for place in shared.axes)
    assert not own.legends
    assert [text.get_text() for text in own.axes[1].get_legend().get_texts()] == ["M = 23", "M = 71"]
    own.canvas.draw()
    assert own.axes[1].get_legend().get_window_extent().y1 < own.axes[1].get_window_extent().y0


@pytest.mark.parametrize(("count", "grid"), [(1, (1, 1)), (2, (1, 2)), (3, (1, 3)), (4, (2, 2)), (5, (2, 3))])
def test_panels_stand_in_a_grid(count: int, grid: tuple[int, int]) -> None:
    places = on_paper([POINTS] * count).axes
    assert len(places) == count
    assert places[0].get_gridspec().get_geometry() == grid


def test_the_same_panels_give_the_same_bytes_whatever_the_users_style() -> None:
    before = dict(matplotlib.rcParams)
    first = pictures([MAP])
    assert dict(matplotlib.rcParams) == before
    with matplotlib.rc_context({"font.size": 30, "svg.hashsalt": "other"}):
        assert pictures([MAP]) == first
    assert first["png"].startswith(b"\x89PNG")
    assert b"<text" not in first["svg"]  # letters are shapes: legible without the font
    assert b"date" not in first["svg"]


def test_panels_without_anything_to_see_are_drawn_empty() -> None:
    nothing = Panel("", "x", "y", (Line("none", (1.0, 2.0), (NAN, NAN), (NAN, NAN), (NAN, NAN)),), log_y=True)
    assert [len(place.lines) for place in on_paper([nothing, Panel("", "", "")]).axes] == [1, 0]
    assert pictures([nothing])["png"]
    assert interactive(nothing).data[1].y == (None, None)
    assert not interactive(Panel("", "", "")).data
