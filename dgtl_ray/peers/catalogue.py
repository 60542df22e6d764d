"""The runtimes that a network can be compared with, and which of them are installed."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from dgtl_ray.core.errors import DgtlError


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A runtime.

    Attributes:
        name: What comparisons and files call it.
        title: What people call it.
        modules: Python modules that it needs.
        programs: Programs that make its files out of an ONNX file.
        reads_onnx: Whether it runs an ONNX file; else it runs the torch module itself.
    """

    name: str
    title: str
    modules: tuple[str, ...]
    programs: tuple[str, ...] = ()
    reads_onnx: bool = True

    @property
    def is_installed(self) -> bool:
        """Whether all that it needs is there."""
        return all(find_spec(module) is not None for module in self.modules) and all(
            _find(program) is not None for program in self.programs
        )


PEERS: Mapping[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer(name="onnxruntime", title="ONNX Runtime", modules=("onnx", "onnxruntime")),
        Peer(name="openvino", title="OpenVINO", modules=("openvino",)),
        Peer(name="mnn", title="MNN", modules=("MNN", "_tools")),
        Peer(name="ncnn", title="ncnn", modules=("ncnn",), programs=("pnnx",)),
        Peer(name="pytorch", title="PyTorch eager", modules=("torch",), reads_onnx=False),
        Peer(name="torch_compile", title="torch.compile", modules=("torch",), reads_onnx=False),
    )
}


def installed(names: Sequence[str]) -> list[Peer]:
    """Those of the named peers that are installed."""
    return [PEERS[name] for name in names if PEERS[name].is_installed]


def missing_note(names: Sequence[str]) -> str:
    """One line on those of the named peers that are not installed; "" where all are."""
    titles = [PEERS[name].title for name in names if not PEERS[name].is_installed]
    if not titles:
        return ""
    return f"not installed, so not timed: {', '.join(titles)}: pip install 'dgtl_ray[baselines]'"


def program(name: str) -> str:
    """Path of a program, that of this Python's environment first.

    Raises:
        DgtlError: It is not installed.
    """
    if (path := _find(name)) is None:
        raise DgtlError(f"there is no {name}: pip install 'dgtl_ray[baselines]'")
    return path


def _find(name: str) -> str | None:
    folders = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    return shutil.which(name, path=os.pathsep.join(folders))
