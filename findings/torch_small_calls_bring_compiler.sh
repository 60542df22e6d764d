#!/usr/bin/env bash
# torch 2.13.0, gpytorch 1.15.2: two small calls import large parts of PyTorch's compiler, where no graph is
# traced and nothing is compiled.
#   - `torch.broadcast_shapes`, which every `gpytorch.kernels.ScaleKernel` calls when it is made, imports
#     `torch.fx.experimental.symbolic_shapes`, and with it SymPy and mpmath;
#   - `torch.optim.Adam`, made or stepped, imports `torch._dynamo`; the function `torch.optim.adam.adam`,
#     which does the same step, does not.
# A short-lived process that fits a small GP waits for these imports.
#
# Seen: 487 modules for the first, 337 more for the second, where the first has run; none for the function.
# Fails when that is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip=("$folder/venv/bin/pip" install --quiet --disable-pip-version-check)
"${pip[@]}" torch==2.13.0+cpu || "${pip[@]}" --index-url https://download.pytorch.org/whl/cpu torch==2.13.0
"${pip[@]}" gpytorch==1.15.2 numpy==2.4.0
cat > "$folder/imports.py" <<'PYTHON'
import sys
import time

import gpytorch
import torch
from torch.optim.adam import adam


def watched(name, call):
    before, start = set(sys.modules), time.process_time()
    call()
    new = set(sys.modules) - before
    seconds = time.process_time() - start
    print(f"{name}: {len(new)} modules, {seconds:.1f} CPU seconds")
    return new


def step_of_function():
    weight = [torch.ones(1, requires_grad=True)]
    zeros, count = [torch.zeros(1)], [torch.zeros(())]
    with torch.no_grad():
        adam(
            weight, [torch.ones(1)], zeros, [torch.zeros(1)], [], count, amsgrad=False, beta1=0.9,
            beta2=0.999, lr=0.1, weight_decay=0.0, eps=1e-8, maximize=False,
        )


def step_of_class():
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.Adam([weight], lr=0.1)
    weight.square().sum().backward()
    optimizer.step()


of_function = watched("a step of torch.optim.adam.adam", step_of_function)
of_kernel = watched("gpytorch.kernels.ScaleKernel", lambda: gpytorch.kernels.ScaleKernel(gpytorch.kernels.RBFKernel()))
of_class = watched("a step of torch.optim.Adam", step_of_class)
assert "torch._dynamo" not in of_function, "this has changed"
assert "sympy" in of_kernel, "this has changed"
assert "torch._dynamo" in of_class, "this has changed"
PYTHON
"$folder/venv/bin/python" "$folder/imports.py"
