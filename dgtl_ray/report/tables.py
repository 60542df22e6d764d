"""Tables, in the columns that TVM's users know."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.highlighter import ReprHighlighter
from rich.table import Table
from rich.text import Text

from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.core.progress import Progress
from dgtl_ray.report.units import count, gigaflops, microseconds

_HIGHLIGHT = ReprHighlighter()
_NUMBERS = ("FLOP", "Weight", "Speed (GFLOPS)", "Latency (us)", "Weighted Latency (us)", "Trials")


def tuning_table(progress: Progress) -> Table:
    """ID, name, FLOP, weight, GFLOPS, latency, weighted latency, trials, done."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("ID", justify="right")
    table.add_column("Name", overflow="ellipsis", no_wrap=True)
    for title in _NUMBERS:
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("Done")
    for k, layer in enumerate(progress.layers):
        weighted_s = None if layer.best_s is None else layer.best_s * layer.weight
        table.add_row(
            str(k),
            verbatim(layer.name),
            count(layer.flop),
            str(layer.weight),
            gigaflops(layer.flop, layer.best_s),
            microseconds(layer.best_s),
            microseconds(weighted_s),
            str(layer.trials),
            "Y" if layer.done else "",
        )
    return table


def rows_table(rows: Sequence[Mapping[str, Any]], title: str = "") -> Table:
    """Any rows that share their keys, keys as headings; numbers to the right."""
    heading = Text(title, style="table.title") if title else None
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=heading, title_justify="left")
    for key in rows[0] if rows else ():
        is_number = isinstance(rows[0][key], int | float)
        table.add_column(Text(key), justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(verbatim(cell_text(value)) for value in row.values()))
    return table


def source_rows(sources: Sequence[SourceTask]) -> list[dict[str, str | int]]:
    """What a model was made of, the largest sources first."""
    largest = sorted(sources, key=lambda source: -len(source.cost_s))
    return [{"source": s.name, "measurements": len(s.cost_s)} for s in largest]


def key_value_table(pairs: Iterable[tuple[str, str]]) -> Table:
    """Two columns without headings."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for key, value in pairs:
        table.add_row(verbatim(key), verbatim(value))
    return table


def cell_text(value: Any) -> str:
    """A value as a table shows it."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e5 else f"{value:,.0f}"
    return str(value)


def verbatim(text: str) -> Text:
    """Text of users, coloured as rich does it; its brackets are no markup, its colons no emoji."""
    return _HIGHLIGHT(text)
