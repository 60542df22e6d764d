"""Libraries that only experiments need: the `bench` extra brings them."""

from importlib.util import find_spec

from dgtl_ray.core.errors import MissingExtraError


def require(experiment: str, *packages: str) -> None:
    """Check that an experiment finds the packages that it imports.

    Raises:
        MissingExtraError: One of them is not installed.
    """
    if any(find_spec(package) is None for package in packages):
        raise MissingExtraError(f"bench {experiment}", "bench")
