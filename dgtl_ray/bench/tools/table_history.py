"""A recorded task as another team's history: rows of a function, in a store."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.function import FUNCTION_TARGET, OPERATOR, Objective, function_task
from dgtl_ray.core.measurement import Measurement, Stage
from dgtl_ray.history import ParquetHistory
from dgtl_ray.recorded.recorded import RecordedTable


def write_history(
    uri: str, tables: Sequence[RecordedTable], picked: Sequence[NDArray[np.intp]]
) -> None:
    """Write some rows of each table as measurements of a function of the table's task.

    Args:
        uri: Of the history; new.
        tables: Recorded tasks.
        picked: Indices of the rows of each.
    """
    rows = [
        _measurement(table, int(row), number)
        for table, some in zip(tables, picked, strict=True)
        for number, row in enumerate(some)
    ]
    ParquetHistory(uri).append(rows)


def _measurement(table: RecordedTable, row: int, number: int) -> Measurement:
    names = [knob.name for knob in table.space.knobs]
    cost_s = float(table.cost_s[row])
    is_ok = bool(np.isfinite(cost_s))
    return Measurement(
        run_id=table.name,
        trial=number,
        network=table.task_key,
        task=table.task_key,
        operator=OPERATOR,
        workload_key=function_task(table.task_key, names, Objective()).workload_key,
        arg_shapes=(),
        arg_dtypes=(),
        flop=0.0,
        weight=1,
        target=FUNCTION_TARGET,
        device_key=table.device.key,
        device=table.device.as_dict(),
        toolchain={},
        space_key=table.space.key,
        config=table.space.config_of(table.space.rows[row]),
        encoding=(),
        status=table.status[row],
        error="" if is_ok else "recorded so",
        repeats_s=(cost_s,) if is_ok else (),
        cost_s=cost_s if is_ok else None,
        build_s=float(table.compile_s[row]),
        timing_s=float(table.benchmark_s[row]),
        proposer="recorded",
        stage=Stage.SEARCH,
        predicted_mean=None,
        predicted_std=None,
        seed=0,
        metrics={"latency_s": cost_s} if is_ok else None,
    )
