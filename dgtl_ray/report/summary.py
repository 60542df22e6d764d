"""What a finished run says it won."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from dgtl_ray.report.tables import key_value_table, rows_table
from dgtl_ray.report.units import duration, gigabytes
from dgtl_ray.run.contenders import TITLES
from dgtl_ray.run.results import ResultGrid, RunSummary
from dgtl_ray.run.source_use import SourceUse

_MOST_SOURCES = 15
# Where latencies of layers are from, by what a result calls it.
_TIMED_IN = {"alone": "timed alone", "network": "as they run in the network"}


def print_summary(console: Console, grid: ResultGrid) -> None:
    """Latencies side by side, search time by phase, verification, memory, where things are."""
    summary = grid.summary
    console.print(rows_table(_layer_rows(grid), _title(grid)))
    if summary.inside is not None:
        console.print(Text(_difference(summary.inside)), soft_wrap=True)
    console.print(key_value_table([*_latency_rows(summary.latency_s), *_run_rows(summary)]))
    if summary.sources:
        console.print(rows_table(_source_rows(summary.sources), "learned from"))
    if summary.verdict:
        console.print(Text(summary.verdict), style="yellow", soft_wrap=True)
    for note in [*summary.notes, *grid.errors]:
        console.print(Text(f"note: {note}"))


def _title(grid: ResultGrid) -> str:
    """Where the layers' latencies are from."""
    places = sorted({result.timed_in for result in grid if result.timed_in})
    told = " or ".join(_TIMED_IN[place] for place in places)
    return f"layers, {told}" if told else "layers"


def _layer_rows(grid: ResultGrid) -> list[dict[str, str | int | float | None]]:
    """What each layer takes of one inference, and beside the default schedule, both alone."""
    return [
        {
            "ID": k,
            "name": f"{result.task} (not tunable)" if result.untunable else result.task,
            "weight": result.weight,
            "latency (us)": _us(result.latency_s),
            "weighted (us)": _us(result.latency_s, result.weight),
            "alone (us)": _us(result.alone_s),
            "default alone (us)": _us(result.default_s),
            "trials": result.trials,
        }
        for k, result in enumerate(grid)
    ]


def _us(seconds: float | None, count: int = 1) -> float | None:
    return None if seconds is None else round(seconds * count * 1e6, 1)


def _difference(inside: Mapping[str, Any]) -> str:
    """The network's time beside its layers', in a line."""
    network_s, layers_s = inside["network_s"], inside["layers_s"]
    parts = ", ".join(f"{name} {s * 1e6:.0f}" for name, s in inside["beside_s"].items())
    return (
        f"network {network_s * 1e3:.3f} ms = layers {layers_s * 1e3:.3f} ms × "
        f"{network_s / layers_s:.3f}; the difference in us: {parts}"
    )


def _latency_rows(latency_s: Mapping[str, float | None]) -> list[tuple[str, str]]:
    """Those that were timed; where the tuned module was not, that is said."""
    tuned_s = latency_s.get("tuned")
    rows = [(TITLES["tuned"], f"{tuned_s * 1e3:.2f} ms" if tuned_s else "not measured")]
    for key, seconds in latency_s.items():
        if seconds is None or key == "tuned":
            continue
        ratio = f"   tuned ÷ this = {tuned_s / seconds:.3f}" if tuned_s else ""
        rows.append((TITLES.get(key, key), f"{seconds * 1e3:.2f} ms{ratio}"))
    return rows


def _source_rows(sources: Sequence[SourceUse]) -> list[dict[str, str | int | float | None]]:
    """The sources that layers asked, and one row for the rest."""
    asked = [source for source in sources if source.layers]
    shown = asked[:_MOST_SOURCES]
    rows: list[dict[str, str | int | float | None]] = [
        {
            "source": source.name,
            "measurements": source.measurements,
            "layers": source.layers,
            "rank correlation": source.correlation,
            "not trusted by": len(source.distrusted),
        }
        for source in shown
    ]
    rest = [source for source in sources if source not in shown]
    if rest:
        told = {"source": f"{len(rest)} others", "measurements": sum(s.measurements for s in rest)}
        rows.append(dict.fromkeys(rows[0] if rows else told) | told)
    return rows


def _run_rows(summary: RunSummary) -> list[tuple[str, str]]:
    times = summary.search_s
    total_s = times["total"] or 1.0
    shares = ", ".join(
        f"{phase} {duration(times[phase])} ({100 * times[phase] / total_s:.0f} %)"
        for phase in ("proposing", "building", "timing", "idle")
    )
    verdict = "matches the network's own answers" if summary.verified else "DOES NOT MATCH"
    return [
        ("search", f"{duration(times['total'])}: {shares}"),
        ("trials", f"{summary.trials}, {summary.failed} failed"),
        ("verified", f"{verdict}: largest relative error {summary.max_relative_error:.1e}"),
        (
            "memory",
            f"peak {gigabytes(summary.memory_bytes['total'])} of all processes, "
            f"{gigabytes(summary.memory_bytes['driver'])} of the driver",
        ),
        ("device", summary.device),
        ("module", summary.module or "none: what failed verification is no module"),
        ("history", summary.history),
    ]
