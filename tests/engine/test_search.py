"""The engine on real Ray with real design spaces; building and timing are faked."""

import time
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import DeviceError
from dgtl_ray.core.knowledge import Knowledge
from dgtl_ray.core.measurement import Measurement, Stage, Status
from dgtl_ray.core.progress import SilentMonitor
from dgtl_ray.engine.board import publish, published, take_down
from dgtl_ray.engine.budget import Budget
from dgtl_ray.engine.clock import SearchTime
from dgtl_ray.engine.run import SearchOutcome, search
from dgtl_ray.model import Network
from dgtl_ray.space import DesignSpace
from tests.engine.conftest import MakeRequest, Sink
from tests.engine.fakes import (
    AllWrong,
    Leaving,
    NothingRunsUntuned,
    OnAnotherProcessor,
    WrongAnswers,
    device_report,
    flaky_builder,
    flaky_timer,
)

pytestmark = pytest.mark.usefixtures("ray_cluster")


def searched(rows: list[Measurement]) -> list[Measurement]:
    return [row for row in rows if row.stage is not Stage.CONFIRM]


def all_rows(outcome: SearchOutcome) -> list[Measurement]:
    return [row for rows in outcome.rows for row in rows]


def test_the_budget_is_spent_and_every_row_is_kept(make_request: MakeRequest) -> None:
    sink = Sink()
    outcome = search(make_request(sink=sink), SilentMonitor())
    assert outcome.ended == "the budget of 40 trials is spent"
    assert len(searched(sink.rows)) == 40
    assert sorted(row.trial for row in sink.rows) == list(range(len(sink.rows)))
    assert Counter(row.measurement_id for row in all_rows(outcome)) == Counter(
        row.measurement_id for row in sink.rows
    )


def test_every_layer_starts_with_its_default_schedule(
    make_request: MakeRequest, network: Network
) -> None:
    sink = Sink()
    search(make_request(sink=sink), SilentMonitor())
    defaults = [row.workload_key for row in sink.rows if row.stage is Stage.DEFAULT]
    assert sorted(defaults) == sorted(task.workload_key for task in network.tasks)


def test_default_schedules_are_built_while_history_is_learned(
    make_request: MakeRequest, tmp_path: Path
) -> None:
    built, seen = tmp_path / "built", []

    def learn(_device: DeviceDescriptor) -> Knowledge:
        deadline = time.monotonic() + 60
        while not built.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        seen.append(built.exists())
        return Knowledge()

    request = make_request(builder=partial(Leaving, built), learn=learn, budget=Budget(trials=5))
    search(request, SilentMonitor())
    assert seen == [True]


def test_the_fastest_configuration_of_each_layer_wins(make_request: MakeRequest) -> None:
    outcome = search(make_request(), SilentMonitor())
    for rows, winner in zip(outcome.rows, outcome.winners, strict=True):
        best_s = min(row.cost_s for row in rows if row.cost_s is not None)
        assert any(row.config == winner and row.cost_s == best_s for row in rows)


def test_no_configuration_is_tried_twice(make_request: MakeRequest) -> None:
    sink = Sink()
    search(make_request(sink=sink, budget=Budget(trials=120)), SilentMonitor())
    asked = Counter((row.workload_key, row.config) for row in searched(sink.rows))
    assert max(asked.values()) == 1


def test_what_was_fast_elsewhere_is_measured_first(make_request: MakeRequest) -> None:
    found = search(make_request(), SilentMonitor())
    tried = [
        [row for row in searched(list(rows)) if row.config and row.cost_s] for rows in found.rows
    ]
    known = [rows for rows in tried if len(rows) >= 2]
    unknown = replace(known[0][-1], config='{"sketch": 0}', space_key="another")
    told = [unknown, *(row for rows in known for row in (rows[-1], rows[-2]))]
    sink = Sink()
    search(make_request(run_id="next", sink=sink, recall=lambda _device: told), SilentMonitor())
    rows = [row for row in searched(sink.rows) if row.stage is not Stage.DEFAULT]
    for number, rank in enumerate((-1, -2)):
        part = rows[number * len(known) : (number + 1) * len(known)]
        assert {(row.workload_key, row.config) for row in part} == {
            (of_layer[rank].workload_key, of_layer[rank].config) for of_layer in known
        }


def test_failures_are_rows_and_the_search_goes_on(make_request: MakeRequest) -> None:
    sink = Sink()
    request = make_request(
        sink=sink, builder=flaky_builder, timer=flaky_timer, budget=Budget(trials=80)
    )
    outcome = search(request, SilentMonitor())
    statuses = Counter(row.status for row in searched(sink.rows))
    assert statuses[Status.BUILD_ERROR] > 5
    assert statuses[Status.RUN_TIMEOUT] > 5
    assert sum(statuses.values()) == 80
    assert all(row.cost_s is None for row in sink.rows if row.status is not Status.OK)
    for rows, winner in zip(outcome.rows, outcome.winners, strict=True):
        assert {row.status for row in rows if row.config == winner} == {Status.OK}


def test_a_winner_with_wrong_answers_is_recorded_and_replaced(make_request: MakeRequest) -> None:
    sink = Sink()
    outcome = search(make_request(sink=sink, timer=WrongAnswers), SilentMonitor())
    wrong = {(r.workload_key, r.config) for r in sink.rows if r.status is Status.WRONG_RESULT}
    assert wrong
    for rows, winner in zip(outcome.rows, outcome.winners, strict=True):
        assert (rows[0].workload_key, winner) not in wrong


def test_where_every_answer_is_wrong_the_default_schedule_remains(
    make_request: MakeRequest,
) -> None:
    sink = Sink()
    outcome = search(make_request(sink=sink, timer=AllWrong), SilentMonitor())
    assert set(outcome.winners) == {""}
    rejected = [row for row in sink.rows if row.status is Status.WRONG_RESULT]
    assert len({(row.workload_key, row.config) for row in rejected}) == len(rejected)


def test_a_winner_stands_where_the_layer_cannot_run_untuned(make_request: MakeRequest) -> None:
    sink = Sink()
    outcome = search(make_request(sink=sink, timer=NothingRunsUntuned), SilentMonitor())
    assert all(row.status is Status.OK for row in sink.rows)
    assert any(outcome.winners)


def test_a_resumed_search_goes_on_where_it_stopped(make_request: MakeRequest) -> None:
    first = Sink()
    search(make_request(sink=first, budget=Budget(trials=24)), SilentMonitor())
    before = list(first.rows)
    second = Sink()
    spent = SearchTime(total=100.0, proposing=1.0, building=60.0, timing=30.0, idle=9.0)
    request = make_request(
        sink=second, history=lambda _device: before, first_trial=len(before), spent=spent
    )
    outcome = search(request, SilentMonitor())
    assert len(searched(before)) + len(searched(second.rows)) == 40
    assert min(row.trial for row in second.rows) == len(before)
    known = {(row.workload_key, row.config) for row in before}
    assert not known & {(row.workload_key, row.config) for row in searched(second.rows)}
    assert outcome.time.total > 100.0


def test_where_the_budget_is_spent_nothing_is_learned(make_request: MakeRequest) -> None:
    def learn(_device: DeviceDescriptor) -> Knowledge:
        raise AssertionError("nobody is going to ask for it")

    first, budget = Sink(), Budget(trials=24)
    found = search(make_request(sink=first, budget=budget), SilentMonitor())
    rows = list(first.rows)
    request = make_request(
        history=lambda _device: rows, first_trial=len(rows), learn=learn, budget=budget
    )
    assert search(request, SilentMonitor()).winners == found.winners


def test_trials_whose_design_space_has_changed_count_and_keep_their_numbers(
    make_request: MakeRequest,
) -> None:
    """As after an upgrade: what they measured is of no use, and is not lost."""
    first = Sink()
    search(make_request(sink=first, budget=Budget(trials=24)), SilentMonitor())
    before = [replace(row, space_key="earlier") for row in first.rows]
    second = Sink()
    request = make_request(sink=second, history=lambda _device: before, first_trial=len(before))
    search(request, SilentMonitor())
    assert len(searched(before)) + len(searched(second.rows)) == 40
    assert sorted(row.trial for row in [*before, *second.rows]) == list(
        range(len(before) + len(second.rows))
    )


@pytest.mark.long
def test_what_is_fast_in_a_layer_is_tried_in_its_kin(
    make_request: MakeRequest, network: Network, spaces: list[DesignSpace]
) -> None:
    sink = Sink()
    of_size = sorted(range(len(spaces)), key=lambda k: spaces[k].size)
    first, second = (network.tasks[k] for k in of_size[-2:])
    # For the fakes a schedule is only a text: two tasks may have one space.
    alike = [spaces[of_size[-1]]] * 2
    search(
        make_request(
            sink=sink,
            search="dgtl",
            tasks=(first, second),
            spaces=alike,
            budget=Budget(trials=98),
        ),
        SilentMonitor(),
    )
    asked = {
        task.workload_key: {r.config for r in sink.rows if r.workload_key == task.workload_key}
        for task in (first, second)
    }
    in_both = asked[first.workload_key] & asked[second.workload_key] - {""}
    assert len(in_both) >= 2  # none where nothing is passed on


def test_a_search_for_another_kind_of_device_does_not_begin(make_request: MakeRequest) -> None:
    sink = Sink()
    with pytest.raises(DeviceError, match=r"it is cpu/fake/2, this run tunes for cpu/other/8"):
        search(make_request(sink=sink, device_key="cpu/other/8"), SilentMonitor())
    assert sink.rows == []


def test_a_processor_of_another_generation_is_not_timed_on(make_request: MakeRequest) -> None:
    with pytest.raises(DeviceError, match=r"left to time on: of .*, its processor is a znver4"):
        search(make_request(timer=OnAnotherProcessor), SilentMonitor())


def test_a_search_tells_of_which_processor_its_devices_are(make_request: MakeRequest) -> None:
    request = make_request(processor="znver5", budget=Budget(trials=5))
    (report,) = search(request, SilentMonitor()).devices
    assert (report.kind, report.processor) == ("cpu", "znver5")


def test_the_history_of_another_run_is_known_but_not_counted(make_request: MakeRequest) -> None:
    other = Sink()
    search(make_request(sink=other, run_id="other"), SilentMonitor())
    sink = Sink()
    outcome = search(make_request(sink=sink, history=lambda _device: other.rows), SilentMonitor())
    assert len(searched(sink.rows)) == 40
    best_before = min(row.cost_s for row in other.rows if row.cost_s is not None)
    best_after = min(row.cost_s for row in all_rows(outcome) if row.cost_s is not None)
    assert best_after <= best_before


def test_the_same_seed_gives_the_same_trials(make_request: MakeRequest) -> None:
    runs = []
    for _ in range(2):
        sink = Sink()
        search(make_request(sink=sink, search="random"), SilentMonitor())
        runs.append([(row.workload_key, row.config) for row in searched(sink.rows)])
    assert runs[0] == runs[1]


def test_runs_tell_of_their_devices_until_they_end() -> None:
    report = device_report()
    publish("a run", [report])
    assert published()["a run"] == [report.as_dict()]
    take_down("a run")
    assert "a run" not in published()


def test_small_spaces_are_searched_to_the_end(
    make_request: MakeRequest, network: Network, spaces: list[DesignSpace]
) -> None:
    small = [k for k, space in enumerate(spaces) if space.size < 200]
    assert small
    sink = Sink()
    request = make_request(
        sink=sink,
        tasks=[network.tasks[k] for k in small],
        spaces=[spaces[k] for k in small],
        budget=Budget(trials=100_000),
    )
    outcome = search(request, SilentMonitor())
    assert "whole design space" in outcome.ended
    most = sum(spaces[k].size + 1 for k in small)
    assert len(small) < len(searched(sink.rows)) <= most
