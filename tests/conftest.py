"""One Ray cluster for all tests that need one, away from the user's home and other clusters."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import pytest

# The conformance cases assert there: let their assertions tell what they saw.
pytest.register_assert_rewrite("dgtl_ray.testing")

from dgtl_ray.engine.session import ray_session  # noqa: E402
from tests.s3 import CREDENTIALS, Bucket, s3_bucket  # noqa: E402

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Two groups for two processes: tests that may start Ray clusters, and the rest beside them."""
    for item in items:
        room = item.path.relative_to(_HERE).parts[0]
        clusters = room == "engine" or item.path.parent == _HERE
        item.add_marker(pytest.mark.xdist_group("clusters" if clusters else "rest"))


@pytest.fixture(scope="session", autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Ray writes its token into the home folder, and other clusters would then ask for it."""
    home = tmp_path_factory.mktemp("home")
    saved = {name: os.environ.get(name) for name in ("HOME", "RAY_AUTH_TOKEN_PATH", *CREDENTIALS)}
    os.environ.update(CREDENTIALS)
    os.environ["HOME"] = str(home)
    token = home / "ray_token"
    token.write_text(uuid4().hex)
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(token)
    yield
    for name, value in saved.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    with ray_session("local", num_cpus=2):
        yield


@pytest.fixture(scope="session")
def bucket() -> Iterator[Bucket]:
    with s3_bucket() as bucket:
        yield bucket
