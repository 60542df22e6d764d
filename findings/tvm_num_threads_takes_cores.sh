#!/usr/bin/env bash
# apache-tvm 0.27.0.post1: asking TVM how many threads it has (`tvm.runtime.num_threads()`), or running any parallel
# loop, binds the thread that calls to the first processors of the machine, half of them on x86, and leaves it there.
# What this thread starts afterwards has no more than those: processes inherit the mask, and libraries that count the
# cores they may use find half of them. `TVM_BIND_THREADS=0` prevents it.
#
# Seen on two processors: {0, 1} before, {0} after, 1 in a child process; unchanged with the variable. Fails when that
# is no longer so. Needs two processors or more.
set -euo pipefail
[ "$(nproc)" -ge 2 ] || { echo "one processor tells nothing"; exit 0; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  apache-tvm==0.27.0.post1 apache-tvm-ffi==0.1.14.post0 numpy==2.4.0
cat > "$folder/cores.py" <<'PYTHON'
import os
import subprocess
import sys

import tvm

before = os.sched_getaffinity(0)
threads = tvm.runtime.num_threads()
after = os.sched_getaffinity(0)
count = "import os; print(len(os.sched_getaffinity(0)))"
child = int(subprocess.check_output([sys.executable, "-c", count]))
print(f"{threads} threads; cores before {sorted(before)}, after {sorted(after)}, of a child {child}")
kept = os.environ.get("TVM_BIND_THREADS") == "0"
assert (after == before) is kept, "this has changed"
assert child == len(after)
PYTHON
"$folder/venv/bin/python" "$folder/cores.py"
TVM_BIND_THREADS=0 "$folder/venv/bin/python" "$folder/cores.py"
