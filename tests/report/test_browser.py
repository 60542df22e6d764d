"""A page in a browser, on a phone and on a laptop."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dgtl_ray import report as page
from dgtl_ray.core.function import Objective
from tests.report.runs import RESULT, call, trial, write_run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium"),
]
PHONE, LAPTOP = 390, 1366
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
    *("--virtual-time-budget=20000", "--enable-logging=stderr", "--dump-dom"),
)
# A browser's own window is never as narrow as a phone's: a frame in it is.
FRAME = """<!doctype html>
<body><iframe src="WIDTH.look.html" width="WIDTH" height="900" style="border: 0"></iframe>
<script>onmessage = said => document.body.dataset.seen = said.data;</script>
"""
# Tells, when all is drawn, what is wider than the window; what scrolls within its own box is not.
LOOK = """
<script>
new MutationObserver(() => {
  const scrolls = one => one.parentElement.closest("section, .wide");
  const wide = [...document.body.querySelectorAll("*")]
    .filter(one => one.getBoundingClientRect().right > innerWidth + 1 && !scrolls(one))
    .map(one => one.outerHTML.slice(0, 200));
  const figures = [...document.querySelectorAll(".wide")];
  const told = {
    drawn: Number(document.body.dataset.drawn),
    window: innerWidth,
    page: document.documentElement.scrollWidth,
    wide,
    scrolled: figures.filter(one => one.scrollWidth > one.clientWidth).length,
  };
  parent.postMessage(JSON.stringify(told), "*");
}).observe(document.body, { attributes: true, attributeFilter: ["data-drawn"] });
</script>
</body>"""


def seen(file: Path, width: int) -> tuple[dict[str, Any], list[str]]:
    """What a page looks like in a window of a width, and what the browser complained of."""
    text = file.read_text().replace("</body>", LOOK)
    file.with_name(f"{width}.look.html").write_text(text)
    frame = file.with_name(f"{width}.html")
    frame.write_text(FRAME.replace("WIDTH", str(width)))
    command = ["chromium", *QUIET, "--window-size=1500,1000", str(frame)]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    told = re.search(r'data-seen="([^"]*)"', shown.stdout)
    assert told is not None, shown.stderr
    # A browser without a graphics card tells that it draws in software.
    said = [line for line in shown.stderr.splitlines() if "CONSOLE" in line]
    complaints = [line for line in said if "WebGL" not in line and "GPU stall" not in line]
    return json.loads(html.unescape(told[1])), complaints


def fitting(file: Path, width: int) -> dict[str, Any]:
    """What a page looks like that is drawn whole, with nothing wider than the window.

    On a phone the reader moves figures whose axes stand side by side.
    """
    text = file.read_text()
    drawn, scrolled = text.count("<figcaption>"), text.count('class="wide"')
    return {
        "drawn": drawn,
        "window": width,
        "page": width,
        "wide": [],
        "scrolled": scrolled if width == PHONE else 0,
    }


@pytest.mark.parametrize("width", [PHONE, LAPTOP])
def test_a_browser_draws_it_without_complaint(run: str, tmp_path: Path, width: int) -> None:
    source = {
        "name": "resnet18 fused_conv2d_add_relu of a long name",
        "device": "cpu",
        "measurements": 300,
        "layers": 2,
        "correlation": 0.8,
        "distrusted": [],
    }
    name = "a_name_without_any_space_" * 3
    other = write_run(tmp_path / name, [trial(0)], result={**RESULT, "sources": [source]})
    file = tmp_path / "page.html"
    page.write_page([run, other], file)
    assert seen(file, width) == (fitting(file, width), [])


@pytest.mark.parametrize("width", [PHONE, LAPTOP])
def test_a_functions_run_fits_too(tmp_path: Path, width: int) -> None:
    rows = [call(k, Objective(metric="gflops", mode="max"), 10.0 + k) for k in range(12)]
    file = tmp_path / "page.html"
    page.write_page([write_run(tmp_path / "run", rows, result={})], file)
    assert seen(file, width) == (fitting(file, width), [])
