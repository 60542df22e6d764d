"""A network by the way in that gives its framework's own answers."""

from dataclasses import replace

from dgtl_ray.core.errors import InputError, MissingExtraError
from dgtl_ray.model.checking.checking import UnusableError, check
from dgtl_ray.model.checking.report import CheckReport
from dgtl_ray.model.loading import network_from
from dgtl_ray.model.network import Network
from dgtl_ray.model.source import NoWayError
from dgtl_ray.model.target import TargetSpec


def check_ways(network: Network, target: TargetSpec) -> tuple[Network, CheckReport]:
    """Check a network; where its answers are wrong, try its other ways in.

    Args:
        network: As it came in first.
        target: What it was lowered for.

    Returns:
        The network whose answers are right, and how near they are; where none are, the first one,
        with the operator to blame.

    Raises:
        InputError: Its framework cannot run it, or answers otherwise each time; or it cannot be
            compiled, whatever way it comes in.
    """
    try:
        report = check(network, name_culprit=False)
    except UnusableError as error:
        found, failures = _by_other_ways(network, target, error.why)
        if found is None:
            raise UnusableError(network.name, "; ".join((error.why, *failures))) from error
        return found
    if report.ok:
        return network, report
    worst = report.worst
    why = f"its answers were wrong: output {worst.output} on {worst.draw} {worst.closeness.worst}"
    found, failures = _by_other_ways(network, target, why)
    return found or (network, replace(check(network), other_ways=failures))


def _by_other_ways(
    network: Network, target: TargetSpec, why: str
) -> tuple[tuple[Network, CheckReport] | None, tuple[str, ...]]:
    """By the first of the ways that follow whose answers are right; else why none is any good."""
    failures: list[str] = []
    source = network.source.other_way()
    while source is not None:
        try:
            other = network_from(source, target, network.precision)
            report = check(other, name_culprit=False)
        except NoWayError:
            pass  # it is none, so there is nothing to tell of it
        except (InputError, MissingExtraError) as error:
            reason = str(error).removeprefix(f"{network.name}: ")
            failures.append(f"another way in fails, too: {reason}")
        else:
            if report.ok:
                return (replace(other, notes=(*other.notes, source.instead(why))), report), ()
            failures.append("another way in gives wrong answers, too")
        source = source.other_way()
    return None, tuple(failures)


def require_right(network: Network, target: TargetSpec) -> tuple[Network, CheckReport]:
    """As `check_ways`, for whom a wrong network is no use.

    Raises:
        InputError: Its answers are wrong whatever way it comes in, or there are none; the message
            names the culprit.
    """
    network, report = check_ways(network, target)
    if not report.ok:
        raise InputError(report.message())
    return network, report
