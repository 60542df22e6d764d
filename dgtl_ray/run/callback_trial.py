"""A trial as Ray Tune's callbacks, loggers and reporters see one."""

import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from dgtl_ray.core.measurement import Measurement, Status


def ray_result(row: Measurement, config: Mapping[str, Any]) -> dict[str, Any]:
    """What a trial that has ended told, as Ray Tune tells it.

    Args:
        row: The trial.
        config: Its configuration, as the function got it.
    """
    return {
        **(row.metrics or ({} if row.cost_s is None else {"latency_s": row.cost_s})),
        "training_iteration": 1,
        "trial_id": row.measurement_id,
        "time_this_iter_s": row.timing_s,
        "time_total_s": row.timing_s,
        "timestamp": int(row.created_at.timestamp()),
        "date": f"{row.created_at:%Y-%m-%d_%H-%M-%S}",
        "done": True,
        "config": dict(config),
        "experiment_tag": _tag(row.trial, config),
    }


def _tag(number: int, config: Mapping[str, Any]) -> str:
    settings = ",".join(f"{name}={value}" for name, value in config.items())
    return f"{number}_{settings}"


class CallbackTrial:
    """One trial, with the attributes of `ray.tune.experiment.Trial` that callbacks read.

    Args:
        task: What is tuned.
        trial_id: Unique in all histories.
        number: Within the run.
        config: Of the trial.
        folder: Where a logger may keep its files, on this machine.
    """

    checkpoint = None
    error_file = None
    pickled_error_file = None
    temporary_state = SimpleNamespace(location="")
    custom_trial_name = None
    is_restoring = False

    def __init__(
        self, task: str, trial_id: str, number: int, config: Mapping[str, Any], folder: Path
    ) -> None:
        self.trainable_name = task
        self.trial_id = trial_id
        self.config = dict(config)
        self.evaluated_params = dict(config)
        self.experiment_tag = _tag(number, config)
        self.local_path = str(folder)
        self.relative_logdir = folder.name
        self.local_experiment_path = str(folder.parent)
        self.status = "RUNNING"
        self.last_result: dict[str, Any] = {}
        self.error_msg = ""
        self.start_time = time.time()
        self.init_local_path()

    def __str__(self) -> str:
        return f"{self.trainable_name}_{self.trial_id}"

    def init_local_path(self) -> None:
        """Make the folder."""
        Path(self.local_path).mkdir(parents=True, exist_ok=True)

    def is_finished(self) -> bool:
        """Whether it has ended."""
        return self.status != "RUNNING"

    def finish(self, row: Measurement) -> dict[str, Any]:
        """The trial has ended; what it told, as Ray Tune tells it."""
        failed = row.status is not Status.OK
        self.status = "ERROR" if failed else "TERMINATED"
        self.error_msg = row.error
        self.last_result = ray_result(row, self.config)
        return self.last_result
