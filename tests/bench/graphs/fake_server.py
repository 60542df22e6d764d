"""A child that crashes or hangs where a file's name says so."""

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dgtl_ray.bench.graphs.outcome import Kind, Outcome
from dgtl_ray.core.child_server import answer_each


def _answer(request: Mapping[str, Any]) -> Mapping[str, Any]:
    name = Path(request["file"]).stem
    if name == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "hang":
        time.sleep(60.0)
    return Outcome(kind=Kind.RIGHT).as_dict()


if __name__ == "__main__":
    sys.exit(answer_each(_answer))
