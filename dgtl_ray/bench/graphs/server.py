"""Examines graphs one by one: `python -m dgtl_ray.bench.graphs.server`.

Each line of JSON on standard input, `{"file": …}`, is answered by an outcome.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dgtl_ray.bench.graphs.examining import examine
from dgtl_ray.core.child_server import answer_each


def _answer(request: Mapping[str, Any]) -> Mapping[str, Any]:
    return examine(Path(request["file"])).as_dict()


if __name__ == "__main__":
    sys.exit(answer_each(_answer))
