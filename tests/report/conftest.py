"""A run of a network that ended, with failures."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dgtl_ray.core.measurement import Status
from tests.report.runs import trial, write_run


@pytest.fixture
def run(tmp_path: Path) -> str:
    rows = [trial(k, "ab"[k % 2]) for k in range(48)]
    failed: dict[str, Any] = {"status": Status.BUILD_ERROR, "error": "no <room>", "repeats_s": ()}
    rows += [replace(trial(48 + k), cost_s=None, **failed) for k in range(2)]
    return write_run(tmp_path / "run", rows)
