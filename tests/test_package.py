"""What the package is as a whole: its public names, its cost to import, what it never does."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import dgtl_ray

NAMES = [
    "AskTell",
    "DeployError",
    "DeviceError",
    "DgtlError",
    "DgtlSearch",
    "InputError",
    "MissingExtraError",
    "Result",
    "ResultGrid",
    "RunConfig",
    "TrialGrid",
    "TrialResult",
    "TuneConfig",
    "Tuner",
    "__version__",
    "ask_tell",
    "choice",
    "load",
    "randint",
    "steps",
    "tile",
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


# Ends a search where its processes would start, and tells what was imported until then.
STARTS = """
import sys
from typer.testing import CliRunner
from dgtl_ray.cli import app
from dgtl_ray.run import ahead

def start(network, target):
    print(network, target, sorted({"tvm", "torch", "pandas"} & set(sys.modules)))
    raise SystemExit

ahead.start_search = start
print(CliRunner().invoke(app, ["tune", "resnet18", "--out", sys.argv[1]]).output)
"""


def test_a_search_starts_its_processes_before_anything_heavy_is_imported(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTS, str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "resnet18 cpu []"


def unpickling(source: str) -> Iterator[str]:
    """What in a program may run code that was stored: unpickling, by whatever name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imported = [node.module or ""]
        else:
            imported = []
        yield from {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"} & set(imported)
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "torch.load":
            yield "torch.load"
        if isinstance(node, ast.keyword) and node.arg in {"allow_pickle", "weights_only"}:
            yield from [] if ast.unparse(node.value) == "False" else [node.arg]


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "torch.load(path)",
        "np.load(path, allow_pickle=True)",
    ],
)
def test_unpickling_is_seen(source: str) -> None:
    assert list(unpickling(source))


def test_nothing_that_was_stored_is_unpickled() -> None:
    files = sorted(Path(dgtl_ray.__file__).parent.rglob("*.py"))
    assert len(files) > 100
    assert {str(file): found for file in files if (found := [*unpickling(file.read_text())])} == {}
