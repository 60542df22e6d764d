"""How many calls of a function fit into the nodes of a cluster."""

from collections.abc import Collection, Mapping

import ray

# Ray counts in ten-thousandths of a resource.
_PARTS = 10_000


def ray_names(resources: Mapping[str, float]) -> dict[str, float]:
    """Resources as Ray spells them: `cpu` and `gpu` are its own, others are as they were named."""
    own = {"cpu", "gpu"}
    return {name.upper() if name.lower() in own else name: n for name, n in resources.items()}


def room_for(resources: Mapping[str, float], without: Collection[str] = ()) -> int | None:
    """Calls that fit into the nodes of the cluster at once, None where they reserve nothing.

    Args:
        resources: What one reserves.
        without: Ray's names of nodes that are not asked.
    """
    wanted = _reserved(resources)
    return sum(_fits(wanted, there) for there in _nodes(without)) if wanted else None


def nodes_for(resources: Mapping[str, float], without: Collection[str] = ()) -> int:
    """Nodes that a call fits into; the arguments are those of `room_for`."""
    wanted = _reserved(resources)
    return sum(not wanted or _fits(wanted, there) > 0 for there in _nodes(without))


def no_room_for(resources: Mapping[str, float]) -> str:
    """That a call fits into no node, and what the nodes have of what it reserves."""
    wanted = _reserved(resources)
    nodes = {_amounts({name: there.get(name, 0.0) for name in wanted}) for there in _nodes()}
    return (
        f"a call reserves {_amounts(wanted)}, and no node has that: there are nodes with "
        f"{'; '.join(sorted(nodes))}. Let it reserve less, with resources_per_trial"
    )


def _reserved(resources: Mapping[str, float]) -> dict[str, float]:
    return {name: amount for name, amount in ray_names(resources).items() if amount > 0}


def _nodes(without: Collection[str] = ()) -> list[Mapping[str, float]]:
    """All that each node has, whoever uses it."""
    alive = (node for node in ray.nodes() if node["Alive"])
    return [node["Resources"] for node in alive if node["NodeID"] not in without]


def _fits(wanted: Mapping[str, float], there: Mapping[str, float]) -> int:
    """Calls that fit into one node."""
    return min(
        round(there.get(name, 0.0) * _PARTS) // max(1, round(amount * _PARTS))
        for name, amount in wanted.items()
    )


def _amounts(resources: Mapping[str, float]) -> str:
    return ", ".join(f"{amount:g} {name}" for name, amount in resources.items())
