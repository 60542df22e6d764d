"""One process at a time is at a run, in a folder of this machine and in a store."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from dgtl_ray.core.errors import InputError
from dgtl_ray.run import lease
from dgtl_ray.run.folder import RunFolder
from dgtl_ray.run.lease import StoreLease
from dgtl_ray.storage import Storage, mounted
from dgtl_ray.testing.runs import example_state


@pytest.fixture
def store(tmp_path: Path) -> str:
    """The address of a folder `run` that is taken for none of this machine."""
    (tmp_path / "run").mkdir()
    return mounted("run", SubTreeFileSystem(str(tmp_path), LocalFileSystem()))


@pytest.fixture(params=["file", "store"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a run that was begun."""
    is_file = request.param == "file"
    found = str(tmp_path / "run") if is_file else str(request.getfixturevalue("store"))
    RunFolder(found).begin(example_state(), resume=False)
    return found


def test_another_is_refused_until_the_first_gives_up(address: str) -> None:
    first, second = RunFolder(address), RunFolder(address)
    first.hold()
    first.hold()
    first.check(resume=True)
    first.require_held()
    told = rf"process {os.getpid()} on .* is at the run in .*run.*: wait until it ends"
    with pytest.raises(InputError, match=told):
        second.check(resume=True)
    with pytest.raises(InputError, match=told):
        second.hold()
    first.give_up()
    second.check(resume=True)
    second.hold()
    second.give_up()


def test_a_killed_process_holds_no_folder(tmp_path: Path) -> None:
    """Nor does one that it had forked, and that goes on."""
    folder = RunFolder(tmp_path)
    folder.begin(example_state(), resume=False)
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            folder.hold()
            if os.fork() == 0:
                os.write(write_end, str(os.getpid()).encode())
            time.sleep(60)
        finally:
            os._exit(1)
    os.close(write_end)
    grandchild = int(os.read(read_end, 20))
    os.close(read_end)
    with pytest.raises(InputError, match=f"process {child} on"):
        folder.check(resume=True)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    folder.check(resume=True)
    folder.hold()
    folder.give_up()
    os.kill(grandchild, signal.SIGKILL)


def silent_for(seconds: float) -> bytes:
    """What a process that nobody heard of for so long wrote into a store."""
    owner = {"lease": "other", "process": "process 1 on elsewhere", "at": time.time() - seconds}
    return json.dumps(owner).encode()


def test_a_killed_process_holds_a_store_for_a_told_time(store: str) -> None:
    storage = Storage(store)
    storage.put("owner.json", silent_for(90))
    told = r"elsewhere is at the run .* 9\d s ago: .* in \d\d s, or delete mounted-.*/owner\.json"
    with pytest.raises(InputError, match=told):
        StoreLease(storage).take()
    storage.put("owner.json", silent_for(121))
    late = StoreLease(storage)
    late.take()
    late.give_up()
    assert storage.get("owner.json") is None


@pytest.fixture
def renewed(store: str, monkeypatch: pytest.MonkeyPatch) -> StoreLease:
    """A lease that is renewed all the time."""
    monkeypatch.setattr(lease, "_SETTLE_S", 0.01)
    monkeypatch.setattr(lease, "_RENEW_S", 0.01)
    owner = StoreLease(Storage(store))
    owner.take()
    return owner


def test_a_store_is_renewed(store: str, renewed: StoreLease) -> None:
    first = Storage(store).get("owner.json")
    await_that(lambda: Storage(store).get("owner.json") != first)
    renewed.give_up()


def test_who_was_taken_over_writes_no_more(store: str, renewed: StoreLease) -> None:
    def is_lost() -> bool:
        Storage(store).put("owner.json", silent_for(0))
        return renewed._is_lost

    folder = RunFolder(store)
    folder._lease = renewed
    folder.save_result({})
    await_that(is_lost)
    for refused in (folder.require_held, lambda: folder.save_result({})):
        with pytest.raises(InputError, match="was taken over by another process"):
            refused()
    folder.give_up()
    assert b"elsewhere" in (Storage(store).get("owner.json") or b"")


def await_that(condition: Callable[[], bool]) -> None:
    """Look again and again for a while."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_damaged_owner_is_named(store: str) -> None:
    Storage(store).put("owner.json", b"{}")
    with pytest.raises(InputError, match=r"owner\.json is damaged: delete it"):
        StoreLease(Storage(store)).require_free()
