"""Made-up runs in folders: of a network of two layers, and of a function."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from dgtl_ray.core.function import FUNCTION_TARGET, OPERATOR, Objective
from dgtl_ray.core.measurement import Measurement, Stage
from dgtl_ray.engine.clock import SearchTime
from dgtl_ray.history import ParquetHistory
from dgtl_ray.run.folder import RunFolder
from dgtl_ray.testing.measurements import example_measurement
from dgtl_ray.testing.runs import example_state

SPENT = SearchTime(total=100.0, proposing=10.0, building=60.0, timing=28.0, idle=2.0)


def _layer(number: int, name: str, **numbers: float | None) -> dict[str, Any]:
    return {"id": number, "name": name, "timed_in": "network", **numbers}


RESULT: dict[str, Any] = {
    "device": "two cores",
    "latency_s": {"tuned": 1e-3, "onnxruntime": 2e-3, "untuned": 1.0, "mnn": None},
    "verdict": "",
    "sources": [],
    "layers": [
        _layer(0, "conv", weight=2, latency_s=4e-4, default_s=8e-4, alone_s=3e-4),
        _layer(1, "</script>", weight=1, latency_s=1e-4, default_s=None, alone_s=None),
    ],
}


def trial(k: int, layer: str = "a", **changes: Any) -> Measurement:
    """Slower with `unroll`, whatever `at` is."""
    unroll, at = 2 ** (k % 4), k % 3
    row = example_measurement(
        k,
        run_id="r",
        workload_key=layer,
        task=f"conv_{layer}",
        weight=2 if layer == "a" else 1,
        cost_s=1e-3 * (1 + unroll),
        encoding=(float(unroll), float(at), float(k)),
    )
    return replace(
        row,
        config=f'{{"sketch": 1, "unroll": {unroll}, "at": {at}, "tile": [{unroll}, 2]}}',
        predicted_mean=float(np.log(1e-3 * (1 + unroll))),
        predicted_std=0.1,
        stage=Stage.TUNING_SET if k < 8 else Stage.SEARCH,
        created_at=row.created_at + timedelta(seconds=k),
        **changes,
    )


def call(k: int, objective: Objective, value: float, config: str = "") -> Measurement:
    """A call of a function that gave a value of its objective."""
    cost = objective.cost_of(value)
    return example_measurement(
        k,
        run_id="r",
        network="kernel",
        task="kernel",
        operator=OPERATOR,
        target=FUNCTION_TARGET,
        weight=1,
        encoding=(),
        cost_s=cost,
        metrics={"other": 1.5 * k, objective.metric: value},
        config=config or f'{{"block": {k % 4}}}',
        predicted_mean=float(np.log(cost)),
        predicted_std=0.1,
    )


def write_run(
    folder: Path,
    rows: Sequence[Measurement],
    *,
    finished: bool = True,
    result: Mapping[str, Any] = RESULT,
) -> str:
    run = RunFolder(folder)
    state = example_state(run_id="r", search="dgtl", history=run.history)
    run.begin(state, resume=False)
    ParquetHistory(run.history).append(rows)
    if finished:
        run.save_result(result)
        run.save_time(state, SPENT, finished=True)
    return str(folder)
