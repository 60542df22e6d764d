"""What a run learned from."""

from collections.abc import Mapping, Sequence
from typing import Any

from dgtl_ray.report.page.drawing import FINE, MUTED, figure, graph_objects, note, short
from dgtl_ray.report.page.run_data import RunData, read_run

_MOST_SOURCES = 15


def plot_sources(run: str | RunData) -> Any:
    """What history contributed: how well each source foretold the order of what was measured.

    The rank correlation, from -1 to 1, is the median over layers that asked the source; one that
    most of them found to rank no better than chance, and so did not trust, is grey.
    """
    title = "What history contributed"
    sources = (read_run(run).result or {}).get("sources") or ()
    asked = [source for source in sources if source["layers"]]
    if not asked:
        return note("nothing is noted of sources that a layer asked", title)
    shown = asked[:_MOST_SOURCES]
    if len(asked) > len(shown):
        title += f": {len(shown)} of {len(asked)} sources"
    lowest = min(0.0, *(source["correlation"] or 0.0 for source in shown))
    return figure(
        _bars(shown, "trusted by most layers", FINE, trusted=True),
        _bars(shown, "not trusted by most", MUTED, trusted=False),
        title=title,
        x={"title": {"text": "rank correlation"}, "range": [lowest, 1]},
        y={
            "tickvals": list(range(len(shown))),
            "ticktext": [f"{short(source['name'])}<br>{_trust(source)}" for source in shown],
            "range": [len(shown) - 0.5, -0.5],
        },
        height=max(280, 150 + 40 * len(shown)),
        barmode="overlay",
    )


def _bars(shown: Sequence[Mapping[str, Any]], name: str, colour: str, *, trusted: bool) -> Any:
    """Those of the sources that most layers trusted, or the others, each at its place."""
    mine = [
        (place, source)
        for place, source in enumerate(shown)
        if (2 * len(source["distrusted"]) <= source["layers"]) is trusted
    ]
    return graph_objects().Bar(
        x=[source["correlation"] or 0.0 for _, source in mine],
        y=[place for place, _ in mine],
        orientation="h",
        name=name,
        marker_color=colour,
        hovertext=[
            f"{source['name']} on {source['device']}, {source['measurements']} measurements"
            for _, source in mine
        ],
    )


def _trust(source: Mapping[str, Any]) -> str:
    if source["correlation"] is None:
        return "too few trials to say"
    trusting = source["layers"] - len(source["distrusted"])
    return f"trusted by {trusting} of {source['layers']}"
