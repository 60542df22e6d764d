"""CUDA's own headers, without which NVRTC compiles nothing of TVM's."""

import os
import platform
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_TOOLKITS = ("/usr/local/cuda",)
# Both must be there: the second is a package of its own.
_NEEDED = ("cuda_runtime.h", "cccl/cuda/std/cstdint")


@cache
def find_cuda_headers() -> Path | None:
    """The folder of CUDA's headers: of $CUDA_PATH, the packages or a toolkit; None without one."""
    return next((folder for folder in _candidates() if _is_complete(folder)), None)


def use_cuda_headers(scratch: Path) -> None:
    """Let TVM find the headers; `scratch` takes a link, for TVM wants a toolkit's layout."""
    headers = find_cuda_headers()
    if headers is None:
        return
    link = scratch / "cuda" / "targets" / f"{platform.machine()}-linux" / "include"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(headers)
    os.environ["CUDA_PATH"] = str(scratch / "cuda")


def _candidates() -> Iterator[Path]:
    machine = f"targets/{platform.machine()}-linux/include"
    for root in filter(None, [os.environ.get("CUDA_PATH"), *_TOOLKITS]):
        yield from (Path(root) / "include", Path(root) / machine)
    packages = find_spec("nvidia")
    for folder in (packages.submodule_search_locations or ()) if packages else ():
        yield from sorted(Path(folder).glob("cu*/include"), reverse=True)


def _is_complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in _NEEDED)
