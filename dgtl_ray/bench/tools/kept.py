"""Replays that are kept, so that a long experiment can be run in parts."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from dgtl_ray.bench.tools.replay_report import ReplayReport
from dgtl_ray.core.errors import InputError

T = TypeVar("T")


class Kept(Generic[T]):
    """Files of a folder, one for each result; without a folder nothing is kept.

    What was kept is taken as it is: a folder belongs to one version of the program and its tables.

    Args:
        folder: Made where it is not there.
        write: A result as JSON can hold it.
        read: The result again; raises ValueError, KeyError or TypeError where it is none.
    """

    def __init__(
        self, folder: Path | None, write: Callable[[T], Any], read: Callable[[Any], T]
    ) -> None:
        self._folder = folder
        self._write = write
        self._read = read
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def get(self, name: str, make: Callable[[], T]) -> T:
        """The result of that name, made now where it was not kept before.

        Raises:
            InputError: The file of that name holds something else.
        """
        if self._folder is None:
            return make()
        file = self._folder / (re.sub(r"[^\w.+-]+", "_", name) + ".json")
        if file.exists():
            try:
                return self._read(json.loads(file.read_text()))
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(f"{file} holds no such result: {error!r}") from error
        result = make()
        unfinished = file.with_suffix(".part")
        unfinished.write_text(json.dumps(self._write(result)))
        unfinished.replace(file)
        return result


class KeptReplays(Kept[ReplayReport]):
    """Replays; see `Kept`."""

    def __init__(self, folder: Path | None) -> None:
        super().__init__(folder, ReplayReport.as_dict, ReplayReport.from_dict)
