"""A column as one side of a comparison."""

from collections.abc import Collection
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dgtl_ray.core.errors import InputError
from dgtl_ray.history.schema import SCHEMA


class Operand:
    """A column, a field of a struct or the value of a map's key, as an Arrow expression.

    It knows what it holds, so that a comparison with something else is refused when the filter is
    written, not when a million rows are read.

    Args:
        column: Name of a column.
        field: Of a struct column, the field.
        key: Of a map column, the key.

    Raises:
        InputError: There is no such column, field or map, or it holds more than one value.
    """

    def __init__(self, column: str, *, field: str | None = None, key: str | None = None) -> None:
        if column not in SCHEMA.names:
            raise InputError(f"no column {column!r}; there are: {', '.join(SCHEMA.names)}")
        self._name = column
        self._type = SCHEMA.field(column).type
        self._may_be_null = bool(SCHEMA.field(column).nullable)
        self.expression = pc.field(column)
        if field is not None:
            self._step_into_struct(field)
        if key is not None:
            self._step_into_map(key)
        if pa.types.is_nested(self._type):
            raise InputError(
                f"{self._name} holds no single value: it cannot be compared{self._how}"
            )

    def literal(self, value: Any) -> Any:
        """A value to compare with, as an Arrow scalar.

        Raises:
            InputError: The operand never holds such a value.
        """
        if pa.types.is_timestamp(self._type):
            return pa.scalar(self._moment(value), self._type)
        wanted: Any = str if pa.types.is_string(self._type) else int | float
        if isinstance(value, bool) or not isinstance(value, wanted):
            raise self._misfit(value)
        plain: Any = value
        try:
            return pa.scalar(plain)
        except (pa.ArrowException, OverflowError) as error:
            raise self._misfit(value) from error

    def one_of(self, values: Collection[Any]) -> Any:
        """An expression: it holds one of these values; null where it is null.

        Raises:
            InputError: It never holds one of them.
        """
        literals = [self.literal(value) for value in values]
        if pa.types.is_string(self._type):
            inside = self.expression.isin(pa.array(literals, pa.string()))
            # `isin` is false of a null, which differs neither from itself nor equals it.
            return inside | (self.expression != self.expression) if self._may_be_null else inside
        # Each number keeps its own type: a set has one, to which others would be rounded.
        return reduce(or_, (self.expression == one for one in literals), pc.scalar(False))

    @property
    def _how(self) -> str:
        """How to name a part that can be compared."""
        if pa.types.is_struct(self._type):
            return f"; take a field of it, like {self._name}.{self._type.field(0).name}"
        if pa.types.is_map(self._type):
            key = "tvm" if pa.types.is_string(self._type.item_type) else "latency_s"
            return f"; take a key of it, like {self._name}['{key}']"
        return ""

    def _step_into_struct(self, field: str) -> None:
        if not pa.types.is_struct(self._type):
            raise InputError(f"{self._name} has no fields, so there is no {self._name}.{field}")
        names = [child.name for child in self._type]
        if field not in names:
            raise InputError(f"{self._name} has no field {field!r}; there are: {', '.join(names)}")
        self.expression = pc.field(self._name, field)
        self._type = self._type.field(field).type
        self._may_be_null = True
        self._name = f"{self._name}.{field}"

    def _step_into_map(self, key: str) -> None:
        if not pa.types.is_map(self._type):
            raise InputError(f"{self._name} has no keys, so there is no {self._name}[{key!r}]")
        self.expression = pc.map_lookup(self.expression, pa.scalar(key), "first")
        self._type = self._type.item_type
        self._may_be_null = True
        self._name = f"{self._name}[{key!r}]"

    def _moment(self, value: Any) -> datetime:
        """A point in time; one without a zone is UTC."""
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        except (TypeError, ValueError) as error:
            raise self._misfit(value) from error
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def _misfit(self, value: Any) -> InputError:
        kind = "a time like '2026-03-01T10:15'" if pa.types.is_timestamp(self._type) else self._type
        return InputError(f"{self._name} holds {kind}: it cannot be compared with {value!r}")
