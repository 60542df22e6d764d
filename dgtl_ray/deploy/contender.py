"""A saved module that is timed beside others, in a process of its own."""

from pathlib import Path

from dgtl_ray.core.child import ChildContender


def module_contender(name: str, directory: Path | str) -> ChildContender:
    """Runs the module saved in `directory`; a comparison calls it `name`."""
    return ChildContender(name, "dgtl_ray.deploy.server", [str(Path(directory).resolve())])
