"""What all figures share: the library, colours, one look."""

from collections.abc import Sequence
from typing import Any, TypeVar

from dgtl_ray.core.errors import MissingExtraError

# Told apart by people who see few colours, too (Okabe and Ito, 2008).
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
# Points of one figure: a page has a dozen figures, and a phone draws them, too.
_MOST_POINTS = 1200
_MOST_CHARACTERS = 28
T = TypeVar("T")
# Plotly's own templates say it of each kind of trace, too, and are copied for every figure.
_LINE = "#E4E7EB"
_AXIS = {"gridcolor": _LINE, "linecolor": _LINE, "zerolinecolor": _LINE, "automargin": True}
_LOOK = {
    "layout": {
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "font": {"color": "#1F2933"},
        "xaxis": _AXIS,
        "yaxis": _AXIS,
    }
}
FINE, FAILED, MUTED = COLOURS[0], COLOURS[5], "#9AA5B1"


def graph_objects() -> Any:
    """Plotly's module of figures.

    Raises:
        MissingExtraError: Plotly is not installed.
    """
    try:
        from plotly import graph_objects as module
    except ImportError as error:
        raise MissingExtraError("drawing", "report") from error
    return module


def figure(*traces: Any, title: str, x: Any = None, y: Any = None, **layout: Any) -> Any:
    """A figure; an axis is its title, which names the unit, or plotly's settings of one."""
    return graph_objects().Figure(
        list(traces),
        layout={
            "title": {"text": title, "x": 0.0, "xanchor": "left", "xref": "paper", "y": 0.98},
            "xaxis": _axis(x),
            "yaxis": _axis(y),
            "colorway": list(COLOURS),
            "template": _LOOK,
            "margin": {"l": 64, "r": 16, "t": 84, "b": 56},
            "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom"},
            "height": 420,
            **layout,
        },
    )


def dress(grid: Any, title: str, height: int) -> None:
    """Give a figure of several plots the look of `figure`."""
    look = figure(title=title).layout
    grid.update_layout(
        template=look.template,
        title=look.title,
        margin=look.margin,
        legend=look.legend,
        height=height,
    )


def some(rows: Sequence[T]) -> list[T]:
    """Rows, or so many of them, evenly picked, as a browser draws at once."""
    step = max(1, -(-len(rows) // _MOST_POINTS))
    return list(rows[::step])


def short(name: str) -> str:
    """A name that leaves room for its figure on a phone: the middle of a long one is left out."""
    half = _MOST_CHARACTERS // 2
    return name if len(name) <= _MOST_CHARACTERS else f"{name[: half - 1]}…{name[-half:]}"


def note(text: str, title: str) -> Any:
    """A figure that says why there is nothing to see."""
    hidden = {"visible": False}
    words = {"text": text, "showarrow": False, "x": 0.5, "y": 0.5, "xref": "paper", "yref": "paper"}
    return figure(title=title, x=hidden, y=hidden, annotations=[words], height=160)


def _axis(given: Any) -> dict[str, Any]:
    settings = {"title": {"text": given}} if isinstance(given, str) else dict(given or {})
    return {"automargin": True, **settings}
