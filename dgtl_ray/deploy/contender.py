"""A saved module that is timed beside others, in a process of its own."""

import json
from pathlib import Path

from dgtl_ray.core.child import ChildContender


def module_contender(
    name: str, directory: Path | str, *, example: Path | None = None, threads: int | None = None
) -> ChildContender:
    """Runs the module saved in `directory`; a comparison calls it `name`.

    Args:
        name: What errors call it.
        directory: Where the module is.
        example: Folder of an `Example` to run it on, and to check it with; else inputs are random.
        threads: On how many it runs; as many as its target has cores where that is not given.
    """
    request = {
        "directory": str(Path(directory).resolve()),
        "example": str(example.resolve()) if example else None,
        "threads": threads,
    }
    return ChildContender(name, "dgtl_ray.deploy.server", [json.dumps(request)])
