#!/usr/bin/env bash
# onnx 1.23.2: the checker refuses a model of operator set 18 with GroupNormalization as that set defines it (a scale
# and a bias for each group): it calls the operator deprecated, which it became by a later set that gives it another
# meaning (a scale and a bias for each channel). onnx 1.15.0 accepts the same bytes, and onnxruntime 1.32.0 runs them
# and gives the numbers of set 18. So a program that checks a file before it imports it refuses one that works.
#
# Seen: ValidationError by 1.23.2, none by 1.15.0, right numbers. Fails when that is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/now"
"$folder/now/bin/pip" install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
python3 -m venv "$folder/then"
"$folder/then/bin/pip" install --quiet --disable-pip-version-check onnx==1.15.0 numpy==1.26.4
cat > "$folder/make.py" <<'PYTHON'
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

groups, channels = 2, 4
node = helper.make_node(
    "GroupNormalization", ["x", "scale", "bias"], ["y"], num_groups=groups, epsilon=1e-5
)
shapes = {"x": [1, channels, 3], "scale": [groups], "bias": [groups], "y": [1, channels, 3]}
told = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, of) for name, of in shapes.items()}
graph = helper.make_graph([node], "g", [told["x"], told["scale"], told["bias"]], [told["y"]])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
onnx.save(model, sys.argv[1])

rng = np.random.default_rng(0)
x, scale, bias = (rng.normal(size=shapes[name]).astype("float32") for name in ("x", "scale", "bias"))
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
(answer,) = session.run(None, {"x": x, "scale": scale, "bias": bias})
rows = x.reshape(groups, -1)
normal = (rows - rows.mean(1, keepdims=True)) / np.sqrt(rows.var(1, keepdims=True) + 1e-5)
expected = (normal * scale[:, None] + bias[:, None]).reshape(x.shape)
error = np.abs(answer - expected).max()
print(f"onnxruntime {onnxruntime.__version__}: largest difference {error:.1e}")
assert error < 1e-5, "its numbers are others now"
PYTHON
cat > "$folder/check.py" <<'PYTHON'
import sys

import onnx

try:
    onnx.checker.check_model(onnx.load(sys.argv[1]))
    said = "accepted"
except onnx.checker.ValidationError as error:
    said = "refused: " + str(error).strip().splitlines()[0]
print(f"onnx {onnx.__version__}: {said}")
assert said.startswith(sys.argv[2]), "this has changed"
PYTHON
"$folder/now/bin/python" "$folder/make.py" "$folder/model.onnx"
"$folder/then/bin/python" "$folder/check.py" "$folder/model.onnx" accepted
"$folder/now/bin/python" "$folder/check.py" "$folder/model.onnx" refused
