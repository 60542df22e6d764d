"""A kernel that is timed alone finds what it would find in its network."""

from typing import Any

import numpy as np
import pytest

from dgtl_ray.core.task import Surroundings, TensorSpec

SPECS = tuple(TensorSpec(shape=shape, dtype="float32") for shape in ((64,), (32, 8), (64,)))
OTHER_BYTES = 10_000


class Noting:
    """A module of one kernel that notes what it is given."""

    def __init__(self) -> None:
        self.given: list[tuple[int, ...]] = []
        self.values: list[np.ndarray[Any, Any]] = []

    def __getitem__(self, entry: str) -> Any:
        return self._run

    def _run(self, *arguments: Any) -> None:
        pointers = [np.from_dlpack(argument).ctypes.data for argument in arguments]
        self.given.append(tuple(pointers))
        self.values.append(arguments[1].numpy())


@pytest.fixture(scope="module")
def traffic(target: str) -> Any:
    from dgtl_ray.measure.surroundings import Traffic
    from dgtl_ray.measure.thread_pool import ThreadPool

    return Traffic(target, ThreadPool(2))


@pytest.fixture
def activations() -> dict[int, Any]:
    import tvm

    arrays = {0: np.linspace(-1, 1, 64, dtype=np.float32), 2: np.zeros(64, np.float32)}
    return {at: tvm.runtime.tensor(array) for at, array in arrays.items()}


def stage_of(activations: dict[int, Any], traffic: Any, around: Surroundings) -> Any:
    from dgtl_ray.measure.surroundings import NetworkStage

    return NetworkStage(SPECS, activations, around, traffic)


def run(stage: Any, count: int) -> Noting:
    import tvm

    module = Noting()
    seconds = stage.runs_s(module, "main", tvm.cpu(), count)
    assert len(seconds) == count
    assert min(seconds) > 0
    return module


def test_weights_come_from_a_ring_as_long_as_what_passes(
    activations: dict[int, Any], traffic: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dgtl_ray.measure.surroundings.second_level_bytes", lambda: 1024)
    stage = stage_of(activations, traffic, Surroundings(other_bytes=OTHER_BYTES, weights=(1,)))
    places = [weight for _, weight, _ in run(stage, 9).given]
    # A run takes a kilobyte of weights, and four more (two cores, twice 1024) pass before it: a
    # ring of 11 kilobytes has room for that twice.
    assert stage.passed_bytes == OTHER_BYTES
    assert places[0::2] == [places[0]] * 5
    assert places[1::2] == [places[1]] * 4
    assert abs(places[0] - places[1]) == 5 * 1024


def test_activations_stay_where_they_are_and_keep_their_values(
    activations: dict[int, Any], traffic: Any
) -> None:
    before = activations[0].numpy().copy()
    stage = stage_of(activations, traffic, Surroundings(other_bytes=OTHER_BYTES, weights=(1,)))
    module = run(stage, 5)
    assert len({(first, output) for first, _, output in module.given}) == 1
    np.testing.assert_array_equal(activations[0].numpy(), before)


def test_weights_are_random_values_without_denormals(
    activations: dict[int, Any], traffic: Any
) -> None:
    stage = stage_of(activations, traffic, Surroundings(other_bytes=OTHER_BYTES, weights=(1,)))
    (weights, *_) = run(stage, 3).values
    assert weights.shape == SPECS[1].shape
    assert 0.1 <= np.abs(weights).min() <= np.abs(weights).max() <= 1.0
    assert len(np.unique(weights)) > 100


def test_a_network_that_fits_the_caches_leaves_weights_there(
    activations: dict[int, Any], traffic: Any
) -> None:
    stage = stage_of(activations, traffic, Surroundings(weights=(1,)))
    assert stage.passed_bytes == 0
    assert len({weight for _, weight, _ in run(stage, 4).given}) == 1


def test_no_more_passes_than_displaces_the_caches(
    activations: dict[int, Any], traffic: Any
) -> None:
    from dgtl_ray.measure.cpu import cache_sizes_bytes

    stage = stage_of(activations, traffic, Surroundings(other_bytes=1 << 40, weights=(1,)))
    assert stage.passed_bytes == 2 * cache_sizes_bytes()[1]


def test_as_much_passes_as_displaces_the_cores_own_caches(
    activations: dict[int, Any], traffic: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the last level is smaller than they are together."""
    room = "dgtl_ray.measure.surroundings"
    monkeypatch.setattr(f"{room}.second_level_bytes", lambda: 2048)
    monkeypatch.setattr(f"{room}.cache_sizes_bytes", lambda: (1024, 3072))
    stage = stage_of(activations, traffic, Surroundings(other_bytes=1 << 20, weights=(1,)))
    assert stage.passed_bytes == 2 * 2 * 2048


def test_any_dtype_and_any_size_can_be_an_input(traffic: Any) -> None:
    import tvm

    from dgtl_ray.measure.surroundings import NetworkStage

    specs = (TensorSpec(shape=(7,), dtype="bool"), TensorSpec(shape=(3,), dtype="int64"))
    arrays = (np.array([1, 0, 1, 1, 0, 0, 1], bool), np.zeros(3, np.int64))
    tensors = {at: tvm.runtime.tensor(array) for at, array in enumerate(arrays)}
    stage = NetworkStage(specs, tensors, Surroundings(other_bytes=100), traffic)
    stage.runs_s({"main": lambda *_: None}, "main", tvm.cpu(), 3)
    np.testing.assert_array_equal(tensors[0].numpy(), arrays[0])


def test_all_bytes_are_read_and_written(traffic: Any) -> None:
    import tvm

    lines = tvm.runtime.tensor(np.ones((256, 16), np.int32))
    before = traffic._sums.numpy()
    traffic.read(lines)
    np.testing.assert_array_equal(traffic._sums.numpy() - before, np.full((64, 16), 4))
    memory = tvm.runtime.tensor(np.arange(100, dtype=np.int8))
    traffic._rewrite(memory, 64)
    np.testing.assert_array_equal(memory.numpy(), np.arange(100) | 64)
