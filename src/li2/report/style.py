"""One look for all figures: colours that colour-blind readers can tell apart (Okabe and Ito), one layout."""

import plotly.graph_objects as go

BLUE, ORANGE, GREEN, RED, PURPLE, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#7A7A7A"

CURVE_COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE, "#56B4E9", "#222222", GREY)

STAGE_COLOURS = {"lazy": "#F3E9D2", "independent": "#DCEBF5", "interactive": "#E3F2E1"}

LAYER_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, RED, GREY)
"""Of hidden layers, from the lowest; in turn if there are more."""

TYPE_COLOURS = {"real": BLUE, "complex": ORANGE, "quaternionic": GREEN}
"""Of irreps."""

HEIGHT = 400


def apply_style(figure: go.Figure, height: int = HEIGHT) -> go.Figure:
    """Give a figure the common layout."""
    figure.update_layout(
        template="plotly_white",
        height=height,
        margin={"l": 70, "r": 20, "t": 40, "b": 50},
        font={"family": "system-ui, sans-serif", "size": 14, "color": "#222"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hovermode="x unified",
    )
    figure.update_xaxes(showline=True, linecolor="#999", ticks="outside", zeroline=False)
    figure.update_yaxes(showline=True, linecolor="#999", ticks="outside", zeroline=False)
    return figure


def translucent(colour: str, opacity: float = 0.15) -> str:
    """A colour as rgba with this opacity."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
