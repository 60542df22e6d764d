"""What is printed of a run and of a check: to the letter, whatever is in it."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from dgtl_ray.model.checking.report import CheckReport
from dgtl_ray.report import print_check, print_summary
from dgtl_ray.run.results import Result, ResultGrid, RunSummary
from dgtl_ray.run.source_use import SourceUse
from tests.report.runs import SPENT

WORDS = ["pip install 'dgtl_ray[baselines]'", "[/x]", ":x:"]


def console() -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, width=200, force_terminal=False), text


def grid(word: str) -> ResultGrid:
    """A run whose every text is the word."""
    result = Result(
        task=word,
        operator="conv2d",
        workload_key="k",
        flop=1e6,
        weight=1,
        config="",
        latency_s=None,
        measured_s=None,
        default_s=None,
        trials=1,
        failed=1,
        error=f"error {word}",
    )
    source = SourceUse(
        name=f"source {word}",
        device="cpu",
        measurements=9,
        layers=1,
        correlation=None,
        distrusted=(),
    )
    summary = RunSummary(
        network="net",
        target="cpu",
        device=f"device {word}",
        run_id="r",
        search="dgtl",
        seed=0,
        verified=True,
        max_relative_error=0.0,
        trials=1,
        failed=1,
        latency_s={"tuned": None},
        search_s=SPENT.as_dict(),
        memory_bytes={"total": 1, "driver": 1},
        history=f"history {word}",
        module=f"module {word}",
        toolchain={},
        verdict=f"verdict {word}",
        sources=(source,),
        notes=(f"note {word}",),
    )
    return ResultGrid([result], summary)


@pytest.mark.parametrize("word", WORDS)
def test_a_summary_says_everything_to_the_letter(word: str) -> None:
    out, text = console()
    print_summary(out, grid(word))
    for kind in ("error", "source", "device", "history", "module", "verdict", "note"):
        assert f"{kind} {word}" in text.getvalue()
    assert text.getvalue().count(word) == 9


@pytest.mark.parametrize(
    ("place", "title"),
    [("network", "layers, as they run in the network"), ("alone", "layers, timed alone")],
)
def test_the_table_of_layers_says_where_they_were_timed(place: str, title: str) -> None:
    whole = grid("net")
    layer = replace(whole[0], timed_in=place, latency_s=2e-6, alone_s=3e-6, default_s=5e-6)
    out, text = console()
    print_summary(out, ResultGrid([layer], whole.summary))
    lines = [line.strip() for line in text.getvalue().splitlines()]
    assert title in lines
    assert any("alone (us)   default alone (us)" in line for line in lines)


@pytest.mark.parametrize("word", WORDS)
def test_a_check_says_everything_to_the_letter(word: str) -> None:
    out, text = console()
    print_check(out, CheckReport(network=word, outputs=(), notes=(word,), seconds=1.0))
    assert f"note: {word}" in text.getvalue()
    assert f"{word} gives its framework's own answers" in text.getvalue()
