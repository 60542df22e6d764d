"""Programs by their default schedules, built and timed in turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from dgtl_ray.core.errors import ExperimentError
from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import Artifact, BuildInput, EvaluatorConfig, RunInput
from dgtl_ray.measure import LocalBuilder, LocalTimer


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A program to time: `label` is the way in which it computes `name`."""

    name: str
    label: str
    program: str
    target: str


def time_contenders(
    contenders: Sequence[Contender], passes: int
) -> dict[tuple[str, str], list[float]]:
    """Seconds of each by name and label, one for each pass over all of them.

    Raises:
        ExperimentError: One did not build, or did not run.
    """
    builder, timer = LocalBuilder(), LocalTimer()
    try:
        built = [(contender, _build(builder, contender)) for contender in contenders]
        times_s: dict[tuple[str, str], list[float]] = {}
        for _ in range(passes):
            for contender, artifact in built:
                seconds = _time(timer, contender, artifact)
                times_s.setdefault((contender.name, contender.label), []).append(seconds)
    finally:
        builder.close()
        timer.close()
    return times_s


def _build(builder: LocalBuilder, contender: Contender) -> Artifact:
    item = BuildInput(program=contender.program, target=contender.target, schedule="")
    result = builder.build(item)
    if result.status is not Status.OK:
        raise ExperimentError(f"{contender.name} ({contender.label}) did not build: {result.error}")
    return result.artifact


def _time(timer: LocalTimer, contender: Contender, artifact: Artifact) -> float:
    result = timer.time(
        RunInput(
            artifact=artifact,
            target=contender.target,
            evaluator=EvaluatorConfig(),
            best_s=None,
        )
    )
    if result.status is not Status.OK:
        raise ExperimentError(f"{contender.name} ({contender.label}) did not run: {result.error}")
    return median(result.repeats_s)
