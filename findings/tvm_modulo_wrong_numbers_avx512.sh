#!/bin/sh
# apache-tvm 0.27.0.post1: a kernel that reads its input at indices modulo small sizes gives wrong
# numbers when compiled for x86-64-v4 (AVX-512), and right ones for x86-64-v3 and below. It is what
# the ONNX operator Tile, or numpy.tile, becomes: 20,160 of 40,320 elements differ here.
# Seen on an AMD EPYC (Zen 5). Needs a processor with AVX-512 to be shown.
set -eu
grep -qw avx512f /proc/cpuinfo || { echo "no AVX-512 here: nothing can be shown"; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet apache-tvm==0.27.0.post1 apache-tvm-ffi==0.1.14.post1 numpy==2.4.0
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import tvm
from tvm import te

shape, out = (2, 3, 4, 5), (14, 18, 16, 10)
source = te.placeholder(shape, name="source")
tiled = te.compute(
    out, lambda i, j, k, m: source[i % 2, j % 3, k % 4, m % 5], name="tiled"
)
function = tvm.IRModule({"main": te.create_prim_func([source, tiled])})
values = np.random.default_rng(0).random(shape).astype("float32")
expected = np.tile(values, (7, 6, 4, 2))
wrong = {}
for cpu in ("x86-64-v2", "x86-64-v3", "x86-64-v4"):
    library = tvm.compile(function, target=tvm.target.Target({"kind": "llvm", "mcpu": cpu}))
    result = tvm.runtime.tensor(np.zeros(out, "float32"))
    library["main"](tvm.runtime.tensor(values), result)
    wrong[cpu] = int((result.numpy() != expected).sum())
print(tvm.__version__, wrong)
assert wrong["x86-64-v2"] == wrong["x86-64-v3"] == 0, "wrong without AVX-512, too"
assert wrong["x86-64-v4"] > 0, "right now: this finding is over"
PYTHON
