import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from dgtl_ray.history import ParquetHistory
from tests.history.writer import ROWS

ROOT = Path(__file__).parents[2]


@contextmanager
def writer(uri: str, run_id: str, batches: int) -> Iterator["subprocess.Popen[str]"]:
    """A process that appends; it is ended when the block is left."""
    command = [sys.executable, "-m", "tests.history.writer", uri, run_id, str(batches)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def durable_batches(process: "subprocess.Popen[str]") -> int:
    """Batches that the process has reported, after its end."""
    assert process.stdout is not None
    return len(process.stdout.read().split())


def test_writers_and_readers_and_a_merger_at_once(tmp_path: Path) -> None:
    history = ParquetHistory(str(tmp_path))
    history.create()
    batches, seen, merged = 25, 0, 0
    with ExitStack() as stack:
        writers = [
            stack.enter_context(writer(str(tmp_path), run_id, batches)) for run_id in ("a", "b")
        ]
        while any(process.poll() is None for process in writers):
            rows = history.scan(columns=["run_id", "trial"]).num_rows
            assert rows % ROWS == 0, "a batch is seen whole or not at all"
            assert rows >= seen, "what was seen stays"
            seen = rows
            merged += ParquetHistory(str(tmp_path)).compact()
        assert [durable_batches(process) for process in writers] == [batches, batches]
    assert merged > 0
    table = history.scan(columns=["run_id", "trial"])
    expected = {(run, trial) for run in ("a", "b") for trial in range(ROWS * batches)}
    assert {(row["run_id"], row["trial"]) for row in table.to_pylist()} == expected
    assert table.num_rows == len(expected)
    assert not history.skipped


@pytest.mark.parametrize("after", [1, 12])
def test_a_killed_writer_loses_nothing_that_it_reported(tmp_path: Path, after: int) -> None:
    with writer(str(tmp_path), "run", 100_000) as process:
        assert process.stdout is not None
        for _ in range(after):
            process.stdout.readline()
        process.kill()
        process.wait()
        reported = after + durable_batches(process)
    history = ParquetHistory(str(tmp_path))
    trials = [row.trial for row in history.measurements()]
    assert trials == list(range(len(trials))), "nothing is missing, nothing is doubled"
    assert len(trials) % ROWS == 0
    # The batch that was under way may be there too; nobody was told of it.
    assert reported <= len(trials) // ROWS <= reported + 1
    assert not history.skipped
