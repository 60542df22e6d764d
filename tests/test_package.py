"""What the package is as a whole: its public names, its cost to import."""

import subprocess
import sys

import dgtl_ray

NAMES = [
    "DeployError",
    "DeviceError",
    "DgtlError",
    "InputError",
    "MissingExtraError",
    "Result",
    "ResultGrid",
    "RunConfig",
    "TuneConfig",
    "Tuner",
    "__version__",
    "load",
]


def test_the_public_names_are_these() -> None:
    assert dgtl_ray.__all__ == NAMES
    for name in NAMES:
        assert getattr(dgtl_ray, name) is not None


def test_importing_loads_nothing_heavy() -> None:
    code = (
        "import sys, dgtl_ray, dgtl_ray.cli\n"
        "heavy = {'tvm', 'torch', 'ray', 'pyarrow', 'gpytorch', 'botorch', 'pandas'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
