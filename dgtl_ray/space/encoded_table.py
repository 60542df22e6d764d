"""A table space whose configurations were encoded when they were measured."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.roles import IntArray
from dgtl_ray.space.encoding.encoder import column_names
from dgtl_ray.space.knob_space import KnobSpace
from dgtl_ray.space.table import TableSpace
from dgtl_ray.space.table_knob import TableKnob


class EncodedTableSpace(TableSpace):
    """Rows of a design space that is not at hand any more, with the encodings it gave them.

    Args:
        knobs: As for a `TableSpace`.
        rows: As for a `TableSpace`.
        encoding: Recorded feature vectors (n × columns), one for each row.
        kind: Of the design space: `cpu` or `cuda`.

    Raises:
        ValueError: As a `TableSpace`, or there is not one encoding for each row.
    """

    def __init__(
        self,
        knobs: Sequence[TableKnob],
        rows: IntArray,
        *,
        encoding: NDArray[np.float32],
        kind: str,
    ) -> None:
        super().__init__(knobs, rows)
        if encoding.ndim != 2 or len(encoding) != len(rows):
            raise ValueError(
                f"encoding has shape {encoding.shape}; allowed is ({len(rows)} × columns)"
            )
        self._encoding = encoding
        self._kind = kind

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the encoding's columns; numbered where another version recorded them."""
        names = column_names(self._kind) if self._kind in ("cpu", "cuda") else ()
        count = self._encoding.shape[1]
        return names if len(names) == count else tuple(f"column {k}" for k in range(count))

    def encode(self, pool: IntArray, device: DeviceDescriptor) -> NDArray[np.float32]:
        """(n × columns): the recorded encodings, which hold the device they were recorded on."""
        del device  # another device's features need the design space itself
        return self._encoding[self.index_of(pool)]

    def encode_related(
        self, other: KnobSpace, pool: IntArray, device: DeviceDescriptor
    ) -> NDArray[np.float32]:
        """Rows of another recorded space, in these columns.

        Raises:
            InputError: The other space was not recorded in these columns.
        """
        if not isinstance(other, EncodedTableSpace) or other.columns != self.columns:
            raise InputError(
                "history in other columns: a task in a history learns from tasks of the same kind "
                "of target in a history, and a Kernel Tuner file from Kernel Tuner files"
            )
        return other.encode(pool, device)
