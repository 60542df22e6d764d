"""Where the devices of a cluster are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

# The custom resource of nodes that time candidates for a CPU target.
TIMING_RESOURCE = "timing"
# What tells one device from all others: Ray's name of its node, its kind, and its own name.
DeviceId: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one device is, and what its actor has to ask Ray for.

    Attributes:
        kind: Of targets that it is a device for: `cpu` or `cuda`.
        node_id: Ray's name of the node.
        address: The node's network address.
        index: Which of the node's devices of its kind it is; Ray decides which is which.
        shared: Whether candidates are built on the same cores.
    """

    kind: str
    node_id: str
    address: str
    index: int
    shared: bool
    resources: Mapping[str, float]

    @property
    def name(self) -> str:
        """For people: address and index. A node's CPU and its first GPU share it."""
        return f"{self.address}#{self.index}"

    @property
    def device_id(self) -> DeviceId:
        """No two devices share it."""
        return (self.node_id, self.kind, self.name)

    def options(self) -> dict[str, Any]:
        """Options of the device's actor."""
        custom = {key: value for key, value in self.resources.items() if key != "GPU"}
        return {
            "num_cpus": 0,
            "num_gpus": self.resources.get("GPU", 0),
            "resources": custom,
            "scheduling_strategy": pinned(self.node_id),
        }


def pinned(node_id: str, *, soft: bool = False) -> Any:
    """Run on that node, `soft`: or on another where it is gone."""
    return NodeAffinitySchedulingStrategy(node_id=node_id, soft=soft)


def driver_node() -> str:
    """Ray's name of the node that this process is connected to."""
    node_id: str = ray.get_runtime_context().get_node_id()
    return node_id


def address_of(node_id: str) -> str:
    """A node's network address, for people; its name where it is gone."""
    found = (node["NodeManagerAddress"] for node in ray.nodes() if node["NodeID"] == node_id)
    address: str = next(found, node_id)
    return address


def find_places(kind: str) -> list[Place]:
    """The devices for targets of a kind (`cpu` or `cuda`) that are in the cluster now.

    For CUDA each GPU of each node. For a CPU each node with the resource `timing`, which should
    offer no CPUs (`--num-cpus 0`), lest it builds; where there is none, the driver's own node.
    """
    nodes = [node for node in ray.nodes() if node["Alive"]]
    if kind == "cuda":
        places = [place for node in nodes for place in _gpus(node)]
    else:
        places = [_timing_place(node) for node in nodes if _amount(node, TIMING_RESOURCE)]
    return places or [_own_place(nodes, kind)]


def _gpus(node: Mapping[str, Any]) -> list[Place]:
    return [
        _place(node, "cuda", index=k, shared=False, resources={"GPU": 1})
        for k in range(int(_amount(node, "GPU")))
    ]


def _timing_place(node: Mapping[str, Any]) -> Place:
    builds = _amount(node, "CPU") > 0
    return _place(node, "cpu", index=0, shared=builds, resources={TIMING_RESOURCE: 1})


def _own_place(nodes: list[Any], kind: str) -> Place:
    own = driver_node()
    node = next(node for node in nodes if node["NodeID"] == own)
    return _place(node, kind, index=0, shared=kind != "cuda", resources={})


def _place(
    node: Mapping[str, Any], kind: str, *, index: int, shared: bool, resources: Mapping[str, float]
) -> Place:
    return Place(
        kind=kind,
        node_id=node["NodeID"],
        address=node["NodeManagerAddress"],
        index=index,
        shared=shared,
        resources=resources,
    )


def _amount(node: Mapping[str, Any], resource: str) -> float:
    return float(node["Resources"].get(resource, 0.0))
