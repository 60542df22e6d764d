"""One Ray cluster for all tests that need one, away from the user's home and other clusters."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

# The conformance cases assert there: let their assertions tell what they saw.
pytest.register_assert_rewrite("dgtl_ray.testing")

from dgtl_ray.engine.session import ray_session  # noqa: E402
from tests.s3 import CREDENTIALS, Bucket, s3_bucket  # noqa: E402

# A busy machine makes no test fail.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

_HERE = Path(__file__).parent
_CLUSTER = "cluster"
# The rooms that take longest, as the processes should begin with them.
_LONGEST = (_CLUSTER, "engine", "test_tune.py", "test_cli.py", "test_examples.py", "search")
_ORDER = {room: k for k, room in enumerate(_LONGEST)}
# Rooms that build, time or start processes all the time; single modules mark themselves.
_SLOW = {
    *(_CLUSTER, "deploy", "measure", "model", "peers"),
    *("test_cli.py", "test_examples.py", "test_tune.py"),
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole rooms to one process, so that what their tests share is made once; long ones first.

    Tests on the cluster of this file are a room of their own. What is long is slow, too.
    """
    rooms = {item: _room_of(item) for item in items}
    for item, room in rooms.items():
        item.add_marker(pytest.mark.xdist_group(room))
        if room in _SLOW or item.get_closest_marker("long"):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: _ORDER.get(rooms[item], len(_ORDER)))


def _room_of(item: pytest.Item) -> str:
    on_cluster = "ray_cluster" in getattr(item, "fixturenames", ())
    return _CLUSTER if on_cluster else item.path.relative_to(_HERE).parts[0]


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
