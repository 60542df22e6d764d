#!/usr/bin/env bash
# apache-tvm 0.27.0.post1: importing `tvm.s_tir.tensor_intrin` parses some 250 TVMScript functions, and for
# each of them `inspect.stack()` reads the source lines of all frames and looks through all loaded modules.
# Every worker of MetaSchedule's `LocalBuilder` imports it, and the pool of workers is closed after each
# round of candidates: most of a round's time may go into this, and on a slow machine the builder's limit
# of 30 s a candidate passes before a worker has built anything.
#
# Seen: the import takes 4 to 10 times as long as with a stack that reads no sources. Fails when that is
# no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check apache-tvm==0.27.0.post1 apache-tvm-ffi==0.1.14.post1 numpy==2.4.0
cat > "$folder/stack.py" <<'PYTHON'
import importlib
import inspect
import sys
import time

import tvm


def without_sources(context=1):
    infos, frame = [], inspect.currentframe().f_back
    while frame:
        code = frame.f_code
        infos.append(
            inspect.FrameInfo(frame, code.co_filename, frame.f_lineno, code.co_name, None, None)
        )
        frame = frame.f_back
    return infos


if sys.argv[1] == "quick":
    inspect.stack = without_sources
start = time.process_time()
importlib.import_module("tvm.s_tir.tensor_intrin")
print(time.process_time() - start)
PYTHON
thorough=$("$folder/venv/bin/python" "$folder/stack.py" thorough)
quick=$("$folder/venv/bin/python" "$folder/stack.py" quick)
echo "CPU seconds of the import: $thorough, without reading sources $quick"
python3 -c "assert $thorough > 2 * $quick, 'this has changed'"
