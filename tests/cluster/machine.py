"""A machine of its own for `ray up`: own processes, own network, an SSH server, an empty home.

It is this machine seen from Linux namespaces: `ray stop`, which `ray up` and `ray down` run on a
node, ends every Ray that it sees, and here it sees only its own. Its address is not a loopback one,
so that Ray opens the ports that it opens on a real node.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ADDRESS = "10.99.0.1"
ROOT = Path(__file__).resolve().parents[2]
SSHD = "/usr/sbin/sshd"
# The first process adopts orphans, and has to bury them: a shell does. Ray waits long for a process
# of which a zombie is left.
_INIT = ["sh", "-c", '"$@"; exit $?', "init"]
IN_NAMESPACES = [
    "unshare", "--pid", "--net", "--mount", "--fork", "--mount-proc", "--kill-child", *_INIT
]  # fmt: skip


def why_not() -> str:
    """Why there can be no such machine here, "" where there can."""
    if not Path(SSHD).exists():
        return "sshd is not installed"
    missing = [name for name in ("ssh", "rsync", "ip", "unshare") if not shutil.which(name)]
    if missing:
        return f"{', '.join(missing)} not installed"
    done = subprocess.run([*IN_NAMESPACES, "true"], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"no namespaces here: {done.stderr.strip()}"


class Machine:
    """The node, and beside it the home of the user who drives it. Made inside the namespaces."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "node"
        self.user = folder / "user"
        self.key = self.user / ".ssh" / "id_ed25519"
        self._folder = folder
        _own_network()
        _own_folders("/tmp/ray", "/run")
        self._make_homes()
        self._start_sshd()

    @property
    def environment(self) -> Mapping[str, str]:
        """What the user's programs see."""
        return {
            "HOME": str(self.user),
            "PATH": f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "RAY_AUTH_MODE": "token",
            "RAY_USAGE_STATS_ENABLED": "0",
        }

    def run(self, *command: str) -> str:
        """Run one of the user's commands in the repository; what it printed.

        Raises:
            RuntimeError: It failed.
        """
        started = time.monotonic()
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        print(f"$ {' '.join(command)}\n{done.stdout}({time.monotonic() - started:.1f} s)")
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def processes(self) -> list[str]:
        """What runs on the machine: not its first process, the SSH server and this program."""
        known = {1, os.getpid(), self._sshd.pid}
        pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
        lines = {pid: _command_line(pid) for pid in pids if pid not in known}
        return [line for line in lines.values() if line]

    def listeners(self) -> list[tuple[str, int]]:
        """Address and port of every TCP socket that listens."""
        text = subprocess.run(
            ["ss", "--tcp", "--listening", "--numeric", "--no-header"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        pairs = [line.split()[3].rpartition(":") for line in text.splitlines()]
        return sorted({(address, int(port)) for address, _, port in pairs})

    def _make_homes(self) -> None:
        """The node's has what setup_node.sh would install, taken from this environment."""
        self.key.parent.mkdir(parents=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], check=True)
        installed = self.home / ".dgtl"
        installed.mkdir(parents=True)
        for part in ("bin", "lib", "pyvenv.cfg"):
            (installed / part).symlink_to(Path(sys.prefix) / part)
        shutil.copy(ROOT / "constraints.txt", installed)
        (self.home / ".bashrc").touch()

    def _start_sshd(self) -> None:
        host_key = self._folder / "host_key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", host_key], check=True)
        Path("/run/sshd").mkdir()
        settings = {
            "ListenAddress": ADDRESS,
            "HostKey": host_key,
            "AuthorizedKeysFile": f"{self.key}.pub",
            "StrictModes": "no",
            "PasswordAuthentication": "no",
            "UsePAM": "no",
            "SetEnv": f'"HOME={self.home}" "PYTHONPATH={ROOT}"',
        }
        config = self._folder / "sshd_config"
        config.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        self._sshd = subprocess.Popen([SSHD, "-D", "-e", "-f", config])


def _own_network() -> None:
    for command in (
        "ip link set lo up",
        f"ip address add {ADDRESS}/32 dev lo",
        f"ip route add default dev lo src {ADDRESS}",
    ):
        subprocess.run(command.split(), check=True)


def _own_folders(*paths: str) -> None:
    for path in paths:
        Path(path).mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", path], check=True)


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""
