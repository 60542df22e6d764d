"""A process that appends batches to a history, and says of each when it is durable.

python -m tests.history.writer URI RUN_ID BATCHES
"""

import sys

from dgtl_ray.history import ParquetHistory
from dgtl_ray.testing.measurements import example_measurement

ROWS = 4


def main(uri: str, run_id: str, batches: int) -> None:
    history = ParquetHistory(uri)
    for batch in range(batches):
        trials = range(ROWS * batch, ROWS * (batch + 1))
        history.append([example_measurement(trial, run_id=run_id) for trial in trials])
        print(batch, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
