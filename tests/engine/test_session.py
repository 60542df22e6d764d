"""What a cluster of our own shows to other machines, on real Ray."""

import http.client
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress

import psutil

SETTLED_S = 15.0


def open_sockets() -> Iterator[tuple[str, int]]:
    """Where this process and its children listen for other machines."""
    this = psutil.Process()
    for process in [this, *this.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):  # it ended meanwhile
            for socket in process.net_connections("tcp"):
                if socket.status == psutil.CONN_LISTEN and not socket.laddr.ip.startswith("127."):
                    yield socket.laddr.ip, socket.laddr.port


def answer(ip: str, port: int) -> str:
    """What a browser is given there, "" where it is refused or nobody speaks HTTP."""
    host = "127.0.0.1" if ip in {"::", "0.0.0.0"} else ip
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=2) as found:
            return str(found.read(200))
    except (OSError, http.client.HTTPException):  # HTTPError is an OSError
        return ""


def wait_until_all_listen() -> None:
    """Ray's helpers begin to listen some seconds after it says that it is there."""
    began = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it ended meanwhile
            if process.name() == "gcs_server":
                began.append(process.create_time())
    assert began
    time.sleep(max(0.0, max(began) + SETTLED_S - time.time()))


def test_nothing_is_served_to_strangers(ray_cluster: None) -> None:
    wait_until_all_listen()
    sockets = set(open_sockets())
    assert sockets
    assert {socket: text for socket in sockets if (text := answer(*socket))} == {}


def test_only_what_is_needed_runs(ray_cluster: None) -> None:
    words = " ".join(commands())
    assert "/raylet" in words
    assert [
        name for name in ("monitor.py", "dashboard.py", "log_monitor.py") if name in words
    ] == []


def commands() -> Iterator[str]:
    """Every word of the command lines of this process's children."""
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it ended meanwhile
            yield from process.cmdline()
