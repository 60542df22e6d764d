"""What ends a function's run by itself, and what is only told of its trials."""

from collections.abc import Callable
from typing import Any

import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import Objective
from dgtl_ray.core.measurement import Measurement, Status
from dgtl_ray.run.stopping import read_stop
from dgtl_ray.testing.measurements import example_measurement


def hearing(stop: Any) -> Callable[[Measurement], str]:
    hear = read_stop(stop, Objective())
    assert hear is not None
    return hear


def ok(trial: int) -> Measurement:
    metrics = {"latency_s": 0.002, "gflops": 5.0}
    return example_measurement(trial, metrics=metrics, config='{"tile": [4, 2]}')


def failed(trial: int) -> Measurement:
    return example_measurement(trial, status=Status.RUN_ERROR, config='{"tile": [4, 2]}')


def test_a_function_gets_what_ray_tune_tells_and_ends_nothing() -> None:
    told: list[tuple[str, dict[str, Any]]] = []

    def stop(trial_id: str, result: dict[str, Any]) -> bool:
        told.append((trial_id, result))
        return True

    hear = hearing(stop)
    assert [hear(ok(3)), hear(failed(4))] == ["", ""]
    ((trial_id, result),) = told
    assert trial_id == result["trial_id"] == "run-3"
    assert (result["training_iteration"], result["time_total_s"]) == (1, 0.1)
    assert (result["latency_s"], result["config"]) == (0.002, {"tile": (4, 2)})


def test_one_that_raises_is_named() -> None:
    hear = hearing(lambda trial_id, result: result["loss"] > 1)
    with pytest.raises(InputError, match=r"stop <lambda> raised after run-3: KeyError\('loss'\)"):
        hear(ok(3))


class Third:
    """Ends the run when it is asked for the third time, and every trial of which it hears."""

    def __init__(self) -> None:
        self.heard = self.asked = 0

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        self.heard += 1
        return True

    def stop_all(self) -> bool:
        self.asked += 1
        return self.asked == 3


def test_a_stopper_ends_the_run_by_stop_all_alone_whatever_trials_fail() -> None:
    stopper = Third()
    hear = hearing(stopper)
    said = [hear(ok(0)), hear(failed(1)), hear(failed(2))]
    assert said == ["", "", "the stopper said so after run-2"]
    assert stopper.heard == 1


@pytest.mark.slow
def test_stoppers_of_ray_tune() -> None:
    from ray.tune.stopper import ExperimentPlateauStopper, MaximumIterationStopper

    assert hearing(MaximumIterationStopper(1))(ok(0)) == ""
    plateau = hearing(ExperimentPlateauStopper("latency_s", top=2))
    assert [plateau(ok(0)), plateau(ok(1))] == ["", "the stopper said so after run-1"]


@pytest.mark.parametrize(
    ("stop", "is_over"),
    [
        ({"latency_s": 0.002}, True),
        ({"latency_s": 0.001}, False),
        ({"gflops": 5}, True),
        ({"gflops": 6}, False),
    ],
)
def test_a_number_is_reached_by_what_is_as_good(stop: dict[str, float], is_over: bool) -> None:
    hear = hearing(stop)
    assert bool(hear(ok(0))) is is_over
    assert hear(failed(1)) == ""


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(InputError, match="give a number for each metric"):
        read_stop({"latency_s": "soon"}, Objective())
