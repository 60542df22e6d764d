"""How a search went: best so far, failures, what ran when."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Measurement, Status
from dgtl_ray.report.page.drawing import (
    FAILED,
    FINE,
    dress,
    figure,
    graph_objects,
    note,
    short,
    some,
)
from dgtl_ray.report.page.quantity import Quantity, shared
from dgtl_ray.report.page.run_data import RunData, read_run

# Of a device's lane with the gap above it, and of what stands above and below all of them.
_LANE_PX, _GAP_PX, _AROUND_PX = 160, 32, {"t": 108, "b": 56}
_LEGEND_PX = 22


def plot_optimization_history(
    run: str | RunData | Sequence[str | RunData], *, over: str = "trials"
) -> Any:
    """The best so far, by trials or by seconds of search.

    Of a network it is the sum of its layers' best latencies, in ms. Of a function it is its metric;
    of several whose metrics differ, the cost that a search makes small.

    Args:
        run: One run, or several to stand beside one another.
        over: `trials` or `seconds`.

    Raises:
        InputError: `over` is neither.
    """
    if over not in ("trials", "seconds"):
        raise InputError(f"over is {over!r}: choose trials or seconds")
    runs = [read_run(one) for one in ([run] if isinstance(run, str | RunData) else run)]
    quantity = shared(data.quantity for data in runs)
    best = [quantity.shown(best_so_far(data), "ms") for data in runs]
    lines = [
        graph_objects().Scatter(
            x=np.arange(1, len(y) + 1) if over == "trials" else data.seconds,
            y=y,
            name=short(data.name),
            mode="lines",
            line={"shape": "hv"},
        )
        for data, y in zip(runs, best, strict=True)
    ]
    title = {"trials": "trials", "seconds": "seconds of search"}[over]
    return figure(
        *lines,
        title=f"Best so far, over {title}",
        x=title,
        y=quantity.axis(np.concatenate([np.array([]), *best]), _best_title(runs, quantity)),
    )


def _best_title(runs: Sequence[RunData], quantity: Quantity) -> str:
    is_network = quantity.is_time and any(len(data.layers) > 1 for data in runs)
    return "layers' best, summed, ms" if is_network else f"best {quantity.label('ms')}"


def best_so_far(data: RunData) -> NDArray[np.float64]:
    """Cost (n,) of the best after each trial; NaN before all layers ran.

    Of a network it is seconds of one inference.
    """
    best: dict[str, float] = {}
    weights = {key: rows[0].weight for key, rows in data.layers.items()}
    sums = []
    for row in data.searched:
        if row.cost_s is not None:
            best[row.workload_key] = min(best.get(row.workload_key, np.inf), row.cost_s)
        complete = len(best) == len(weights)
        sums.append(sum(weights[key] * s for key, s in best.items()) if complete else np.nan)
    return np.array(sums, dtype=np.float64)


def plot_failures(run: str | RunData) -> Any:
    """Trials by how they ended."""
    title = "Failures by kind"
    counts = Counter(row.status for row in read_run(run).rows if row.status is not Status.OK)
    if not counts:
        return note("no trial failed", title)
    kinds, numbers = zip(*counts.most_common(), strict=True)
    bars = graph_objects().Bar(x=list(map(str, kinds)), y=numbers, marker_color=FAILED)
    return figure(bars, title=title, x="how it ended", y="trials", height=320)


def plot_timeline(run: str | RunData) -> Any:
    """What each trial took and when it came in, in a lane for each kind of device.

    Seconds of building and timing, over minutes from the first trial. A measurement names the kind
    of its device, so that devices of one kind share a lane.
    """
    from plotly.subplots import make_subplots

    title = "Trials as they came in, by kind of device"
    rows = read_run(run).searched
    if not rows:
        return note("nothing is measured yet", title)
    start = min(row.created_at for row in rows)
    lanes = sorted({row.device_key for row in rows})
    height = _LANE_PX * len(lanes)
    grid = make_subplots(
        rows=len(lanes),
        shared_xaxes=True,
        subplot_titles=lanes,
        vertical_spacing=_GAP_PX / height,
    )
    for lane, device in enumerate(lanes, start=1):
        mine = some([row for row in rows if row.device_key == device])
        for fine in (True, False):
            grid.add_trace(_moments(mine, start, fine=fine, named=lane == 1), row=lane, col=1)
    dress(grid, title, height + sum(_AROUND_PX.values()))
    # The names of the lanes stand where the legend of other figures does.
    grid.update_layout(margin=_AROUND_PX, legend={"y": 1 + _LEGEND_PX / height})
    grid.update_annotations(x=0, xanchor="left", font_size=12)
    grid.update_yaxes(
        type="log", title_text="build + timing, s", title_font_size=12, automargin=True
    )
    grid.update_xaxes(title_text="minutes from the first", row=len(lanes), col=1)
    return grid


def _moments(rows: Sequence[Measurement], start: datetime, *, fine: bool, named: bool) -> Any:
    """Those of a device's trials that were ok, or that failed; named in the legend, or not."""
    told = [row for row in rows if (row.cost_s is not None) is fine]
    name = "ok" if fine else "failed"
    return graph_objects().Scatter(
        x=[(row.created_at - start).total_seconds() / 60 for row in told],
        y=[row.build_s + row.timing_s for row in told],
        mode="markers",
        name=name,
        legendgroup=name,
        showlegend=named,
        marker={"size": 4, "opacity": 0.6, "color": FINE if fine else FAILED},
        text=[row.task for row in told],
    )
