#!/usr/bin/env bash
# ray 2.60.0: where the process that called `ray.init()` is killed, GCS and raylet die with it at once, as they should;
# the node's two agents, `ray::DashboardAgent` and `ray::RuntimeEnvAgent`, live on for more than a minute. Each sees
# within seconds that its raylet is gone, and then wants to tell the driver of it, through the GCS that is gone, too: it
# waits for that connection to come back until the client gives up. Whoever starts clusters one after the other, in
# tests for instance, has the agents of several at a time, 100 MB each.
#
# Seen: 20 s after the kill no GCS and no raylet, but both agents; 150 s after it none of them.
# Fails when that is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ray==2.60.0 psutil==7.2.2
cat > "$folder/killed.py" <<'PYTHON'
import os
import subprocess
import sys
import time

import psutil

PARTS = ("gcs_server", "raylet", "DashboardAgent", "RuntimeEnvAgent")
DRIVER = """
import time
import ray
ray.init(include_dashboard=False, num_cpus=1, log_to_driver=False)
print("up", flush=True)
time.sleep(600)
"""


def of_cluster(known):
    """Name of each part of the cluster that is there and was not before."""
    found = []
    for process in psutil.process_iter(["pid", "name", "cmdline"]):
        command = " ".join(process.info["cmdline"] or [])
        word = f"{process.info['name']} {command.partition(' ')[0]}"
        if process.info["pid"] not in known:
            found += [part for part in PARTS if part in word]
    return sorted(set(found))


before = set(psutil.pids())
environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_TMPDIR": sys.argv[1]}
with subprocess.Popen([sys.executable, "-c", DRIVER], stdout=subprocess.PIPE, env=environment) as driver:
    assert driver.stdout.readline().strip() == b"up"
    while of_cluster(before) != sorted(PARTS):
        time.sleep(0.5)
    driver.kill()
started = time.monotonic()
for after_s in (20, 150):
    time.sleep(after_s - (time.monotonic() - started))
    there = of_cluster(before)
    print(f"{after_s} s after the kill: {', '.join(there) or 'none of them'}")
    assert there == (["DashboardAgent", "RuntimeEnvAgent"] if after_s == 20 else []), "this has changed"
PYTHON
"$folder/venv/bin/python" "$folder/killed.py" "$folder"
