"""One page of all figures, in one file that needs no network."""

import base64
import gzip
import html
import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from dgtl_ray.core.errors import InputError, MissingExtraError
from dgtl_ray.report.page import details, overview, predictions, progress, sources
from dgtl_ray.report.page.comparing import comparison_rows
from dgtl_ray.report.page.health import findings
from dgtl_ray.report.page.run_data import RunData, read_run
from dgtl_ray.report.tables import cell_text

_PAGE = Path(__file__).with_name("page.html")
_PART = re.compile("%([A-Z]+)%")
# Layers whose design spaces are shown; those that take most of an inference.
_LAYERS_SHOWN = 3


def write_page(runs: Sequence[str | RunData], file: Path) -> int:
    """Write the page of a run, or of several beside one another; its size in bytes.

    Plotly's library is in it, compressed: a browser of 2023 or later unpacks it.

    Raises:
        InputError: A run cannot be read, or the file not be written.
        MissingExtraError: Plotly is not installed.
    """
    read = [read_run(run) for run in runs]
    if not read:
        raise InputError("a page needs a run")
    figures = [json.loads(figure.to_json()) for figure in _figures(read)]
    titles = [_without_title(figure) for figure in figures]
    parts = {
        "TITLE": html.escape(" and ".join(data.name for data in read)),
        "FACTS": _facts(read),
        "COMPARISON": _comparison(read),
        "FINDINGS": _findings(read),
        "FIGURES": "\n".join(
            f'<figure class="{_width(figure)}"><figcaption>{html.escape(title)}</figcaption>'
            f'<div id="f{k}"></div></figure>'
            for k, (title, figure) in enumerate(zip(titles, figures, strict=True))
        ),
        # In a script `</` would end it, and `<!--` begin what no `</script>` ends.
        "DATA": json.dumps(figures).replace("<", "\\u003c"),
        "LIBRARY": base64.b64encode(gzip.compress(_library().encode(), 6)).decode(),
    }
    # All at once: a part may hold what looks like the place of another.
    text = _PART.sub(lambda place: parts[place[1]], _PAGE.read_text(encoding="utf-8"))
    try:
        return file.write_bytes(text.encode())
    except OSError as error:
        raise InputError(f"cannot write {file}: {error.strerror}") from error


def _figures(runs: Sequence[RunData]) -> list[Any]:
    of_run: list[Callable[[RunData], Any]] = [
        overview.plot_runtimes,
        overview.plot_layers,
        overview.plot_search_time,
        sources.plot_sources,
        predictions.plot_predictions,
        predictions.plot_calibration,
        progress.plot_failures,
        progress.plot_timeline,
    ]
    together = [
        progress.plot_optimization_history(runs, over=over) for over in ("trials", "seconds")
    ]
    # What is alike stands side by side.
    alone = [_named(plot(data), data, runs) for plot in of_run for data in runs]
    before = 2 * len(runs)
    return [*alone[:before], *together, *alone[before:], *_of_layers(runs[0], runs)]


def _named(figure: Any, run: RunData, runs: Sequence[RunData]) -> Any:
    """A figure whose title says which run it is of, where there are several."""
    if len(runs) > 1:
        figure.update_layout(title_text=f"{run.name}: {figure.layout.title.text}")
    return figure


def _of_layers(run: RunData, runs: Sequence[RunData]) -> list[Any]:
    plots: list[Callable[..., Any]] = [
        details.plot_tuning_set,
        details.plot_param_importances,
        details.plot_parallel_coordinate,
        details.plot_slice,
    ]
    layers = details.telling_layers(run, _LAYERS_SHOWN)
    return [_named(plot(run, layer=layer), run, runs) for layer in layers for plot in plots]


def _without_title(figure: dict[str, Any]) -> str:
    """The title of a figure, which leaves it: the page writes titles, and wraps long ones."""
    title: str = figure["layout"].pop("title")["text"]
    figure["layout"]["margin"]["t"] = max(40, figure["layout"]["margin"]["t"] - 44)
    return title


def _width(figure: dict[str, Any]) -> str:
    """`wide` where axes stand side by side: on a phone the reader moves it instead."""
    beside = any(trace["type"] == "parcoords" for trace in figure["data"])
    is_part = figure["layout"]["xaxis"].get("domain", [0, 1])[1] < 1
    return "wide" if beside or is_part else "any"


def _facts(runs: Sequence[RunData]) -> str:
    told = {
        "run": [data.name for data in runs],
        "network": [data.state.network for data in runs],
        "search": [data.state.search for data in runs],
        "trials": [str(len(data.searched)) for data in runs],
        "search time": [_duration(data) for data in runs],
        "one inference": [_latency(data) for data in runs],
        "best": [_best(data) for data in runs],
        "device": [str((data.result or {}).get("device", "")) for data in runs],
        "learned from": [_sources(data) for data in runs],
    }
    return "\n".join(_row(name, values) for name, values in told.items() if any(values))


def _row(name: str, values: Sequence[str]) -> str:
    return f"<tr><th>{name}</th>{_cells(values)}</tr>"


def _cells(values: Iterable[str]) -> str:
    return "".join(f"<td>{html.escape(value)}</td>" for value in values)


def _comparison(runs: Sequence[RunData]) -> str:
    """What `dgtl compare` prints, where there are several runs."""
    if len(runs) < 2:
        return ""
    rows = comparison_rows(runs)
    headings = "".join(f"<th>{html.escape(heading)}</th>" for heading in rows[0])
    body = "\n".join(f"<tr>{_cells(map(cell_text, row.values()))}</tr>" for row in rows)
    return f"<section><table>\n<tr>{headings}</tr>\n{body}\n</table></section>"


def _duration(data: RunData) -> str:
    spent = data.state.spent
    return "" if spent is None else f"{spent.total:.0f} s"


def _latency(data: RunData) -> str:
    tuned_s = ((data.result or {}).get("latency_s") or {}).get("tuned")
    return "" if tuned_s is None else f"{1e3 * tuned_s:.3f} ms"


def _best(data: RunData) -> str:
    """The metric of a function's best trial."""
    result = data.result or {}
    metric = result.get("metric", "")
    value = ((result.get("best") or {}).get("metrics") or {}).get(metric)
    return "" if value is None else f"{metric} {value:.6g}"


def _sources(data: RunData) -> str:
    """What a run says of them; one of an earlier version may say nothing."""
    told = (data.result or {}).get("sources")
    if told is None:
        return ""
    if not told:
        return "no history"
    rows = sum(source["measurements"] for source in told)
    heard = sum(bool(source["layers"]) for source in told)
    return f"{rows} measurements of {len(told)} source tasks, {heard} of them asked"


def _findings(runs: Sequence[RunData]) -> str:
    told = [(data.name, word) for data in runs for word in findings(data)]
    several = len(runs) > 1
    items = [html.escape(f"{name}: {word}" if several else word) for name, word in told]
    return "".join(f"<li>{item}</li>" for item in items) or "<li>nothing stands out</li>"


def _library() -> str:
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise MissingExtraError("drawing", "report") from error
    library: str = get_plotlyjs()
    return library
