"""A run to look at: figures of it, findings in words, a page of both."""

import html
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgtl_ray import report as page
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Measurement, Stage, Status, TimedIn
from dgtl_ray.report.page.knob_values import KnobTable
from dgtl_ray.report.page.progress import best_so_far
from tests.report.runs import RESULT, trial, write_run

SOURCE: dict[str, Any] = {
    "name": "vgg16 conv",
    "device": "other",
    "measurements": 300,
    "layers": 3,
    "correlation": 0.7,
    "distrusted": [],
}


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
        page.plot_calibration(run),
    ]
    for figure in figures:
        assert figure.layout.title.text
        assert figure.layout.xaxis.title.text
    assert page.plot_parallel_coordinate(run).data[0].dimensions[-1].label == "latency, log10 us"
    assert page.plot_slice(run).layout.yaxis.title.text == "latency, us"


def test_figures_hold_the_numbers(run: str) -> None:
    runtimes = page.plot_runtimes(run).data[0]
    assert dict(zip(runtimes.y, runtimes.x, strict=True)) == {"tuned": 1.0, "ONNX Runtime": 2.0}
    assert {bar.name: list(bar.x) for bar in page.plot_layers(run).data} == {
        "default schedule, alone": [pytest.approx(1600.0), None],
        "tuned, alone": [pytest.approx(600.0), None],
        "tuned, in the network": [pytest.approx(800.0), pytest.approx(100.0)],
    }
    assert list(page.plot_failures(run).data[0].y) == [2]


def test_no_figure_says_of_layers_timed_alone_that_they_ran_in_the_network(tmp_path: Path) -> None:
    def plotted(name: str, layer: dict[str, Any]) -> Any:
        result = {**RESULT, "layers": [layer]}
        return page.plot_layers(write_run(tmp_path / name, [trial(0)], result=result))

    layer = {**RESULT["layers"][0], "timed_in": "alone"}
    names = [bar.name for bar in plotted("gpu", layer).data]
    assert names == ["default schedule, alone", "tuned, alone"]
    del layer["timed_in"]
    assert "of an earlier version" in plotted("old", layer).layout.annotations[0].text


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


def timed_again(factor: float, **changes: Any) -> list[Measurement]:
    """The default schedules of two layers, one ten times the other, each timed 20 times again."""
    rows: list[Measurement] = []
    for layer, cost_s in (("a", 1e-3), ("b", 1e-2)):
        rows.append(replace(trial(len(rows), layer), config="", cost_s=cost_s))
        rows += [
            replace(
                trial(len(rows) + k, layer),
                config="",
                cost_s=factor * cost_s,
                stage=Stage.CONFIRM,
                **changes,
            )
            for k in range(20)
        ]
    return rows


@pytest.mark.parametrize(
    ("rows", "noisy"),
    [
        (timed_again(1.0), False),
        (timed_again(1.5, timed_in=TimedIn.NETWORK), False),
        (timed_again(1.5, passed_bytes=9), False),
        (timed_again(1.5), True),
    ],
    ids=["quiet", "in the network", "past other data", "noisy"],
)
def test_noise_is_of_what_was_timed_again_in_the_same_way(
    rows: list[Measurement], noisy: bool, tmp_path: Path
) -> None:
    said = page.findings(write_run(tmp_path / "run", rows))
    assert any("timings are noisy" in word for word in said) is noisy


def test_runs_side_by_side(run: str, tmp_path: Path) -> None:
    slower = [replace(trial(k), cost_s=0.1, repeats_s=(0.1,)) for k in range(8)]
    rows = page.comparison_rows([run, write_run(tmp_path / "other", slower)])
    assert [row["trials"] for row in rows] == [50, 8]
    assert rows[0]["trials to 1.05 × best"] is not None
    assert rows[1]["trials to 1.05 × best"] is None


def test_generations_that_share_a_device_key_have_each_their_best(run: str, tmp_path: Path) -> None:
    slower = [replace(trial(k), cost_s=0.1, repeats_s=(0.1,)) for k in range(8)]
    older = page.read_run(write_run(tmp_path / "older", slower))
    older = replace(older, state=replace(older.state, target='{"mcpu": "znver4"}'))
    assert page.comparison_rows([run, older])[1]["trials to 1.05 × best"] == 1


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


def test_without_noted_rounds_seconds_count_from_the_first_trial(tmp_path: Path) -> None:
    # A trial every two seconds, and the second one faster.
    rows = [trial(1), trial(4), trial(5)]
    run = write_run(tmp_path / "run", rows, finished=False)
    assert list(page.read_run(run).seconds) == [0.0, 6.0, 8.0]
    assert list(page.plot_optimization_history(run, over="seconds").data[0].x) == [0.0, 6.0, 8.0]
    assert page.comparison_rows([run])[0]["seconds to it"] == 6.0
    nothing = replace(page.read_run(run), rows=())
    assert len(nothing.seconds) == 0


def test_trials_that_ran_at_once_count_in_the_order_in_which_they_ended(tmp_path: Path) -> None:
    """The first one is the fastest, and ends last."""
    ends = [trial(k).created_at for k in (6, 2, 4)]
    rows = [replace(trial(k), created_at=end) for k, end in enumerate(ends)]
    run = write_run(tmp_path / "run", rows, finished=False)
    line = page.plot_optimization_history(run, over="seconds").data[0]
    assert list(line.x) == [0.0, 4.0, 8.0]
    assert list(best_so_far(page.read_run(run))) == pytest.approx([6e-3, 6e-3, 4e-3])
    (told,) = page.comparison_rows([run])
    assert (told["trials to 1.05 × best"], told["seconds to it"]) == (3, 8.0)


def test_every_kind_of_device_has_a_lane(tmp_path: Path) -> None:
    rows = [replace(trial(k), device_key=f"cpu/{'ab'[k % 2]}/2") for k in range(12)]
    rows[3] = replace(rows[3], cost_s=None, status=Status.RUN_ERROR, error="no", repeats_s=())
    figure = page.plot_timeline(write_run(tmp_path / "run", rows))
    assert [lane.text for lane in figure.layout.annotations] == ["cpu/a/2", "cpu/b/2"]
    assert [(trace.name, trace.yaxis, len(trace.x)) for trace in figure.data] == [
        ("ok", "y", 6),
        ("failed", "y", 0),
        ("ok", "y2", 5),
        ("failed", "y2", 1),
    ]
    assert figure.layout.yaxis2.title.text == "build + timing, s"
    assert figure.layout.xaxis2.title.text == "minutes from the first"


def test_what_each_source_contributed(run: str, tmp_path: Path) -> None:
    assert "nothing is noted" in page.plot_sources(run).layout.annotations[0].text
    sources = [
        SOURCE,
        {**SOURCE, "name": "misleading", "correlation": -0.1, "distrusted": ["a", "b"]},
        {**SOURCE, "name": "young", "correlation": None},
        {**SOURCE, "name": "never asked", "layers": 0},
    ]
    told = write_run(tmp_path / "told", [trial(0)], result={**RESULT, "sources": sources})
    figure = page.plot_sources(told)
    trusted, others = figure.data
    assert list(trusted.x) == [0.7, 0.0]
    assert list(others.x) == [-0.1]
    assert list(figure.layout.yaxis.ticktext) == [
        "vgg16 conv<br>trusted by 3 of 3",
        "misleading<br>trusted by 1 of 3",
        "young<br>too few trials to say",
    ]


def test_calibration_shows_what_intervals_hold(tmp_path: Path) -> None:
    """Half of the trials are where they were predicted, the others far off."""
    rows = [trial(k) for k in range(20)]
    rows = [replace(row, predicted_mean=0.0) if row.trial % 2 else row for row in rows]
    held, ideal = page.plot_calibration(write_run(tmp_path / "run", rows)).data
    assert list(held.x) == pytest.approx(list(range(5, 100, 5)))
    assert list(held.y) == [50.0] * 19
    assert list(ideal.x) == list(ideal.y)
    blind = write_run(tmp_path / "blind", [replace(trial(0), predicted_mean=None)])
    assert "predicts nothing" in page.plot_calibration(blind).layout.annotations[0].text


def test_a_page_of_several_runs_compares_them(run: str, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    page.write_page([run], file)
    assert "to 1.05" not in file.read_text()
    page.write_page([run, write_run(tmp_path / "other", [trial(k) for k in range(8)])], file)
    text = file.read_text()
    assert "<th>trials to 1.05 × best</th><th>seconds to it</th>" in text
    assert "<tr><td>run</td><td>net</td><td>dgtl</td><td>0</td><td>50</td>" in text


@pytest.mark.parametrize("name", ["%DATA%", "%LIBRARY%", "<!--<script>", "</script>", "&amp;"])
def test_no_name_breaks_the_page(tmp_path: Path, name: str) -> None:
    rows = [replace(trial(k), task=name) for k in range(8)]
    run = page.read_run(write_run(tmp_path / "run", rows))
    file = tmp_path / "page.html"
    page.write_page([replace(run, name=name)], file)
    text = file.read_text()
    assert f"<h1>{html.escape(name)}</h1>" in text
    found = re.search('<script id="data" type="application/json">(.*?)</script>', text)
    assert found is not None
    assert "<" not in found[1]
    shown = [trace.get("text") for figure in json.loads(found[1]) for trace in figure["data"]]
    assert [name] * 8 in shown
