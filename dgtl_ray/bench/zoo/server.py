"""Runs cases one by one: `python -m dgtl_ray.bench.zoo.server`.

Each line of JSON on standard input, `{"architecture", "way", "folder", "trials"}`, is answered by
an outcome. All cases share one Ray.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dgtl_ray.bench.zoo.cases import Way, run_case
from dgtl_ray.core.child_server import answer_each
from dgtl_ray.engine.session import ray_session


def _answer(request: Mapping[str, Any]) -> Mapping[str, Any]:
    way, folder = Way(request["way"]), Path(request["folder"])
    return run_case(request["architecture"], way, folder, request["trials"]).as_dict()


if __name__ == "__main__":
    with ray_session("local"):
        status = answer_each(_answer)
    sys.exit(status)
