"""A small network with real kernels runs in a worker, one alternative of a layer at a time."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from dgtl_ray.core.measurement import Status, TimedIn
from dgtl_ray.core.network_run import NetworkInput, NetworkResult, Turns
from dgtl_ray.core.roles import Artifact, BuildInput
from dgtl_ray.deploy import compile_skeleton
from dgtl_ray.measure import LocalBuilder, LocalTimer
from dgtl_ray.model import Network, load_network, parse_target
from tests.measure.conftest import CompileC

PASSES = 3


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network("tests.networks:tiny", parse_target("cpu"))


@pytest.fixture(scope="module")
def layers(network: Network, builder: LocalBuilder) -> list[Artifact]:
    """Each layer by its default schedule."""
    target = parse_target("cpu").json
    items = [BuildInput(program=t.program, target=target, schedule="") for t in network.tasks]
    results = [builder.build(item) for item in items]
    assert [result.error for result in results] == [""] * len(items)
    return [result.artifact for result in results]


@pytest.fixture(scope="module")
def calm() -> Iterator[LocalTimer]:
    timer = LocalTimer()
    yield timer
    timer.close()


def run(
    timer: LocalTimer, network: Network, layers: list[Artifact], second: Artifact | None = None
) -> NetworkResult:
    """Run it; the convolution has a second alternative, by default the same once more."""
    target = parse_target("cpu")
    at = _convolution(network)
    alternatives = [(layer,) for layer in layers]
    more = layers[at] if second is None else replace(second, args=layers[at].args)
    found: list[tuple[Artifact, ...]] = [*alternatives]
    found[at] = (layers[at], more)
    return timer.time_network(
        NetworkInput(
            skeleton=compile_skeleton(network, target),
            alternatives=tuple(found),
            target=target.json,
            passes=PASSES,
            limit_s=10.0,
        )
    )


def _convolution(network: Network) -> int:
    return next(k for k, task in enumerate(network.tasks) if task.operator == "conv2d")


def convolution(network: Network, result: NetworkResult) -> tuple[Turns, ...]:
    return result.turns[_convolution(network)]


def test_the_skeleton_calls_every_layer(network: Network) -> None:
    skeleton = compile_skeleton(network, parse_target("cpu"))
    called = [site.layer for site in skeleton.sites]
    assert [called.count(k) for k in range(len(network.tasks))] == [t.weight for t in network.tasks]
    assert [site.weights for site in skeleton.sites] == [
        network.tasks[layer].surroundings.weights for layer in called
    ]
    assert skeleton.inputs == network.inputs


def test_each_alternative_has_its_turns(
    calm: LocalTimer, network: Network, layers: list[Artifact]
) -> None:
    result = run(calm, network, layers)
    assert (result.status, result.error, result.timed_in) == (Status.OK, "", TimedIn.NETWORK)
    assert [len(turns.seconds) for turns in convolution(network, result)] == [PASSES, PASSES]
    # The others have one alternative: it runs each time.
    others = [of for of in result.turns if len(of) == 1]
    assert {len(of[0].seconds) for of in others} == {2 * PASSES}
    assert all(1e-7 < s < 0.5 for of in result.turns for turns in of for s in turns.seconds)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("*(volatile int *)0 = 1;", "SIGSEGV"),
        ("exit(3);", "exit status 3"),
    ],
)
def test_an_alternative_that_fails_costs_itself_only(
    calm: LocalTimer,
    network: Network,
    layers: list[Artifact],
    compile_c: CompileC,
    body: str,
    reason: str,
) -> None:
    result = run(calm, network, layers, compile_c(body))
    assert (result.status, result.error) == (Status.OK, "")
    sound, failed = convolution(network, result)
    assert (len(sound.seconds), sound.error) == (PASSES, "")
    assert failed.seconds == ()
    assert reason in failed.error


def test_a_network_without_a_sound_alternative_does_not_run(
    calm: LocalTimer, network: Network, layers: list[Artifact], compile_c: CompileC
) -> None:
    crash = replace(compile_c("*(volatile int *)0 = 1;"), args=layers[-1].args)
    result = run(calm, network, [*layers[:-1], crash])
    assert result.status is Status.RUN_ERROR
    assert "SIGSEGV" in result.error
    assert result.turns == ()
