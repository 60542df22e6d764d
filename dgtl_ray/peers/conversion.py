"""Files that peers of their own format run, made of the ONNX file once and kept beside it."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dgtl_ray.core.cores import available_cores
from dgtl_ray.core.errors import DgtlError
from dgtl_ray.core.example import Array, Example
from dgtl_ray.core.processes import kill_group
from dgtl_ray.peers.catalogue import program
from dgtl_ray.peers.kept import KeptNetwork

_LIMIT_S = 280.0


def mnn_file(network: KeptNetwork) -> Path:
    """MNN's file of a network, in float32.

    Raises:
        DgtlError: MNN's converter does not take it.
    """
    made = network.folder / "network.mnn"
    if not made.exists():
        with tempfile.TemporaryDirectory(dir=network.folder) as scratch:
            result = Path(scratch) / made.name
            arguments = ["-f", "ONNX", "--modelFile", str(network.onnx), "--MNNModel", str(result)]
            converter = [sys.executable, "-m", "dgtl_ray.peers.mnn_converter"]
            _run("MNN's converter", [*converter, *arguments, "--bizCode", "network"], result)
            result.rename(made)
    return made


def ncnn_files(network: KeptNetwork) -> tuple[Path, Path]:
    """Ncnn's graph and weights of a network, in float32.

    Raises:
        DgtlError: `pnnx` does not take it.
    """
    made = network.folder / "ncnn"
    graph, weights = made / "network.ncnn.param", made / "network.ncnn.bin"
    if not made.exists():
        with tempfile.TemporaryDirectory(dir=network.folder) as scratch:
            folder = Path(scratch)
            # pnnx writes beside what it reads.
            (folder / network.onnx.name).symlink_to(network.onnx)
            shapes = f"inputshape={_shapes(Example.read(network.folder).inputs)}"
            _run(
                "pnnx",
                [program("pnnx"), network.onnx.name, shapes, "fp16=0"],
                folder / weights.name,
            )
            done = folder / "done"
            done.mkdir()
            for name in (graph.name, weights.name):
                shutil.move(folder / name, done / name)
            done.rename(made)
    return graph, weights


def _shapes(inputs: Sequence[Array]) -> str:
    """As pnnx reads them: `[1,3,224,224]f32,[1,128]i64`."""
    return ",".join(
        f"[{','.join(map(str, array.shape))}]{array.dtype.kind}{8 * array.dtype.itemsize}"
        for array in inputs
    )


def _run(name: str, command: Sequence[str], result: Path) -> None:
    """Run a converter where it may write, and check that it wrote its result.

    Raises:
        DgtlError: It did not, or takes minutes.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "dgtl_ray.peers.keeper", str(os.getpid()), *command],
        cwd=result.parent,
        env={**os.environ, "OMP_NUM_THREADS": str(available_cores())},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        process_group=0,
    ) as process:
        try:
            text, _ = process.communicate(timeout=_LIMIT_S)
        except subprocess.TimeoutExpired:
            raise DgtlError(f"{name} takes longer than {_LIMIT_S:g} s") from None
        finally:
            kill_group(process.pid)
    if process.returncode != 0 or not result.exists():
        said = [line.strip() for line in text.splitlines() if line.strip()]
        last = f": {said[-1]}" if said else ""
        raise DgtlError(f"{name} cannot convert it (status {process.returncode}){last}")
