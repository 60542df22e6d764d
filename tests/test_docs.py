"""The documentation holds: its commands exist, its code runs, its site is whole by itself."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache, reduce
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer.main
from typer.testing import CliRunner

import dgtl_ray
from dgtl_ray import report
from dgtl_ray.cli import app
from dgtl_ray.history import export
from tests.history.contest import STEADY, write_contest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
WRITTEN = sorted(str(path.relative_to(ROOT)) for path in DOCS.rglob("*.md"))
PAGES = ["README.md", "cluster/README.md", *WRITTEN]
# The page whose code makes the runs that all others look at.
FIRST = "docs/how-to/python.md"
# What the pages say in large, the tests run in small.
SMALL = {
    '"resnet18"': '"tests.networks:tiny"',
    # Several a layer: the pages leave out default schedules, and what was timed again.
    "time_budget_s=480": "num_samples=12",
    '"dgtl"': '"random"',
    "num_samples=100": 'num_samples=6, search_alg="random"',
    "num_samples=120": "num_samples=8",
    'storage_path="runs"': 'storage_path="runs", compare=False',
    "runs/first": "runs/r18",
    "DIR": "conv",
}
# What the pages leave to their readers.
GIVEN = """
import duckdb, pandas, polars
import pandas as pd

out = "conv"

def run_kernel(block, tile):
    return 1e-3 * (1 + block / 64 + tile[2] / 224)
"""
# A number in what a page says of a command.
NUMBERS = {"N": "1"}
# Commands that only look at runs, and so take no time.
LOOKING = ("report", "compare", "history", "run")


@cache
def text(page: str) -> str:
    return (ROOT / page).read_text()


def blocks(page: str, *languages: str) -> list[str]:
    found = re.findall(r"^```(\w*)[^\n]*\n(.*?)^```", text(page), re.DOTALL | re.MULTILINE)
    return [block for language, block in found if language in languages]


def commands(page: str) -> list[str]:
    """Lines of its blocks, and code in its text, that call `dgtl`."""
    lines = [
        line
        for block in blocks(page, "", "bash", "sh")
        for line in block.replace("\\\n", " ").splitlines()
    ]
    prose = re.sub(r"^```.*?^```", "", text(page), flags=re.DOTALL | re.MULTILINE)
    called = [line for line in lines if line.startswith("dgtl ")]
    return called + re.findall(r"`(dgtl [a-z][^`]*)`", prose)


def parse(line: str) -> None:
    """Read a command line as `dgtl` does, without running it; one without arguments is a name."""
    words = [NUMBERS.get(word, word) for word in shlex.split(line, comments=True)[1:]]
    command: Any = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        name, *words = words
        assert name in command.commands, f"there is no dgtl {name}"
        command = command.commands[name]
    if words:
        command.make_context(command.name, words)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_can_be_given(page: str) -> None:
    for line in commands(page):
        parse(line)


@pytest.mark.parametrize("words", ["tuna resnet18", "tune --trials 8", "tune x --no-such-option"])
def test_a_command_that_cannot_be_given_is_found(words: str) -> None:
    with pytest.raises(Exception, match=r"no dgtl tuna|Missing|No such option"):
        parse(f"dgtl {words}")


def helps(command: Any, name: str) -> Iterator[tuple[str, str]]:
    """Every argument and option of a command, and of those below it, and what its help says."""
    for one in command.params:
        yield f"{name} {one.name}", one.help or ""
    for word, inner in getattr(command, "commands", {}).items():
        yield from helps(inner, f"{name} {word}")


def test_every_help_is_a_line_that_stands_alone() -> None:
    """Whoever reads it has read no other."""
    for name, told in helps(typer.main.get_command(app), "dgtl"):
        assert 15 <= len(told) <= 100, f"{name}: {told}"
        assert not re.match(r"(Of|Who|What|Which|Whether) |.*\bwithout\.", told), f"{name}: {told}"


@pytest.mark.parametrize("page", PAGES)
def test_python_is_python(page: str) -> None:
    for block in blocks(page, "python"):
        compile(block, page, "exec")


def test_every_page_is_in_the_sites_navigation() -> None:
    named = re.findall(r"^ +- .*: (\S+\.md)$", text("mkdocs.yml"), re.MULTILINE)
    assert sorted(f"docs/{name}" for name in named) == WRITTEN


def test_what_the_readme_shows_the_pages_show_too() -> None:
    """So it is run with them."""
    assert set(blocks("README.md", "python")) <= set(blocks(FIRST, "python"))


def test_every_public_name_has_a_reference() -> None:
    python = re.findall(r"^::: dgtl_ray\.(\w+)$", text("docs/reference/python.md"), re.MULTILINE)
    assert {*python, "__version__"} == set(dgtl_ray.__all__)
    drawn = text("docs/reference/figures.md")
    told = re.findall(r"^::: dgtl_ray\.report\.(\w+)$", drawn, re.MULTILINE)
    shown = {"LiveMonitor", "PlainMonitor", "print_check", "print_summary"}
    tables = {name for name in report.__all__ if name.endswith(("_table", "source_rows"))}
    assert set(told) == set(report.__all__) - shown - tables


@pytest.mark.parametrize("page", PAGES)
def test_what_code_imports_has_a_reference(page: str) -> None:
    """What is about histories, and all of `dgtl_ray` itself."""
    imported = {
        f"{module}.{name}"
        for block in blocks(page, "python")
        for module, names in re.findall(r"^from (dgtl_ray[\w.]*) import ([\w, ]+)$", block, re.M)
        for name in names.split(", ")
        if not module.startswith("dgtl_ray.model")
    }
    pages = (text(f"docs/reference/{name}.md") for name in ("python", "figures"))
    told = {name for one in pages for name in re.findall(r"^::: ([\w.]+)$", one, re.MULTILINE)}
    assert imported <= told


def smaller(block: str) -> str:
    return reduce(lambda code, change: code.replace(*change), SMALL.items(), block)


def run_code(page: str, folder: Path) -> None:
    """Run the page's Python blocks one after the other, in a folder."""
    names: dict[str, Any] = {"x": np.zeros((1, 3, 16, 16), np.float32)}
    exec(GIVEN, names)
    before = Path.cwd()
    os.chdir(folder)
    try:
        for block in blocks(page, "python"):
            exec(compile(smaller(block), page, "exec"), names)
    finally:
        os.chdir(before)


def test_the_fastest_is_told_by_times_taken_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the luckiest at first sight."""
    export(write_contest(str(tmp_path / "history")).uri, str(tmp_path / "conv"))
    monkeypatch.chdir(tmp_path)
    (block,) = [b for b in blocks("docs/how-to/parquet.md", "python") if "fastest = " in b]
    names: dict[str, Any] = {}
    exec(GIVEN + block, names)
    assert names["fastest"]["config"].tolist() == [STEADY]


@pytest.fixture(scope="module")
def folder(ray_cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first page was followed, and its history exported."""
    folder = tmp_path_factory.mktemp("docs")
    run_code(FIRST, folder)
    where = ("--where", "status == 'ok'", "--out", str(folder / "conv"))
    done = CliRunner().invoke(
        app, ["history", "export", str(folder / "runs" / "r18" / "history"), *where]
    )
    assert done.exit_code == 0, done.output
    return folder


OTHERS = [page for page in PAGES if blocks(page, "python") and page not in (FIRST, "README.md")]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", OTHERS)
def test_code_runs(page: str, folder: Path) -> None:
    run_code(page, folder)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_commands_that_look_at_a_run_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    lines = sorted({line for page in PAGES for line in commands(page) if "runs/r18" in line})
    looking = [line for line in lines if line.split()[1] in LOOKING]
    assert {line.split()[1] for line in looking} == set(LOOKING)
    for line in looking:
        small = line.replace("runs/again", "runs/kernel").replace("--out conv", "--out again")
        done = CliRunner().invoke(app, shlex.split(small, comments=True)[1:])
        assert done.exit_code == 0, f"{line}: {done.output}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_the_site_needs_no_network(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > len(list(DOCS.rglob("*.md")))  # 404.html, too
    for page in pages:
        fetched = re.findall(
            r"<(?:script|img|link rel=.?stylesheet)[^>]*//[^>]*>", page.read_text()
        )
        assert fetched == [], page


@pytest.mark.slow
def test_the_site_has_formulas_commands_and_names(site: Path) -> None:
    concepts = (site / "concepts.html").read_text()
    assert concepts.count("<math") == text("docs/concepts.md").replace("$$", "$").count("$") / 2
    assert "arithmatex" not in concepts
    assert "dgtl history export" in (site / "reference" / "commands.html").read_text()
    names = (site / "reference" / "python.html").read_text()
    assert 'id="dgtl_ray.Tuner.restore"' in names
