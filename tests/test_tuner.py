"""What a `Tuner` is given: what only networks, or only functions have, and what a run kept."""

from pathlib import Path
from typing import Any

import pytest

import dgtl_ray
from dgtl_ray.core.errors import InputError
from dgtl_ray.function_tuner import with_settings
from dgtl_ray.run.folder import RunFolder
from dgtl_ray.testing.runs import example_state
from tests.functions import PARAMETERS, latency_s


def test_a_function_takes_nothing_that_only_networks_have() -> None:
    with pytest.raises(InputError, match="target, model, shapes: that is for networks"):
        dgtl_ray.Tuner(
            latency_s, param_space=PARAMETERS, target="cuda", model="model", shapes={"x": (1,)}
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("samples_per_layer", 3),
        ("patience_per_layer", 3),
        ("min_gain", 0.1),
        ("exact_math", True),
        ("precision", "float16"),
        ("algorithms", ("direct",)),
    ],
)
def test_a_function_says_what_only_networks_have(name: str, value: Any) -> None:
    tune_config = dgtl_ray.TuneConfig(**{name: value})
    with pytest.warns(UserWarning, match=rf"TuneConfig\({name}=…\) has no effect"):
        dgtl_ray.Tuner(latency_s, param_space=PARAMETERS, tune_config=tune_config)


def test_a_cluster_is_not_asked_for_a_device_for_a_function() -> None:
    with pytest.warns(UserWarning, match=r"RunConfig\(device=…\) has no effect"):
        dgtl_ray.Tuner(
            latency_s, param_space=PARAMETERS, run_config=dgtl_ray.RunConfig(device="A100")
        )


def test_a_function_that_ends_a_trial_has_no_effect() -> None:
    with pytest.warns(UserWarning, match=r"RunConfig\(stop=…\) has no effect: a function ends"):
        dgtl_ray.RunConfig(stop=lambda trial_id, result: True)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(InputError, match="seed is -1: give a whole number from 0 to"):
        dgtl_ray.TuneConfig(seed=-1)


def test_fewer_calls_at_once_than_none_are_refused(tmp_path: Path) -> None:
    tuner = dgtl_ray.Tuner(
        latency_s,
        param_space=PARAMETERS,
        tune_config=dgtl_ray.TuneConfig(max_concurrent_trials=-1),
        run_config=dgtl_ray.RunConfig(name="run", storage_path=tmp_path),
    )
    with pytest.raises(InputError, match="max_concurrent_trials is -1: give 1 or more"):
        tuner.fit()
    assert not list(tmp_path.iterdir())


def test_a_restored_run_has_the_settings_that_are_not_given_anew() -> None:
    kept: dict[str, Any] = {
        "num_samples": 5,
        "time_budget_s": 60.0,
        "metric": "score",
        "mode": "max",
        "max_concurrent_trials": 2,
        "resources_per_trial": {"gpu": 1},
    }
    whole = with_settings(dgtl_ray.TuneConfig(), kept)
    assert {name: getattr(whole, name) for name in kept} == kept
    more = with_settings(dgtl_ray.TuneConfig(num_samples=9, max_concurrent_trials=3), kept)
    changed = {"num_samples": 9, "time_budget_s": None, "max_concurrent_trials": 3}
    assert {name: getattr(more, name) for name in kept} == {**kept, **changed}


def test_a_restored_networks_run_has_its_own_algorithms(tmp_path: Path) -> None:
    RunFolder(tmp_path / "run").write(example_state(algorithms="direct,matmul"))
    restored = dgtl_ray.Tuner.restore(tmp_path / "run", "resnet18")
    assert restored._tune.algorithms == ("direct", "matmul")
