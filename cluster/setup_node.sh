#!/usr/bin/env bash
# Run by `ray up` on every node: an environment with the pinned versions, renewed where they change.
set -euo pipefail
cd ~/dgtl_ray
venv=~/.dgtl
if ! cmp -s constraints.txt "$venv/constraints.txt"; then
  "${PYTHON:-python3}" -m venv "$venv"
  # TVM drives the GPU, torch only proposes: its CPU build is a tenth of the download.
  "$venv/bin/pip" install --quiet --index-url https://download.pytorch.org/whl/cpu \
    "$(grep '^torch==' constraints.txt)+cpu"
  # ONNX files are checked by ONNX Runtime, on the head and where the device is.
  "$venv/bin/pip" install --quiet --constraint constraints.txt --editable '.[onnx,cuda]' onnxruntime
  cp constraints.txt "$venv/constraints.txt"
fi
line='. ~/dgtl_ray/cluster/environment.sh'
grep -qxF "$line" ~/.bashrc || echo "$line" >> ~/.bashrc
