"""What was asked for and is not measured yet, on disk: a resumed search begins with it.

Without it a search that was killed would ask for other configurations than one that never was:
what is proposed next depends on what was asked before, and not only on what is known of it.
"""

import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from dgtl_ray.core.errors import StorageError
from dgtl_ray.core.measurement import Stage
from dgtl_ray.engine.layer import Candidate

# A layer's workload key and the key of its design space.
LayerKey: TypeAlias = tuple[str, str]


class AskedTrials:
    """A file of configurations, appended to whenever a layer was asked.

    Args:
        file: On this machine; made where it is missing.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._keys: Sequence[LayerKey] = ()

    def open(
        self,
        keys: Sequence[LayerKey],
        measured: Collection[tuple[int, str]],
        holds: Callable[[int, str], bool],
    ) -> list[tuple[int, Candidate]]:
        """Begin, or go on where an earlier process ended.

        Args:
            keys: Of each layer.
            measured: Layer index and configuration of each measurement.
            holds: Whether a layer's design space (layer index) has a configuration: restrictions
                may have become tighter since it was asked for.

        Returns:
            What that process asked for (layer index, candidate), nobody measured, and is still
            allowed, in that order. Candidates are without schedule and encoding.

        Raises:
            StorageError: The file cannot be written.
        """
        self._keys = keys
        layer_of = {key: layer for layer, key in enumerate(keys)}
        asked = [(layer_of.get(_layer(entry)), _candidate(entry)) for entry in self._read()]
        left = [
            (layer, candidate)
            for layer, candidate in asked
            if layer is not None
            and (layer, candidate.config) not in measured
            and holds(layer, candidate.config)
        ]
        self._write(self._replace, [_entry(keys[layer], candidate) for layer, candidate in left])
        return left

    def append(self, layer: int, candidates: Sequence[Candidate]) -> None:
        """Keep what a layer was asked for; it is durable when this returns.

        Raises:
            StorageError: The file cannot be written.
        """
        self._write(self._add, [_entry(self._keys[layer], candidate) for candidate in candidates])

    def close(self) -> None:
        """The search has ended: nothing is awaited."""
        self._file.unlink(missing_ok=True)

    def _read(self) -> list[dict[str, Any]]:
        entries = []
        if self._file.exists():
            for line in self._file.read_bytes().splitlines():
                # A process that was killed leaves half a line: nobody has acted on that yet.
                with suppress(ValueError):
                    entries.append(json.loads(line))
        return entries

    def _write(self, how: Callable[[bytes], None], entries: Sequence[Mapping[str, Any]]) -> None:
        try:
            how("".join(json.dumps(entry) + "\n" for entry in entries).encode())
        except OSError as error:
            raise StorageError(f"cannot write {self._file}: {error.strerror}") from error

    def _replace(self, data: bytes) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        new = self._file.with_name(f".{self._file.name}")
        new.write_bytes(data)
        new.replace(self._file)

    def _add(self, data: bytes) -> None:
        with self._file.open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def _layer(entry: dict[str, Any]) -> LayerKey:
    return entry["workload"], entry["space"]


def _candidate(entry: dict[str, Any]) -> Candidate:
    bare = Candidate.bare(entry["config"], Stage(entry["stage"]))
    return replace(bare, predicted_mean=entry["mean"], predicted_std=entry["std"])


def _entry(layer: LayerKey, candidate: Candidate) -> dict[str, Any]:
    return {
        "workload": layer[0],
        "space": layer[1],
        "config": candidate.config,
        "stage": candidate.stage,
        "mean": candidate.predicted_mean,
        "std": candidate.predicted_std,
    }
