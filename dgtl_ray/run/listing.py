"""A network's layer tasks, listed without a run."""

from collections.abc import Callable

from dgtl_ray.core.precision import OWN
from dgtl_ray.core.shapes import Shapes
from dgtl_ray.measure import SpaceReader
from dgtl_ray.model import load_network, parse_target
from dgtl_ray.model.checking.choosing import require_right


def list_tasks(
    network: str,
    target: str,
    shapes: Shapes,
    note: Callable[[str], None],
    precision: str = OWN,
) -> list[dict[str, str | int | float]]:
    """One row a layer task: what it is and how large its design space is.

    Raises:
        InputError: The network cannot be imported, or not so that it gives the right answers.
    """
    spec = parse_target(target)
    with SpaceReader() as reader:
        loaded = load_network(network, spec, shapes=shapes, precision=precision)
        loaded, _ = require_right(loaded, spec)
        for text in loaded.notes:
            note(text)
        spaces = reader.read(loaded.tasks, spec.json)
    return [
        {
            "id": k,
            "name": task.name,
            "operator": task.operator,
            "shape": " ".join("x".join(map(str, arg.shape)) for arg in task.args),
            "flop": task.flop,
            "weight": task.weight,
            "design space": f"not tunable: {space.untunable}" if space.untunable else space.size,
            "workload": task.workload_key,
        }
        for k, (task, space) in enumerate(zip(loaded.tasks, spaces, strict=True))
    ]
