"""What a network's own framework answers, and what must be known of that before it is trusted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dgtl_ray.core.closeness import Tolerance, compare, is_float, tolerance_of
from dgtl_ray.core.errors import InputError
from dgtl_ray.model.checking.report import OutputCheck
from dgtl_ray.model.draws import Draw, draws
from dgtl_ray.model.facts import GraphFacts
from dgtl_ray.model.network import Network
from dgtl_ray.model.source import Array

# What a quantised network's other outputs may be off by, of their largest value: a value that
# lies between two steps may be rounded to either.
_STEPS = 127


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One input and the framework's answers to it."""

    draw: Draw
    outputs: tuple[Array, ...]


def own_answers(network: Network, seed: int = 0) -> tuple[tuple[Answer, ...], tuple[str, ...]]:
    """The framework's answers to several inputs, and a note on each that it does not take.

    Raises:
        InputError: The framework cannot run the network on the user's own inputs, or on any that
            are made up where there are none; or its answers change from run to run.
    """
    answers: list[Answer] = []
    notes: list[str] = []
    for draw in draws(network, seed):
        try:
            answers.append(Answer(draw=draw, outputs=network.reference(draw.inputs)))
        except InputError as error:
            if not answers or network.source.own_inputs() is None:
                raise
            why = str(error).removeprefix(f"{network.name}: ")
            notes.append(f"its answers on {draw.name} were not compared: {why}")
    _check_repeatable(network, answers[0])
    return tuple(answers), tuple(notes)


def tolerances(facts: GraphFacts, outputs: Sequence[Array]) -> tuple[Tolerance, ...]:
    """What is allowed of each output."""
    steps = facts.steps if len(facts.steps) == len(outputs) else (0.0,) * len(outputs)
    return tuple(
        tolerance_of(
            array.dtype.name, facts.precision, step or (_step(array) if facts.quantised else 0.0)
        )
        for array, step in zip(outputs, steps, strict=True)
    )


def compare_outputs(
    network: Network, answers: Sequence[Answer], run: Callable[[Sequence[Array]], Sequence[Array]]
) -> tuple[OutputCheck, ...]:
    """Judge what `run` gives for each input.

    Raises:
        InputError: It gives more outputs than the framework, or fewer.
    """
    checks = []
    for answer in answers:
        found = run(answer.draw.inputs)
        if len(found) != len(answer.outputs):
            raise InputError(
                f"{network.name}: it gives {len(found)} outputs, in its framework "
                f"{len(answer.outputs)}"
            )
        limits = tolerances(network.facts, answer.outputs)
        checks += [
            OutputCheck(output=k, draw=answer.draw.name, closeness=compare(y, r, limit))
            for k, (y, r, limit) in enumerate(zip(found, answer.outputs, limits, strict=True))
        ]
    return tuple(checks)


def not_finite(answers: Sequence[Answer]) -> list[str]:
    """A note on each output in which the framework itself has infinities or no numbers."""
    notes = []
    for k in range(len(answers[0].outputs)):
        on = [a.draw.name for a in answers if _is_partly_lost(a.outputs[k])]
        if on:
            notes.append(
                f"the framework's own output {k} is not finite on {', '.join(on)}: equal "
                "infinities and NaN match"
            )
    return notes


def _check_repeatable(network: Network, first: Answer) -> None:
    again = network.reference(first.draw.inputs)
    limits = tolerances(network.facts, first.outputs)
    if all(
        compare(y, r, limit).ok for y, r, limit in zip(again, first.outputs, limits, strict=True)
    ):
        return
    raise InputError(
        f"{network.name}: the network's answers change from run to run: it draws random numbers, "
        "dropout that stays on for instance, or keeps something from its last run. Take that out"
    )


def _step(array: Array) -> float:
    if not is_float(array.dtype.name):
        return 0.0
    finite = np.abs(array[np.isfinite(array)])
    return float(finite.max(initial=0.0)) / _STEPS


def _is_partly_lost(array: Array) -> bool:
    return is_float(array.dtype.name) and not bool(np.isfinite(array.astype(np.float64)).all())
