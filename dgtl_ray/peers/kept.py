"""A network as peers take it: one folder with its ONNX file, an example, and what is made of them.

The folder's name ends with a hash of what it was made from, so that conversions can be kept.
"""

import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dgtl_ray.core.child import JsonChild
from dgtl_ray.core.shapes import AS_IN_FILE, Shapes

_EXPORT_LIMIT_S = 600.0
_ONNX = "network.onnx"
_WHY_NOT = "no-onnx.txt"


@dataclass(frozen=True)
class KeptNetwork:
    """The folder of a network: an `Example`, and an ONNX file with all weights in it.

    Attributes:
        folder: Where it is.
    """

    folder: Path

    @property
    def onnx(self) -> Path:
        """Its ONNX file; there is none where the export failed, or was not asked for."""
        return self.folder / _ONNX

    @property
    def why_no_onnx(self) -> str:
        """Why there is no ONNX file, "" where there is one or none was asked for."""
        note = self.folder / _WHY_NOT
        return note.read_text() if note.exists() else ""

    def note_no_onnx(self, reason: str) -> None:
        """Say why there is no ONNX file."""
        (self.folder / _WHY_NOT).write_text(reason)


def keep_network(
    spec: str, cache: Path, *, onnx: bool = True, shapes: Shapes = AS_IN_FILE
) -> KeptNetwork:
    """Export a network in a process of its own, and keep it where its content is not kept yet.

    Args:
        spec: Built-in name, ONNX file, or `package.module:factory`.
        cache: Folder of kept networks; made where it is not there.
        onnx: Whether a torch network is exported; without, it has only its example.
        shapes: Of the inputs of an ONNX file, where it leaves them open.

    Raises:
        DgtlError: It cannot be loaded.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".new-") as scratch:
        made = Path(scratch) / "network"
        made.mkdir()
        child = JsonChild(
            spec,
            "dgtl_ray.peers.exporting",
            spec,
            str(made),
            str(int(onnx)),
            shapes.as_json(),
        )
        try:
            child.receive(_EXPORT_LIMIT_S)
        finally:
            child.close()
        kept = cache / f"{_stem(spec)}-{_digest(made)}"
        if not kept.exists():
            made.rename(kept)
    return KeptNetwork(kept.resolve())


def _digest(folder: Path) -> str:
    """Of all files, names included."""
    total = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            total.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()[:12]


def _stem(spec: str) -> str:
    return re.sub(r"[^\w.-]+", "_", Path(spec).stem if spec.endswith(".onnx") else spec)
