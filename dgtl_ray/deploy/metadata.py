"""What a saved module says of itself."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.task import TensorSpec

FORMAT_VERSION = 1
# The fault of a module whose answers are still to be compared.
NOT_VERIFIED = "not verified yet"


@dataclass(frozen=True, kw_only=True)
class ModuleMetadata:
    """What a module was made from, for which device, and how to call it.

    Attributes:
        network: Name of the network.
        network_hash: `Network.network_hash` of the network.
        target: TVM's target as JSON.
        device_key: `DeviceDescriptor.key` of the device that it was tuned on.
        device: That device's descriptor, field by field.
        toolchain: Versions of what built it.
        input_names: Names of the inputs, in order.
        inputs: Their shapes and dtypes.
        outputs: Shapes and dtypes of the outputs; `save_module` fills them in.
        history: `measurement_id` of every measurement that chose a configuration.
        fault: How its answers differ from the network's own, or `NOT_VERIFIED` until they are
            compared: then it is no module, and cannot be loaded. "" where they are right, or
            nobody means to compare them.
        created_at: When it was made (UTC).
        files: SHA-256 of every other file of the module; `save_module` fills them in.
        format_version: Version of the directory's layout.
    """

    network: str
    network_hash: str
    target: str
    device_key: str
    device: Mapping[str, str | int | float]
    toolchain: Mapping[str, str]
    input_names: tuple[str, ...]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...] = ()
    history: tuple[str, ...] = ()
    fault: str = ""
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    files: Mapping[str, str] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        if len(self.input_names) != len(self.inputs):
            raise InputError(
                f"input_names has {len(self.input_names)} names for {len(self.inputs)} inputs: "
                "each input needs one"
            )

    def to_json(self) -> str:
        """JSON text, readable by people; `from_json` is its inverse."""
        return json.dumps({**asdict(self), "created_at": self.created_at.isoformat()}, indent=2)

    @classmethod
    def from_json(cls, text: str) -> "ModuleMetadata":
        """Metadata from its JSON.

        Raises:
            InputError: The text is no metadata, or of another format version.
        """
        try:
            values = json.loads(text)
            version = values["format_version"]
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(f"not a module's metadata ({error!r})") from error
        if version != FORMAT_VERSION:
            raise InputError(
                f"the module has format version {version}, this program reads {FORMAT_VERSION}: "
                "load it with the version of dgtl_ray that saved it, or tune again"
            )
        try:
            return cls(**_typed(values))
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(f"the module's metadata is incomplete ({error})") from error


def _typed(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **values,
        "input_names": tuple(values["input_names"]),
        "inputs": _specs(values["inputs"]),
        "outputs": _specs(values["outputs"]),
        "history": tuple(values["history"]),
        "created_at": datetime.fromisoformat(values["created_at"]),
    }


def _specs(values: list[dict[str, Any]]) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(shape=tuple(v["shape"]), dtype=v["dtype"]) for v in values)
