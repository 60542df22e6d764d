"""A run to look at: figures of it, findings in words, a page that a browser draws."""

import re
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgtl_ray import report as page
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Measurement, Stage, Status
from dgtl_ray.engine.clock import SearchTime
from dgtl_ray.history import ParquetHistory
from dgtl_ray.report.page.knob_values import KnobTable
from dgtl_ray.report.page.progress import best_so_far
from dgtl_ray.run.folder import RunFolder, RunState
from dgtl_ray.testing.measurements import example_measurement

SPENT = SearchTime(total=100.0, proposing=10.0, building=60.0, timing=28.0, idle=2.0)
RESULT = {
    "device": "two cores",
    "latency_s": {"tuned": 1e-3, "onnxruntime": 2e-3, "untuned": 1.0, "mnn": None},
    "verdict": "",
    "sources": [],
    "layers": [
        {"id": 0, "name": "conv", "weight": 2, "latency_s": 4e-4, "default_s": 8e-4},
        {"id": 1, "name": "</script>", "weight": 1, "latency_s": 1e-4, "default_s": None},
    ],
}


def trial(k: int, layer: str = "a", **changes: Any) -> Measurement:
    """Slower with `unroll`, whatever `at` is."""
    unroll, at = 2 ** (k % 4), k % 3
    row = example_measurement(
        k,
        run_id="r",
        workload_key=layer,
        task=f"conv_{layer}",
        weight=2 if layer == "a" else 1,
        cost_s=1e-3 * (1 + unroll),
        encoding=(float(unroll), float(at), float(k)),
    )
    return replace(
        row,
        config=f'{{"sketch": 1, "unroll": {unroll}, "at": {at}, "tile": [{unroll}, 2]}}',
        predicted_mean=float(np.log(1e-3 * (1 + unroll))),
        predicted_std=0.1,
        stage=Stage.TUNING_SET if k < 8 else Stage.SEARCH,
        created_at=row.created_at + timedelta(seconds=k),
        **changes,
    )


def write_run(folder: Path, rows: list[Measurement], *, finished: bool = True) -> str:
    run = RunFolder(folder)
    state = RunState(
        run_id="r",
        network="net",
        network_hash="h",
        target="{}",
        search="dgtl",
        seed=0,
        history=run.history,
    )
    run.begin(state, resume=False)
    ParquetHistory(run.history).append(rows)
    if finished:
        run.save_result(RESULT)
        run.save_time(state, SPENT, finished=True)
    return str(folder)


@pytest.fixture
def run(tmp_path: Path) -> str:
    rows = [trial(k, "ab"[k % 2]) for k in range(48)]
    failed: dict[str, Any] = {"status": Status.BUILD_ERROR, "error": "no <room>", "repeats_s": ()}
    rows += [replace(trial(48 + k), cost_s=None, **failed) for k in range(2)]
    return write_run(tmp_path / "run", rows)


def test_best_so_far_begins_when_all_layers_ran(run: str) -> None:
    best_s = best_so_far(page.read_run(run))
    assert np.isnan(best_s[0])
    # Layer a only ever has even trials: unroll is 1 or 4; layer b 2 or 8.
    assert best_s[-1] == pytest.approx(2 * 2e-3 + 3e-3)
    assert (np.diff(best_s[1:]) <= 0).all()


def test_what_matters_is_told_apart_from_what_does_not(run: str) -> None:
    shares = KnobTable(page.read_run(run).layer("conv_a")).shares()
    assert shares["unroll"] > 0.9
    assert shares["at"] < 0.2


def test_every_figure_names_its_axes(run: str) -> None:
    figures = [
        page.plot_optimization_history(run),
        page.plot_optimization_history([run, run], over="seconds"),
        page.plot_predictions(run),
        page.plot_failures(run),
        page.plot_timeline(run),
        page.plot_runtimes(run),
        page.plot_layers(run),
        page.plot_search_time(run),
        page.plot_param_importances(run, layer="conv_b"),
        page.plot_tuning_set(run),
    ]
    for figure in figures:
        assert figure.layout.title.text
        assert figure.layout.xaxis.title.text
    assert page.plot_parallel_coordinate(run).data[0].dimensions[-1].label == "latency, log10 us"
    assert page.plot_slice(run).layout.yaxis.title.text == "latency, us"


def test_figures_hold_the_numbers(run: str) -> None:
    runtimes = page.plot_runtimes(run).data[0]
    assert dict(zip(runtimes.y, runtimes.x, strict=True)) == {"tuned": 1.0, "ONNX Runtime": 2.0}
    before, after = page.plot_layers(run).data
    assert list(after.x) == pytest.approx([800.0, 100.0])
    assert list(before.x)[1] is None
    assert list(page.plot_failures(run).data[0].y) == [2]


def test_a_run_that_has_only_begun_is_drawn(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [trial(0)], finished=False)
    assert page.write_page([run], tmp_path / "page.html") > 0
    assert any("has not ended" in word for word in page.findings(run))
    with pytest.raises(InputError, match="no layer 'x'"):
        page.plot_slice(run, layer="x")
    with pytest.raises(InputError, match="no run to resume"):
        page.read_run(tmp_path / "missing")


def test_findings_say_what_stands_out(tmp_path: Path) -> None:
    rows = [replace(trial(k), predicted_mean=0.0, predicted_std=1e-3) for k in range(120)]
    failed: dict[str, Any] = {"status": Status.BUILD_ERROR, "error": "too large\nmore"}
    rows += [replace(trial(120 + k), cost_s=None, repeats_s=(), **failed) for k in range(60)]
    said = page.findings(write_run(tmp_path / "run", rows))
    assert "33% of trials failed, most often with build_error (60): too large" in said
    assert "no gain of more than 0.5 % in the last 179 of 180 trials" in said
    assert any("overconfident on 1 of 1 layers: conv_a" in word for word in said)


def test_runs_side_by_side(run: str, tmp_path: Path) -> None:
    slower = [replace(trial(k), cost_s=0.1, repeats_s=(0.1,)) for k in range(8)]
    rows = page.comparison_rows([run, write_run(tmp_path / "other", slower)])
    assert [row["trials"] for row in rows] == [50, 8]
    assert rows[0]["trials to 1.05 × best"] is not None
    assert rows[1]["trials to 1.05 × best"] is None


def test_one_file_that_needs_no_network(run: str, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    size = page.write_page([run], file)
    text = file.read_text()
    assert size == file.stat().st_size < 5e6
    assert not re.search(r'(src|href)="(http|//)', text)
    assert text.count("</script>") == 3  # a layer's name ends none


def test_figures_of_several_runs_say_which_they_are_of(run: str, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    page.write_page([run, write_run(tmp_path / "other", [trial(k) for k in range(8)])], file)
    captions = re.findall("<figcaption>(.*?)</figcaption>", file.read_text())
    assert [text for text in captions if text.endswith("beside other runtimes")] == [
        "run: One inference, beside other runtimes",
        "other: One inference, beside other runtimes",
    ]
    assert "Best so far, over trials" in captions
    page.write_page([run], file)
    assert "<figcaption>One inference, beside other runtimes" in file.read_text()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_a_browser_draws_it_without_complaint(run: str, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    page.write_page([run], file)
    quiet = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000")
    shown = subprocess.run(
        ["chromium", *quiet, "--enable-logging=stderr", "--dump-dom", str(file)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    drawn = re.search(r'data-drawn="(\d+)"', shown.stdout)
    assert drawn is not None
    assert int(drawn[1]) == shown.stdout.count("<figcaption>")
    # A browser without a graphics card tells that it draws in software.
    said = [line for line in shown.stderr.splitlines() if "CONSOLE" in line]
    assert [line for line in said if "WebGL" not in line and "GPU stall" not in line] == []
