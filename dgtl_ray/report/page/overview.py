"""What a run won, and where its time went."""

from collections.abc import Mapping
from typing import Any

from dgtl_ray.core.measurement import TimedIn
from dgtl_ray.report.page.drawing import COLOURS, FINE, MUTED, figure, graph_objects, note
from dgtl_ray.report.page.run_data import RunData, read_run
from dgtl_ray.run.contenders import TITLES

_PHASES = ("proposing", "building", "timing", "idle")
# TVM untuned may take a hundred times longer than all others, and would hide them.
_UNTUNED = "untuned"


def plot_runtimes(run: str | RunData) -> Any:
    """One inference by the tuned module and by every other runtime, in milliseconds."""
    title = "One inference, beside other runtimes"
    data = read_run(run)
    latency_s = (data.result or {}).get("latency_s") or {}
    known = {key: s for key, s in latency_s.items() if s is not None and key != _UNTUNED}
    if not known:
        return note("the run has not ended, or nothing was timed beside it", title)
    ranked = sorted(known.items(), key=lambda item: item[1], reverse=True)
    bars = graph_objects().Bar(
        x=[1e3 * seconds for _, seconds in ranked],
        y=[TITLES.get(key, key) for key, _ in ranked],
        orientation="h",
        marker_color=[FINE if key == "tuned" else MUTED for key, _ in ranked],
        text=[f"{1e3 * seconds:.3g}" for _, seconds in ranked],
        textangle=0,
    )
    return figure(bars, title=title, x="latency, ms")


def plot_layers(run: str | RunData) -> Any:
    """Each layer's share of an inference before and after, both timed alone, in microseconds.

    Beside them its share in the tuned network, where it was timed there.
    """
    title = "Layers: default schedule and tuned"
    data = read_run(run)
    # A run of an earlier version did not keep where its layers were timed.
    layers = [one for one in (data.result or {}).get("layers", ()) if one.get("timed_in")]
    if not layers:
        return note("the run has not ended, tuned a function, or is of an earlier version", title)
    inside = [one if one["timed_in"] == TimedIn.NETWORK else {} for one in layers]
    shares = {
        "default schedule, alone": ([_share_us(one, "default_s") for one in layers], MUTED),
        "tuned, alone": ([_share_us(one, "alone_s") for one in layers], FINE),
        "tuned, in the network": ([_share_us(one, "latency_s") for one in inside], COLOURS[1]),
    }
    names = [f"{one['id']} {one['name']}" for one in layers]
    bars = [
        graph_objects().Bar(y=names, x=us, name=name, orientation="h", marker_color=colour)
        for name, (us, colour) in shares.items()
        if any(us)
    ]
    return figure(
        *bars,
        title=title,
        x="one inference, us",
        y={"autorange": "reversed"},
        height=max(320, 80 + 36 * len(layers)),
        barmode="group",
    )


def _share_us(layer: Mapping[str, Any], name: str) -> float | None:
    """Microseconds of one inference that a layer takes, by one of its latencies."""
    seconds = layer.get(name)
    return None if seconds is None else 1e6 * float(layer["weight"]) * float(seconds)


def plot_search_time(run: str | RunData) -> Any:
    """Where the search's wall-clock time went, in seconds."""
    title = "Where the search's time went"
    spent = read_run(run).state.spent
    if spent is None:
        return note("no time is noted yet", title)
    shares = [spent.as_dict()[phase] for phase in _PHASES]
    total = sum(shares) or 1.0
    bars = [
        graph_objects().Bar(
            x=[seconds],
            y=["search"],
            name=f"{phase} {100 * seconds / total:.0f} %",
            orientation="h",
            marker_color=colour,
        )
        for phase, seconds, colour in zip(_PHASES, shares, COLOURS, strict=False)
    ]
    return figure(*bars, title=title, x="seconds", barmode="stack", height=240)
