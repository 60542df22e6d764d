"""What commands write for scripts."""

import json
from dataclasses import asdict
from math import inf, nan
from pathlib import Path
from typing import NoReturn

from dgtl_ray.core.closeness import Closeness
from dgtl_ray.core.json_file import write_json


def test_what_is_not_finite_is_null(tmp_path: Path) -> None:
    file = tmp_path / "check.json"
    worst = asdict(Closeness(error=inf, excess=inf, worst="has another shape"))
    write_json(file, {"error": nan, "outputs": (worst,), "seconds": 0.5, "calls": [1, -inf]})
    assert json.loads(file.read_text(), parse_constant=_refuse) == {
        "error": None,
        "outputs": [{"error": None, "excess": None, "worst": "has another shape"}],
        "seconds": 0.5,
        "calls": [1, None],
    }


def _refuse(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is no JSON")
