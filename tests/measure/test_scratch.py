"""Scratch directories do not pile up, whatever is killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dgtl_ray.core.errors import DgtlError
from dgtl_ray.measure import scratch
from dgtl_ray.measure.scratch import ScratchRoot, remove_abandoned

_OWNER = """
import time
from dgtl_ray.measure.scratch import ScratchRoot
root = ScratchRoot()
(root.path / "left-over").write_text("x")
print(root.path, flush=True)
time.sleep(600)
"""


def test_a_root_goes_with_its_owner() -> None:
    root = ScratchRoot()
    (root.path / "file").write_text("x")
    root.remove()
    assert not root.path.exists()


def test_a_root_is_where_libraries_can_be_loaded_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setattr(scratch, "_loadable", lambda folder: folder.is_relative_to(cache))
    root = ScratchRoot()
    assert root.path.parent == cache / "dgtl_ray"
    root.remove()
    monkeypatch.setattr(scratch, "_loadable", lambda _folder: False)
    with pytest.raises(DgtlError, match="name one in the variable TMPDIR"):
        ScratchRoot()


def test_a_root_in_use_stays() -> None:
    root = ScratchRoot()
    remove_abandoned(root.path.parent, settled_s=-1.0)
    assert root.path.exists()
    root.remove()


@pytest.mark.parametrize("settled_s", [-1.0, 60.0])
def test_a_dead_owners_root_is_removed_in_time(settled_s: float) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert owner.stdout is not None
    path = Path(owner.stdout.readline().strip())
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    remove_abandoned(path.parent, settled_s)
    assert path.exists() is (settled_s > 0)
    remove_abandoned(path.parent, settled_s=-1.0)
    assert not path.exists()


def test_a_root_can_be_anywhere(tmp_path: Path) -> None:
    root = ScratchRoot(tmp_path)
    assert root.path.parent == tmp_path
    remove_abandoned(tmp_path, settled_s=-1.0)
    assert root.path.exists()
    root.remove()
    assert not list(tmp_path.iterdir())
