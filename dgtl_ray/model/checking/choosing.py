"""A network by the way in that gives its framework's own answers."""

from dataclasses import replace

from dgtl_ray.core.errors import InputError, MissingExtraError
from dgtl_ray.model.checking.checking import check
from dgtl_ray.model.checking.report import CheckReport
from dgtl_ray.model.loading import network_from
from dgtl_ray.model.network import Network
from dgtl_ray.model.target import TargetSpec


def check_ways(network: Network, target: TargetSpec) -> tuple[Network, CheckReport]:
    """Check a network; where its answers are wrong, try its other way in.

    Args:
        network: As it came in first.
        target: What it was lowered for.

    Returns:
        The network whose answers are right, and how near they are; where none are, the first one,
        with the operator to blame.

    Raises:
        InputError: Its framework cannot run it, or answers otherwise each time.
    """
    report = check(network, name_culprit=False)
    if report.ok:
        return network, report
    other = _by_other_way(network, target)
    if other is None:
        return network, check(network)
    network, right = other
    note = (
        "imported by way of ONNX: by its own operators its answers were wrong: output "
        f"{report.worst.output} on {report.worst.draw} {report.worst.closeness.worst}"
    )
    return replace(network, notes=(*network.notes, note)), right


def _by_other_way(network: Network, target: TargetSpec) -> tuple[Network, CheckReport] | None:
    source = network.source.other_way()
    if source is None:
        return None
    try:
        other = network_from(source, target, network.precision)
        report = check(other, name_culprit=False)
    except (InputError, MissingExtraError):  # what is wrong with the first way is what counts
        return None
    return (other, report) if report.ok else None


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
