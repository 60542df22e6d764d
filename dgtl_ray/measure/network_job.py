"""Runs a whole network with one alternative of each layer at a time, timed call by call.

The network's own compiled `main` calls a function of this process for each layer, which runs the
alternative whose turn it is and reads the clock before and after. So memory, order, and what passes
through the caches between two calls are the network's own.

Only workers import this: it loads TVM.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
import tvm
import tvm_ffi
from numpy.typing import NDArray
from tvm.runtime.vm import VirtualMachine

from dgtl_ray.core.network_run import NetworkInput, Site, Turns, site_name
from dgtl_ray.core.roles import Artifact
from dgtl_ray.core.task import TensorSpec
from dgtl_ray.measure.arguments import random_array
from dgtl_ray.measure.huge_memory import HugeMemory
from dgtl_ray.measure.timer_protocol import ALL_RAN, alternative_text

_SEED = 0
_ENTRY = "main"
# Runs before any is timed: pages, pools and threads are then there.
_WARM_UP_RUNS = 3
# Of the magnitudes of random values, uniform from 0.1 to 1.
_MEAN_SQUARE = 0.37

# Loads a library's bytes.
Load: TypeAlias = Callable[[bytes], Any]
# Told in words what runs next.
Tell: TypeAlias = Callable[[str], None]


def run_network(item: NetworkInput, load: Load, tell: Tell) -> tuple[tuple[Turns, ...], ...]:
    """Run the network until each alternative has had its turns.

    Args:
        item: The network.
        load: Loads libraries, so that their loops run on the threads that are to run them.
        tell: Told which alternative runs next, the first time: if the process ends, it was that
            one; and then that all have run.

    Returns:
        What came of each alternative of each layer.
    """
    stage = _Stage(item, load)
    with stage.at_hand():
        stage.warm_up(tell)
        stage.take_turns(item.passes, item.limit_s)
    return stage.turns()


class _Layer:
    """The alternatives of a layer; those that fail are left out from then on."""

    def __init__(self, artifacts: Sequence[Artifact], load: Load) -> None:
        self.artifacts = tuple(artifacts)
        self.kernels = [load(artifact.library)[_ENTRY] for artifact in artifacts]
        self.now = 0
        self.errors: dict[int, str] = {}
        self.seconds: list[list[float]] = [[] for _ in artifacts]

    @property
    def sound(self) -> list[int]:
        """Alternatives that have not failed."""
        return [k for k in range(len(self.kernels)) if k not in self.errors]

    def turns(self) -> tuple[Turns, ...]:
        """What came of each."""
        return tuple(
            Turns(error=self.errors[k]) if k in self.errors else Turns(seconds=tuple(seconds))
            for k, seconds in enumerate(self.seconds)
        )


class _Stage:
    """A network in memory, ready to run with any alternative of each layer."""

    def __init__(self, item: NetworkInput, load: Load) -> None:
        self._layers = [_Layer(artifacts, load) for artifacts in item.alternatives]
        huge = HugeMemory()
        self._sites = [_Call(site, self._layers[site.layer], huge) for site in item.skeleton.sites]
        self._library = load(item.skeleton.library)
        self._inputs = [
            tvm.runtime.tensor(random_array(spec, k, _SEED))
            for k, spec in enumerate(item.skeleton.inputs)
        ]
        self._random = np.random.default_rng(_SEED)

    @contextmanager
    def at_hand(self) -> Iterator[None]:
        """Let the network find its layers."""
        names = [site_name(k) for k in range(len(self._sites))]
        for name, call in zip(names, self._sites, strict=True):
            tvm_ffi.register_global_func(name, call.run, override=True)
        try:
            self._main = VirtualMachine(self._library, tvm.cpu())[_ENTRY]
            yield
        finally:
            for name in names:
                tvm_ffi.registry.remove_global_func(name)

    def warm_up(self, tell: Tell) -> None:
        """Run each alternative once, told beforehand; one that raises is out."""
        for k, layer in enumerate(self._layers):
            for number in range(len(layer.kernels)):
                layer.now = number
                tell(alternative_text(k, number))
                self._try_one(layer)
            if not layer.sound:
                raise RuntimeError(f"layer {k} has no alternative that runs: {layer.errors}")
            layer.now = layer.sound[0]
        tell(ALL_RAN)
        for _ in range(_WARM_UP_RUNS):
            self._main(*self._inputs)

    def _try_one(self, layer: _Layer) -> None:
        """Run the alternative that is the layer's now on the layer's first site, alone."""
        call = next((call for call in self._sites if call.layer is layer), None)
        if call is None:
            return
        try:
            call.run(*call.made_up())
        except Exception as error:  # noqa: BLE001 - whatever it raises is its result
            layer.errors[layer.now] = f"{type(error).__name__}: {error}"

    def take_turns(self, passes: int, limit_s: float) -> None:
        """Time inferences: in each round of them every alternative has one turn at least."""
        end_s = time.perf_counter() + limit_s
        for number in range(passes):
            if number and time.perf_counter() > end_s:
                return
            self._round()

    def _round(self) -> None:
        """As many inferences as the layer with most alternatives has, orders drawn by lot."""
        orders = [self._random.permutation(layer.sound) for layer in self._layers]
        for turn in range(max(map(len, orders))):
            for layer, order in zip(self._layers, orders, strict=True):
                layer.now = int(order[turn % len(order)])
            self._main(*self._inputs)
            self._note()

    def _note(self) -> None:
        """Keep the mean over each layer's calls."""
        of_layer: dict[int, list[float]] = {}
        for call in self._sites:
            of_layer.setdefault(id(call.layer), []).append(call.last_ns * 1e-9)
        for layer in self._layers:
            if seconds := of_layer.get(id(layer)):
                layer.seconds[layer.now].append(sum(seconds) / len(seconds))

    def turns(self) -> tuple[tuple[Turns, ...], ...]:
        """What came of each alternative of each layer."""
        return tuple(layer.turns() for layer in self._layers)


class _Call:
    """One site of the network with weights of its own, in the form of each alternative.

    Attributes:
        last_ns: Nanoseconds of the last run.
    """

    def __init__(self, site: Site, layer: _Layer, huge: HugeMemory) -> None:
        self.layer = layer
        self.last_ns = 0
        self._activations = [
            at for at in range(len(layer.artifacts[0].args)) if at not in site.weights
        ]
        memory = {at: huge.tensor(_made_up_weight(at, layer.artifacts)) for at in site.weights}
        self._templates = [
            [
                _as(memory[at], spec) if at in memory else None
                for at, spec in enumerate(artifact.args)
            ]
            for artifact in layer.artifacts
        ]

    def run(self, *activations: Any) -> None:
        """Run the alternative whose turn it is."""
        number = self.layer.now
        arguments = list(self._templates[number])
        for at, tensor in zip(self._activations, activations, strict=True):
            arguments[at] = tensor
        kernel = self.layer.kernels[number]
        start_ns = time.perf_counter_ns()
        kernel(*arguments)
        self.last_ns = time.perf_counter_ns() - start_ns

    def made_up(self) -> list[Any]:
        """Activations that it takes."""
        specs = self.layer.artifacts[self.layer.now].args
        return [tvm.runtime.tensor(random_array(specs[at], at, _SEED)) for at in self._activations]


def _made_up_weight(at: int, artifacts: Sequence[Artifact]) -> NDArray[Any]:
    """Values for argument `at`, enough for whichever form an alternative takes it in."""
    largest = max((artifact.args[at] for artifact in artifacts), key=lambda spec: spec.size_bytes)
    array = random_array(largest, at, _SEED)
    if array.dtype.kind == "f":
        array = _damped(array, artifacts[0].args[-1])
    return array


def _damped(array: NDArray[Any], output: TensorSpec) -> NDArray[Any]:
    """Weights with which activations keep their size from layer to layer, as trained ones do."""
    terms = max(1.0, array.size / max(1, output.shape[-1] if output.shape else 1))
    return (array * math.sqrt(2.0 / terms / _MEAN_SQUARE)).astype(array.dtype)


def _as(tensor: Any, spec: TensorSpec) -> Any:
    """A tensor's beginning in another shape."""
    return tensor._create_view(spec.shape, dtype=spec.dtype)  # noqa: SLF001
