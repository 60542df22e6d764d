"""Makes what ships of histories: `python -m dgtl_ray.bench.tools.shipping HISTORY…`."""

import sys

from rich.console import Console

from dgtl_ray.report import PlainMonitor
from dgtl_ray.run.builtin import ship

if __name__ == "__main__":
    ship(sys.argv[1:], PlainMonitor(Console()))
