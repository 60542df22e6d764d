"""What is checked on a cluster before anything is spent on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError

from dgtl_ray.core.errors import InputError
from dgtl_ray.engine.places import pinned
from dgtl_ray.measure.toolchain import package_version
from dgtl_ray.storage import Storage, is_remote

# What decides what a build gives, or what a worker can read.
_PACKAGES = ("apache-tvm", "apache-tvm-ffi", "dgtl_ray")
_ANSWER_S = 120.0


@dataclass(frozen=True, kw_only=True)
class NodeFindings:
    """What a node said of itself: versions by package, and the storage that refused it."""

    versions: Mapping[str, str]
    refusals: tuple[str, ...]


def examine(uris: Sequence[str]) -> NodeFindings:
    """Look at the node that this runs on; a file is written to each of `uris` and deleted."""
    refusals = []
    for uri in uris:
        try:
            Storage(uri).probe()
        except InputError as error:
            refusals.append(str(error))
    versions = {name: package_version(name) or "missing" for name in _PACKAGES}
    return NodeFindings(versions=versions, refusals=tuple(refusals))


def check_nodes(uris: Sequence[str]) -> None:
    """Check that all nodes answer, have this process's versions and can write the storage.

    Args:
        uris: Where results and history go. Those on a disk of this machine are not asked of others.

    Raises:
        InputError: Something is amiss; one message names all of it, by node.
    """
    remote = [uri for uri in uris if is_remote(uri)]
    own = examine(uris)
    problems = [f"this node: {refusal}" for refusal in own.refusals]
    asked = {
        node["NodeManagerAddress"]: _examine_task.options(
            scheduling_strategy=pinned(node["NodeID"])
        ).remote(remote)
        for node in ray.nodes()
        if node["Alive"]
    }
    for address, reference in asked.items():
        problems += [f"node {address}: {text}" for text in _problems(reference, own.versions)]
    if problems:
        raise InputError("the cluster is not fit to tune on:\n  " + "\n  ".join(problems))


def _problems(reference: Any, versions: Mapping[str, str]) -> list[str]:
    """What is wrong with one node."""
    try:
        found: NodeFindings = ray.get(reference, timeout=_ANSWER_S)
    except GetTimeoutError:
        return [f"no answer within {_ANSWER_S:g} s: restart Ray there"]
    except RayError as error:
        return [f"cannot run this program ({error}): install it there"]
    differing = [
        f"has {name} {version}, this node {versions[name]}: install the same on all"
        for name, version in found.versions.items()
        if version != versions[name]
    ]
    return [*differing, *found.refusals]


_examine_task: Any = ray.remote(num_cpus=0, max_retries=0)(examine)
