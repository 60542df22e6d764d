"""Where the devices of a cluster are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

# The custom resource of nodes that time candidates for a CPU target.
TIMING_RESOURCE = "timing"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one device is, and what its actor has to ask Ray for.

    Attributes:
        node_id: Ray's name of the node.
        address: The node's network address.
        index: Which of the node's devices it is; Ray decides which is which.
        shared: Whether candidates are built on the same cores.
    """

    node_id: str
    address: str
    index: int
    shared: bool
    resources: Mapping[str, float]

    @property
    def name(self) -> str:
        """For people: address and index."""
        return f"{self.address}#{self.index}"

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
    return places or [_own_place(nodes, shared=kind != "cuda")]


def _gpus(node: Mapping[str, Any]) -> list[Place]:
    return [
        _place(node, index=k, shared=False, resources={"GPU": 1})
        for k in range(int(_amount(node, "GPU")))
    ]


def _timing_place(node: Mapping[str, Any]) -> Place:
    builds = _amount(node, "CPU") > 0
    return _place(node, index=0, shared=builds, resources={TIMING_RESOURCE: 1})


def _own_place(nodes: list[Any], *, shared: bool) -> Place:
    own = driver_node()
    node = next(node for node in nodes if node["NodeID"] == own)
    return _place(node, index=0, shared=shared, resources={})


def _place(
    node: Mapping[str, Any], *, index: int, shared: bool, resources: Mapping[str, float]
) -> Place:
    return Place(
        node_id=node["NodeID"],
        address=node["NodeManagerAddress"],
        index=index,
        shared=shared,
        resources=resources,
    )


def _amount(node: Mapping[str, Any], resource: str) -> float:
    return float(node["Resources"].get(resource, 0.0))
