"""Threads that run the parallel loops of compiled code."""

import ctypes
import json
import os
import tempfile
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import tvm

from dgtl_ray.measure.thread_pool_code import ENTRIES, thread_pool_code
from dgtl_ray.space.sketches.host_cpu import host_cpu

# Parts of a loop: as many as keep what the slowest thread is late by to a few percent, and no more,
# since taking one costs some 20 ns.
_FEWEST_PARTS = 64
_PARTS_PER_THREAD = 4
# How long who waits spins before it sleeps: longer than most pauses between two loops of a network,
# and no longer than a busy neighbour will not mind.
_SPIN_S = 100e-6
# How often the caller, which has nothing left to do, then lets others run before it sleeps.
_YIELDS = 100
_PILOT_SPINS = 1000
_PILOTS = 5
# The variable of a library that holds the function which runs its parallel loops.
_HOOK = "__TVMBackendParallelLaunch"


class ThreadPool:
    """Threads for the parallel loops of the libraries that it loads.

    TVM's own pool belongs to the thread that calls, takes its size once, moves that thread to the
    machine's first processors and waits for the slowest by spinning. This one belongs to whoever
    made it, and changes nothing of the process: its threads run where the thread that made it may.
    They end with it.

    One call at a time: callers keep loops from being launched from two threads at once.

    Attributes:
        threads: How many run a loop, the caller among them.
    """

    def __init__(self, threads: int) -> None:
        """Start `threads` − 1 threads; the first for a process takes 10 ms."""
        self.threads = threads
        self._code = _compile(threads)
        self._addresses = {name: self._code[name]().value for name in ENTRIES}
        wait = ctypes.CFUNCTYPE(None, ctypes.c_int32, ctypes.c_int32)
        wait(self._addresses["set_waiting"])(_spins(self._addresses["watch"]), _YIELDS)
        self._start()
        stop = ctypes.CFUNCTYPE(None)(self._addresses["stop"])
        # At exit they sleep and are in nobody's way.
        weakref.finalize(self, _stop, stop, self._code).atexit = False

    def load(self, path: Path) -> Any:
        """Load a library whose parallel loops these threads run; it must not outlive this pool."""
        library = tvm.runtime.load_module(str(path))
        if hook := _variable(path, _HOOK):
            ctypes.c_void_p.from_address(hook).value = self._addresses["launch"]
        return library

    def revive(self) -> None:
        """Start the threads again in a forked child, which has none of its parent's.

        Without them a caller runs its loops alone.
        """
        if self._process != os.getpid():
            self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        serve = ctypes.CFUNCTYPE(None, ctypes.c_int32)(self._addresses["serve"])
        for number in range(1, self.threads):
            thread = threading.Thread(
                target=_serve, args=(serve, number, self._code), name="dgtl-loop", daemon=True
            )
            thread.start()


def _variable(path: Path, name: str) -> int | None:
    """The address of a variable of a library that is loaded; None where it has none."""
    system = ctypes.CDLL(None)
    system.dlopen.restype = system.dlsym.restype = ctypes.c_void_p
    handle = ctypes.c_void_p(system.dlopen(os.fsencode(path), os.RTLD_NOW | os.RTLD_NOLOAD))
    address: int | None = system.dlsym(handle, name.encode())
    system.dlclose(handle)
    return address


def _serve(serve: Any, number: int, _code: Any) -> None:
    """Run a thread's part of all loops; `_code` stays as long as it runs."""
    serve(number)


def _stop(stop: Any, _code: Any) -> None:
    stop()


def _compile(threads: int) -> Any:
    """The pool's code for this machine, with variables of its own."""
    target = json.dumps(host_cpu())
    header = tvm.get_global_func("codegen.LLVMModuleCreate")(target, "threads").inspect_source("ll")
    parts = 1 if threads == 1 else max(_FEWEST_PARTS, _PARTS_PER_THREAD * threads)
    with tempfile.TemporaryDirectory(prefix="dgtl-") as scratch:
        path = Path(scratch) / "threads.ll"
        path.write_text(header + thread_pool_code(threads, parts))
        return tvm.runtime.load_module(str(path))


def _spins(watch_address: int) -> int:
    """How often to look at a word until `_SPIN_S` have passed: a pause lasts 10 to 140 cycles."""
    watch = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, *[ctypes.c_int32] * 3)(watch_address)
    word = ctypes.c_int32(0)
    fastest_s = float("inf")
    for _ in range(_PILOTS):
        start_s = time.perf_counter()
        watch(ctypes.addressof(word), 0, _PILOT_SPINS, 0)
        fastest_s = min(fastest_s, time.perf_counter() - start_s)
    return int(_SPIN_S / fastest_s * _PILOT_SPINS)
