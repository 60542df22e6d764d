import io
from collections.abc import Callable

import pytest
from rich.console import Console

from dgtl_ray.core.progress import LayerProgress, Monitor, Progress
from dgtl_ray.report import (
    LiveMonitor,
    PlainMonitor,
    key_value_table,
    rows_table,
    tuning_table,
)


def progress(best_s: float | None = 2e-3) -> Progress:
    layer = LayerProgress(
        name="fused_conv2d", flop=4e6, weight=3, best_s=best_s, trials=7, failed=1, done=False
    )
    return Progress(layers=(layer,), phase="building", elapsed_s=65.0, left_s=30.0)


def console() -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, width=140, force_terminal=False), text


def test_plain_lines_come_at_a_sensible_pace() -> None:
    out, text = console()
    monitor = PlainMonitor(out, interval_s=3600)
    for _ in range(5):
        monitor.update(progress())
    assert text.getvalue().count("7 trials") == 1
    assert "network 6.00 ms" in text.getvalue()
    assert "about 30s left" in text.getvalue()


def test_the_table_has_the_columns_that_tvm_users_know() -> None:
    out, text = console()
    monitor = PlainMonitor(out)
    monitor.update(progress())
    monitor.close()
    for title in ("ID", "Name", "FLOP", "Weight", "Speed (GFLOPS)", "Latency (us)", "Trials"):
        assert title in text.getvalue()
    assert "2,000.0" in text.getvalue()
    assert "6,000.0" in text.getvalue()


def test_no_latency_is_claimed_before_every_layer_has_one() -> None:
    out, text = console()
    PlainMonitor(out).update(progress(best_s=None))
    assert "network" not in text.getvalue()


def test_the_live_display_leaves_the_last_table() -> None:
    text = io.StringIO()
    monitor = LiveMonitor(Console(file=text, width=140, force_terminal=True))
    monitor.update(progress())
    monitor.note("something happened")
    monitor.close()
    assert "fused_conv2d" in text.getvalue()
    assert "something happened" in text.getvalue()


@pytest.mark.parametrize("kind", [LiveMonitor, PlainMonitor])
@pytest.mark.parametrize("note", ["pip install 'dgtl_ray[baselines]'", "[/x]", "of :x: [red]\\[b]"])
def test_notes_are_told_to_the_letter(kind: Callable[[Console], Monitor], note: str) -> None:
    out, text = console()
    monitor = kind(out)
    monitor.note(note)
    assert note in text.getvalue()


@pytest.mark.parametrize("name", ["dgtl_ray[baselines]", "[/x]", ":x:", "[b]\\"])
def test_tables_show_names_to_the_letter(name: str) -> None:
    out, text = console()
    layer = LayerProgress(
        name=name, flop=4e6, weight=3, best_s=None, trials=7, failed=1, done=False
    )
    out.print(tuning_table(Progress(layers=(layer,), phase="", elapsed_s=0.0, left_s=0.0)))
    out.print(rows_table([{name: name}], f"title {name}"))
    out.print(key_value_table([(name, name)]))
    assert text.getvalue().count(name) == 6
