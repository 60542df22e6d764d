"""Stand-in jobs for workers: what they do is told by the item."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dgtl_ray.core.roles import Artifact, BuildInput
from dgtl_ray.measure.protocol import SpaceInput
from dgtl_ray.space import DesignSpace
from dgtl_ray.space.limits import Limits


def obedient_job(scratch: Path) -> Callable[[str], str]:
    """Does what a word says; any other word comes back."""

    def obey(word: str) -> str:
        actions: dict[str, Callable[[], object]] = {
            "hang": _hang,
            "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
            "exit": lambda: os._exit(3),
            "raise": lambda: 1 // 0,
            "allocate": _allocate,
            "shout": lambda: print("a stray line", file=sys.stderr, flush=True),
            "die loudly": _die_loudly,
            "spawn and hang": _spawn_and_hang,
            "litter": lambda: (scratch / "left-over").write_text("x"),
        }
        actions.get(word, lambda: None)()
        return word

    return obey


def moody_space_job(scratch: Path) -> Callable[[SpaceInput], DesignSpace]:
    """A reading that does what its task's name says."""
    obey = obedient_job(scratch)

    def read(item: SpaceInput) -> DesignSpace:
        said = obey(item.task.name)
        return DesignSpace(kind="cpu", sketches=(), limits=Limits(), untunable=f"read {said}")

    return read


def moody_build_job(scratch: Path) -> Callable[[BuildInput], Artifact]:
    """A build that does what its schedule says."""
    obey = obedient_job(scratch)
    return lambda item: Artifact(library=obey(item.schedule).encode())


def gauged_time_job(scratch: Path) -> Callable[[Any], Any]:
    """Times on the CPU, and is told of a GPU by the library that FAKE_GPU names."""
    from dgtl_ray.measure.nvml import GpuGauges
    from dgtl_ray.measure.time_job import TimeJob

    gauges = GpuGauges(os.environ["FAKE_GPU"], os.environ["FAKE_GPU"])
    return TimeJob(scratch, conditions=lambda _device: gauges.read())


def _hang() -> None:
    time.sleep(600)


def _allocate() -> None:
    held = []
    while True:
        held.append(bytearray(64 << 20))


def _die_loudly() -> None:
    print("terminate called: heap is broken", file=sys.stderr, flush=True)
    os.abort()


def _spawn_and_hang() -> None:
    subprocess.Popen(["sleep", "600"])
    _hang()
