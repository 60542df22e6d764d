"""A saved network, looked at from inside."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dgtl_ray.core.errors import DgtlError
from dgtl_ray.core.inside import Inside, inside_of
from dgtl_ray.deploy import look_inside
from dgtl_ray.deploy.inside_server import observe
from dgtl_ray.model import Network, keys_of_functions


def test_every_layer_is_seen_in_order(saved: Path, network: Network) -> None:
    inside = look_inside(saved)
    keys = keys_of_functions(network.module)
    tasks = {task.workload_key: task for task in network.tasks}
    called = [keys[name] for name, _ in inside.calls if name in keys]
    assert {key: called.count(key) for key in tasks} == {k: t.weight for k, t in tasks.items()}
    assert inside.network_s > 0
    assert all(seconds >= 0 for _, seconds in inside.calls)
    assert any(name.startswith("vm.builtin.alloc") for name in inside.others)


def test_what_cannot_be_loaded_is_told(tmp_path: Path) -> None:
    with pytest.raises(DgtlError, match="no saved module"):
        look_inside(tmp_path)


def test_parts_are_the_difference() -> None:
    others = {
        "vm.builtin.alloc_storage": 3.0,
        "vm.builtin.alloc_tensor": 1.0,
        "vm.builtin.check_tensor_info": 2.0,
        "vm.builtin.null_value": 0.5,
    }
    inside = Inside(network_s=30.0, calls=(("a", 9.0), ("b", 4.0), ("a", 7.0)), others=others)
    assert inside.layers_s == 20.0
    assert inside.parts_s() == {"allocation": 4.0, "checks": 2.0, "calls and the rest": 4.0}
    assert inside_of(inside.as_dict()) == inside
    shorter = Inside(network_s=23.25, calls=inside.calls, others=others)
    assert shorter.parts_s() == {"allocation": 2.0, "checks": 1.0, "calls and the rest": 0.25}


def test_runs_that_were_held_up_have_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("dgtl_ray.deploy.inside_server.time", clock)
    slow = iter([1.0] * 3 + [1.0] * 4 + [50.0, 1.0, 1.0, 1.0] * 2 + [1.0] * 400)

    def run() -> None:
        clock.now_s += 0.02 * next(slow)

    def observed(observer: Callable[..., Any]) -> None:
        for name, seconds in (("layer", 0.01), ("vm.builtin.alloc_tensor", 0.004)):
            observer(None, name, True, None)
            clock.now_s += seconds
            observer(None, name, False, None)

    inside = observe(run, observed)
    assert inside.network_s == pytest.approx(0.02)
    # What observing costs is taken for the shortest call.
    ((name, seconds),) = inside.calls
    assert name == "layer"
    assert seconds == pytest.approx(0.006)
    assert inside.others == {"vm.builtin.alloc_tensor": pytest.approx(0.0)}


class Clock:
    """A clock that stands still but where it is told to go on."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def perf_counter(self) -> float:
        return self.now_s

    def perf_counter_ns(self) -> int:
        return round(self.now_s * 1e9)
