"""A cluster that does not answer, and a Ray that does not start, are told in seconds."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import ray

from dgtl_ray.core.errors import DgtlError, InputError
from dgtl_ray.engine import reaching, session

WITHIN_S = 10.0


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of somebody who listens, and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def test_somebody_silent_is_no_cluster(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaching, "_ANSWER_S", 0.3)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda **_: pytest.fail("Ray would ask for minutes"))
    for scheme in ("", "ray://"):
        began = time.monotonic()
        with (
            pytest.raises(InputError, match="nobody answers at"),
            session.ray_session(scheme + silent),
        ):
            pytest.fail("it is no cluster")
        assert time.monotonic() - began < WITHIN_S


def test_what_is_no_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with pytest.raises(InputError, match="nonsense"), session.ray_session("nonsense"):
        pytest.fail("it is no address")


class Failing:
    """In place of `ray.init`: fails so many times."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.calls = 0

    def __call__(self, **_: Any) -> None:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise Exception("The current node timed out during startup.")  # noqa: TRY002 - as Ray does


@pytest.mark.parametrize(("fails", "told"), [(0, False), (1, False), (2, True)])
def test_a_start_is_tried_twice(fails: int, told: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    init = Failing(fails)
    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    if told:
        with pytest.raises(DgtlError, match=r"twice: .* timed out"), session.ray_session("local"):
            pytest.fail("it did not start")
    else:
        with session.ray_session("local"):
            pass
    assert init.calls == min(fails + 1, 2)


def test_a_cluster_of_other_versions_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[bool] = []

    def init(**_: Any) -> None:
        raise RuntimeError("Version mismatch: The cluster was started with:\n    Ray: 2.40.0\n")

    monkeypatch.setattr(session, "require_answer", lambda _address: None)
    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "shutdown", lambda: ended.append(True))
    told = r"'head:6379': Version mismatch: .* with: Ray: 2\.40\.0\. Install the same versions"
    with pytest.raises(InputError, match=told), session.ray_session("head:6379"):
        pytest.fail("it cannot be used")
    assert ended == [True]
