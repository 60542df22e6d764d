#!/usr/bin/env bash
# scipy 1.17.1 (wheel with OpenBLAS), L-BFGS-B since its translation to C: minimising a function of thirty
# variables, as a GP's hyperparameters are fitted, keeps a second core busy that brings nothing: the solver
# factors matrices of a few rows through LAPACK, and OpenBLAS hands parts of them to a thread that spins
# meanwhile. `torch.set_num_threads(1)` does not reach it: SciPy brings an OpenBLAS of its own. Two such
# programs on two cores then take more than twice as long each as with one thread.
#
# Seen on two busy cores: 3.6 CPU seconds by default, 0.8 within `threadpool_limits(1, "blas")`. Fails when it no
# longer costs half as much again; needs two cores.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check scipy==1.17.1 numpy==2.4.6 threadpoolctl==3.8.0
cat > "$folder/minimise.py" <<'PYTHON'
import time

import numpy as np
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits


def valley(x):
    """Rosenbrock's function of thirty variables, and its slope."""
    turn, rest = x[1:] - x[:-1] ** 2, 1.0 - x[:-1]
    slope = np.zeros_like(x)
    slope[:-1] = -400.0 * turn * x[:-1] - 2.0 * rest
    slope[1:] += 200.0 * turn
    return float((100.0 * turn**2 + rest**2).sum()), slope


def many():
    """Minimise a hundred times; seconds, and CPU seconds of all threads."""
    start, cpu = time.perf_counter(), time.process_time()
    for seed in range(100):
        begin = np.random.default_rng(seed).uniform(-2.0, 2.0, 30)
        minimize(valley, begin, jac=True, method="L-BFGS-B", bounds=[(-9.0, 9.0)] * 30)
    return time.perf_counter() - start, time.process_time() - cpu


many()
by_default = many()
with threadpool_limits(1, "blas"):
    limited = many()
print("by default: %.1f s, %.1f CPU s; one thread: %.1f s, %.1f CPU s" % (*by_default, *limited))
assert by_default[1] > 1.5 * limited[1], "this has changed"
PYTHON
"$folder/venv/bin/python" "$folder/minimise.py"
