"""What the cluster's README tells a user to do, done on a machine of its own.

Run inside the namespaces of `machine.py`, with a folder and a network as arguments; what was seen
is left in the folder as `seen.json`.
"""

import http.client
import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.machine import ADDRESS, ROOT, Machine

_DASHBOARD = "http://127.0.0.1:8265"
_TRIALS = "8"


def travel(folder: Path, network: str) -> dict[str, Any]:
    """Up, submit, submit as a job, fetch, down; what was seen on the way."""
    machine = Machine(folder)
    cluster = str(_cluster_file(machine, folder))
    job = ["cluster/tune_job.py", "--", network, "--trials", _TRIALS, "--no-compare"]
    shared = ["--history", str(folder / "history")]
    machine.run("ray", "get-auth-token", "--generate")
    machine.run("ray", "up", cluster, "--yes", "--no-config-cache")
    seen: dict[str, Any] = {
        "listeners": machine.listeners(),
        "metrics": [_get(f"http://{ADDRESS}:{port}/metrics") for port in _open_ports(machine)],
        "dashboard_without_token": _get(f"{_DASHBOARD}/api/jobs/"),
    }
    machine.run("ray", "submit", cluster, *job, "--out", "runs/submitted", *shared)
    seen["devices"] = machine.run("ray", "exec", cluster, "dgtl devices --address auto")
    job[:2] = ["--", "python", "tune_job.py"]
    submit = ["ray", "job", "submit", "--address", _DASHBOARD, "--working-dir", "cluster"]
    machine.run(*submit, *job, "--out", "runs/job", *shared)
    machine.run("ray", "rsync-down", cluster, "~/runs/", str(folder / "fetched"))
    machine.run("ray", "down", cluster, "--yes")
    return {**seen, "left": _left(machine)}


def _cluster_file(machine: Machine, folder: Path) -> Path:
    """The on-premise cluster's own file, with this machine's address and key."""
    config = yaml.safe_load((ROOT / "cluster" / "on_premise.yaml").read_text())
    config["provider"] |= {"head_ip": ADDRESS, "worker_ips": []}
    config["auth"] = {"ssh_user": "root", "ssh_private_key": str(machine.key)}
    path = folder / "cluster.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def _open_ports(machine: Machine) -> list[int]:
    """Ports that other machines could reach."""
    return [port for address, port in machine.listeners() if not address.startswith("127.")]


def _get(url: str) -> tuple[int, str]:
    """Status and beginning of an answer; status 0 where there is none."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status, answer.read(200).decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, ""
    except (OSError, http.client.HTTPException):  # nobody there, or nobody who speaks HTTP
        return 0, ""


def _left(machine: Machine) -> list[str]:
    """What still runs ten seconds after the cluster was taken down."""
    deadline = time.monotonic() + 10
    while machine.processes() and time.monotonic() < deadline:
        time.sleep(0.2)
    return machine.processes()


if __name__ == "__main__":
    where = Path(sys.argv[1])
    (where / "seen.json").write_text(json.dumps(travel(where, sys.argv[2])))
