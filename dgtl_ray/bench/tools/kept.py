"""Replays that are kept, so that a long experiment can be run in parts."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from dgtl_ray.bench.tools.replay_report import ReplayReport
from dgtl_ray.core.errors import InputError


class KeptReplays:
    """Files of a folder, one for each replay; without a folder nothing is kept.

    What was kept is taken as it is: a folder belongs to one version of the program and its tables.

    Args:
        folder: Made where it is not there.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def get(self, name: str, replay: Callable[[], ReplayReport]) -> ReplayReport:
        """The replay of that name, run now where it was not kept before.

        Raises:
            InputError: The file of that name holds something else.
        """
        if self._folder is None:
            return replay()
        file = self._folder / (re.sub(r"[^\w.+-]+", "_", name) + ".json")
        if file.exists():
            return _read(file)
        report = replay()
        unfinished = file.with_suffix(".part")
        unfinished.write_text(json.dumps(report.as_dict()))
        unfinished.replace(file)
        return report


def _read(file: Path) -> ReplayReport:
    try:
        return ReplayReport.from_dict(json.loads(file.read_text()))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file} holds no replay: {error!r}") from error
