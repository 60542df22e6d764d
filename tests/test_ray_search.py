"""`DgtlSearch` inside `ray.tune.Tuner`: spaces, failures, saving, what it learns from."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import dgtl_ray
from dgtl_ray.core.errors import InputError, MissingExtraError
from tests.functions import PARAMETERS, RESTRICTIONS, latency_s

pytestmark = pytest.mark.slow


def failing_for_small(config: dict[str, Any]) -> dict[str, float]:
    if config["x"] == 1:
        raise RuntimeError("too small")
    return {"latency_s": latency_s({**config, "mode": "b"})}


def searcher(**changes: Any) -> dgtl_ray.DgtlSearch:
    settings = {"search": "random", "metric": "latency_s", "mode": "min", **changes}
    return dgtl_ray.DgtlSearch(PARAMETERS, restrictions=RESTRICTIONS, **settings)


def drive(search: dgtl_ray.DgtlSearch, trials: range) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []
    for k in trials:
        config = search.suggest(f"trial-{k}")
        assert isinstance(config, dict)
        seen.append(config)
        failed = k % 5 == 4
        told = None if failed else {"latency_s": latency_s(config)}
        search.on_trial_complete(f"trial-{k}", told, error=failed)
    return seen


@pytest.mark.usefixtures("ray_cluster")
def test_ray_tune_searches_with_it(tmp_path: Path) -> None:
    from ray import tune

    search = dgtl_ray.DgtlSearch(search="random")
    grid = tune.Tuner(
        failing_for_small,
        param_space={"x": tune.choice([1, 2]), "y": tune.randint(1, 3), "constant": [3, 4]},
        tune_config=tune.TuneConfig(
            search_alg=search, metric="latency_s", mode="min", num_samples=10
        ),
        run_config=tune.RunConfig(name="run", storage_path=str(tmp_path), verbose=0),
    ).fit()
    # Four configurations there are, and each was tried once: half of them fail.
    assert (len(grid), grid.num_errors) == (4, 2)
    assert grid.get_best_result().config == {"x": 2, "y": 2, "constant": [3, 4]}
    (kept,) = (tmp_path / "run").glob("searcher-state-*")
    assert len(json.loads(kept.read_text())["search"]["told"]) == 4


def test_what_was_saved_goes_on_alike(tmp_path: Path) -> None:
    first = searcher()
    seen = drive(first, range(6))
    first.suggest("under way")
    first.save(str(tmp_path / "state"))
    second = searcher()
    second.restore(str(tmp_path / "state"))
    second.on_trial_complete("under way", {"latency_s": 1.0})
    first.on_trial_complete("under way", {"latency_s": 1.0})
    more = drive(second, range(6, 12))
    assert more == drive(first, range(6, 12))
    assert not [config for config in more if config in seen]


def test_what_was_saved_is_never_unpickled(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"\x80\x04N.")
    with pytest.raises(InputError, match="damaged"):
        searcher().restore(str(tmp_path / "state"))


def test_failures_teach(tmp_path: Path) -> None:
    search = searcher()
    drive(search, range(5))
    search.save(str(tmp_path / "state"))
    told = json.loads((tmp_path / "state").read_text())["search"]["told"]
    assert [value is None for _, value in told] == [False] * 4 + [True]


@pytest.mark.parametrize("told", [{"latency_s": 0.0}, {"latency_s": "text"}, {"other": 1.0}])
def test_what_is_no_time_costs_its_trial_alone(told: dict[str, Any], tmp_path: Path) -> None:
    search = searcher()
    search.suggest("trial")
    search.on_trial_complete("trial", told)
    search.save(str(tmp_path / "state"))
    kept = json.loads((tmp_path / "state").read_text())["search"]["told"]
    assert [value for _, value in kept] == [None]


def test_domains_of_ray_tune_may_be_nested() -> None:
    from ray import tune

    search = dgtl_ray.DgtlSearch(search="random")
    space = {"kernel": {"x": tune.choice([1, 2])}, "y": tune.grid_search([3, 4]), "z": 5}
    assert search.set_search_properties("score", "max", space)
    seen = [search.suggest(str(k)) for k in range(5)]
    assert sorted(str(config) for config in seen[:4]) == sorted(
        str({"kernel": {"x": x}, "y": y}) for x in (1, 2) for y in (3, 4)
    )
    assert seen[4] == search.FINISHED


def test_a_space_of_its_own_and_ray_tunes_exclude_each_other() -> None:
    from ray import tune

    assert searcher().set_search_properties(None, None, {"constant": 3})
    assert not searcher().set_search_properties(None, None, {"x": tune.choice([1])})


def test_without_a_space_it_says_what_to_do() -> None:
    with pytest.raises(InputError, match="give DgtlSearch a space"):
        dgtl_ray.DgtlSearch().suggest("first")


def test_without_ray_tune_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray.tune.search", None)
    monkeypatch.delitem(sys.modules, "dgtl_ray.searcher", raising=False)
    with pytest.raises(MissingExtraError, match=r"pip install 'dgtl_ray\[tune\]'"):
        dgtl_ray.DgtlSearch()
