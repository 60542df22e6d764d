"""Callbacks with Ray Tune's hooks: its own `Callback` and loggers, MLflow's, or anything alike."""

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dgtl_ray.core.errors import InputError, StorageError
from dgtl_ray.core.function import Objective
from dgtl_ray.core.measurement import Measurement, Status
from dgtl_ray.run.callback_trial import CallbackTrial
from dgtl_ray.storage import Storage

_LOG = logging.getLogger(__name__)
FOLDER = "trials"


class Callbacks:
    """Tells callbacks, and a reporter of progress, of the trials of one run.

    Args:
        callbacks: With hooks of Ray Tune's names; one that a callback lacks is not called.
        reporter: Of Ray Tune's; None for none.
        task: What is tuned.
        folder: Of the run; what loggers write for a trial comes to its `trials/ID/`.
    """

    def __init__(self, callbacks: Sequence[Any], reporter: Any, task: str, folder: str) -> None:
        self._callbacks = tuple(callbacks)
        self._reporter = reporter
        self._task = task
        self._storage = Storage(folder)
        self._stack = ExitStack()
        self._local = Path(self._storage.path_of(FOLDER))
        if not self._storage.is_local:
            scratch = self._stack.enter_context(TemporaryDirectory(prefix="dgtl-trials-"))
            self._local = Path(scratch)
        self._trials: dict[str, CallbackTrial] = {}

    def setup(self, objective: Objective, stop: Any, num_samples: int | None) -> None:
        """The run begins."""
        self._call("setup", stop=stop, num_samples=num_samples, total_num_samples=num_samples)
        if self._reporter is not None:
            from dgtl_ray.engine.ray_tune import let_reporters_show

            let_reporters_show()
            self._reporter.setup(
                start_time=time.time(),
                total_samples=num_samples,
                metric=objective.metric,
                mode=objective.mode,
            )

    def began(
        self, trial_id: str, number: int, config: Mapping[str, Any], task: str | None = None
    ) -> None:
        """A trial begins, of a part of what is tuned where a task is named."""
        folder = self._local / trial_id
        trial = CallbackTrial(task or self._task, trial_id, number, config, folder)
        self._trials[trial_id] = trial
        self._call_with("on_trial_start", trial=trial)

    def failed_once(self, trial_id: str) -> None:
        """A trial failed, and is tried again."""
        self._call_with("on_trial_recover", trial=self._trials[trial_id])

    def ended(self, row: Measurement) -> None:
        """A trial has ended, and is durable."""
        trial = self._trials[row.measurement_id]
        result = trial.finish(row)
        if row.status is Status.OK:
            self._call_with("on_trial_result", trial=trial, result=dict(result))
            self._call_with("on_trial_complete", trial=trial)
        else:
            self._call_with("on_trial_error", trial=trial)
        self._report(done=False)

    def measured(self, rows: Sequence[Measurement]) -> None:
        """Trials of a network have ended, and are durable: nobody was told when they began."""
        for row in rows:
            config = json.loads(row.config) if row.config else {}
            self.began(row.measurement_id, row.trial, config, row.task)
            self.ended(row)

    def close(self) -> None:
        """The run has ended: loggers close their files, which come to where the run lives.

        What fails here is told in the log: it is no reason to lose what the run found.
        """
        trials = list(self._trials.values())
        for callback in self._callbacks:
            _finish(partial(_call_hook, callback, "on_experiment_end", {"trials": trials}))
        _finish(partial(self._report, done=True))
        if not self._storage.is_local:
            self._upload(trials)
        self._stack.close()

    def _upload(self, trials: Sequence[CallbackTrial]) -> None:
        """Bring what loggers wrote to where the run lives; where that fails it stays here."""
        try:
            for trial in trials:
                self._storage.upload(Path(trial.local_path), f"{FOLDER}/{trial.trial_id}")
        except (StorageError, OSError) as error:
            kept = self._local.rename(f"{self._local}-kept")
            _LOG.warning(
                "what callbacks wrote of trials stays in %s, as %s cannot take it: %s",
                kept,
                self._storage.uri,
                error,
            )

    def _call_with(self, hook: str, **more: Any) -> None:
        trials = list(self._trials.values())
        self._call(hook, iteration=len(trials), trials=trials, **more)

    def _call(self, hook: str, **arguments: Any) -> None:
        for callback in self._callbacks:
            _call_hook(callback, hook, arguments)

    def _report(self, *, done: bool) -> None:
        trials = list(self._trials.values())
        reporter = self._reporter
        if reporter is not None and reporter.should_report(trials, done=done):
            _guarded(reporter, "report", reporter.report, {"trials": trials, "done": done})


def _finish(step: Callable[[], None]) -> None:
    """Do what ends a run; what goes wrong with it is told."""
    try:
        step()
    except InputError as error:
        _LOG.warning("the run has ended, but %s", error)


def _call_hook(callback: Any, hook: str, arguments: Mapping[str, Any]) -> None:
    """Call a hook of a callback that has it.

    Raises:
        InputError: It raised something.
    """
    if (called := getattr(callback, hook, None)) is not None:
        _guarded(callback, hook, called, arguments)


def _guarded(
    owner: Any, hook: str, called: Callable[..., Any], arguments: Mapping[str, Any]
) -> None:
    """Call a hook.

    Raises:
        InputError: It raised something.
    """
    try:
        called(**arguments)
    except Exception as error:
        name = type(owner).__name__
        raise InputError(f"callback {name} raised in {hook}: {error!r}") from error
