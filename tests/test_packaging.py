"""What is packed, pinned and cleaned up."""

import ast
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import dgtl_ray

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
IGNORED = (ROOT / ".gitignore").read_text().split()


def test_everything_that_may_be_installed_is_pinned() -> None:
    extras = PROJECT["optional-dependencies"].values()
    asked = [Requirement(line) for lines in (PROJECT["dependencies"], *extras) for line in lines]
    wanted = {canonicalize_name(one.name) for one in asked}
    pins = (ROOT / "constraints.txt").read_text().split()
    pinned = {canonicalize_name(line.partition("==")[0]) for line in pins}
    assert wanted - pinned == {canonicalize_name(PROJECT["name"])}


def missing_extras(source: str) -> Iterator[str]:
    """The extras that a program names where a library is missing."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id == "MissingExtraError":
            extra = node.args[1]
            yield str(extra.value if isinstance(extra, ast.Constant) else ast.unparse(extra))


def test_the_extras_that_messages_name_exist() -> None:
    files = Path(dgtl_ray.__file__).parent.rglob("*.py")
    named = {extra for file in files for extra in missing_extras(file.read_text())}
    assert named >= {"bench", "onnx", "tune"}
    assert named <= set(PROJECT["optional-dependencies"])


@pytest.mark.slow
def test_a_source_distribution_has_the_tests_whole(tmp_path: Path) -> None:
    copy = tmp_path / "checkout"
    unpacked = shutil.ignore_patterns(".git", *(line.rstrip("/") for line in IGNORED))
    shutil.copytree(ROOT, copy, ignore=unpacked)
    code = "from setuptools.build_meta import build_sdist; build_sdist('dist')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=copy, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (archive,) = (copy / "dist").iterdir()
    with tarfile.open(archive) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    here = {str(path.relative_to(copy)) for path in (copy / "tests").rglob("*.py")}
    assert len(here) > 100
    assert here <= names
    for name in ("CHANGELOG.md", "constraints.txt", "docs/index.md", "cluster/setup_node.sh"):
        assert name in names
    assert not [name for name in names if name.endswith(".pyc")]


def test_an_image_gets_nothing_that_git_ignores() -> None:
    left_out = (ROOT / ".dockerignore").read_text().splitlines()
    assert {".git", *(f"**/{line.rstrip('/')}" for line in IGNORED)} <= set(left_out)


def test_clean_leaves_no_folder_that_tools_made() -> None:
    done = subprocess.run(
        ["make", "--dry-run", "clean"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    made = {line.rstrip("/") for line in IGNORED if line.endswith("/")} - {"__pycache__", "runs"}
    assert made <= set(done.stdout.split())
