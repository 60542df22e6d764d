"""The stem: one process that has imported TVM, from which this machine's warm servers are forked.

Builders, timer and reader of design spaces each need a server (`measure.server`). Where one program
starts them all, they are forked from one process instead of importing TVM each: seconds less until
the first trial. `python -m dgtl_ray.measure.stem FD OWNER_PID FOLDER` is that process.
"""

import gc
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import NoReturn

from dgtl_ray.measure.scratch import ScratchRoot
from dgtl_ray.measure.server import load_factory, serve, server_environment

_VARIABLE = "DGTL_STEM"
_SOCKET = "stem.socket"
_OWNER_CHECK_S = 1.0
# As many as may ask while it still imports.
_BACKLOG = 64
# What it imports; servers for other jobs import theirs when they are forked.
_JOBS = (
    "dgtl_ray.measure.build_job:build_job",
    "dgtl_ray.measure.time_job:time_job",
    "dgtl_ray.measure.space_job:space_job",
)


@dataclass(frozen=True, kw_only=True)
class ServerRequest:
    """A server that is asked for: for which process, where, what it runs, and its environment."""

    owner_pid: int
    scratch: str
    log: str
    job: str
    environment: dict[str, str]


class _Stem:
    """The owner's side."""

    def __init__(self) -> None:
        """OSError where a socket's name would be too long, or no process can be started."""
        self._root = ScratchRoot()
        self.path = str(self._root.path / _SOCKET)
        try:
            self._process = self._started()
        except OSError:
            self._root.remove()
            raise

    def _started(self) -> subprocess.Popen[bytes]:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path)
            listener.listen(_BACKLOG)
            return subprocess.Popen(
                [
                    *(sys.executable, "-m", "dgtl_ray.measure.stem"),
                    *(str(listener.fileno()), str(os.getpid()), str(self._root.path)),
                ],
                pass_fds=[listener.fileno()],
                env=server_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._root.remove()


_stems: list[_Stem] = []


def start_stem() -> None:
    """Start it: this process and all that it starts from now on fork their servers from it.

    It lives as long as this process, unless `end_stem` ends it. Where it cannot be started, servers
    start by themselves.
    """
    if not _stems:
        with suppress(OSError):
            _stems.append(_Stem())
            os.environ[_VARIABLE] = _stems[0].path


def end_stem() -> None:
    """End it, where this process has started one; servers that it forked live on."""
    if _stems:
        del os.environ[_VARIABLE]
        _stems.pop().close()


def ask_for_server(request: ServerRequest) -> Connection | None:
    """The connection to a server that the stem will fork, or None where there is no stem.

    It says its process id, as every server does, as soon as the stem has imported what it needs.
    """
    path = os.environ.get(_VARIABLE)
    if path is None:
        return None
    with suppress(OSError):
        connection = Client(path, family="AF_UNIX")
        connection.send_bytes(json.dumps(asdict(request)).encode())
        return connection
    return None


def _fork_server(listener: socket.socket) -> None:
    accepted, _ = listener.accept()
    if os.fork() == 0:
        _be_server(listener, accepted)
    accepted.close()


def _be_server(listener: socket.socket, accepted: socket.socket) -> NoReturn:
    """What the fork does until it ends: it must not end as the stem does, with its folder."""
    code = 1
    try:
        listener.close()
        _serve(Connection(accepted.detach()))
        code = 0
    except Exception:  # noqa: BLE001 - it ends here, and its log says why
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def _serve(owner: Connection) -> None:
    """Become the server that the owner asks for.

    Raises:
        EOFError: It is gone before it asked.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    request = ServerRequest(**json.loads(owner.recv_bytes()))
    os.environ.clear()
    os.environ.update(request.environment)
    log = os.open(request.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    serve(owner, request.owner_pid, Path(request.scratch), request.job)


def main(arguments: list[str]) -> None:
    """Fork servers until the owner is gone."""
    descriptor, owner_pid, folder = arguments
    listener = socket.socket(fileno=int(descriptor))
    for job in _JOBS:
        load_factory(job)
    gc.collect()
    gc.freeze()  # so that a server's collector does not copy the pages it shares with us
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps them
    try:
        while os.getppid() == int(owner_pid):
            if select.select([listener], [], [], _OWNER_CHECK_S)[0]:
                _fork_server(listener)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
