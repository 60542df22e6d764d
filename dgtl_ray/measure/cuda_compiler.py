"""Which compiler turns CUDA source into machine code here; no GPU is needed for that."""

from functools import cache

from dgtl_ray.core.errors import MissingExtraError
from dgtl_ray.measure.cuda_headers import find_cuda_headers
from dgtl_ray.measure.toolchain import nvcc_version, nvrtc_version


@cache
def choose_cuda_compiler() -> str:
    """`nvrtc` (in-process, fast) where its packages are installed, else `nvcc`.

    Raises:
        MissingExtraError: There is neither.
    """
    if nvrtc_version() and find_cuda_headers():
        return "nvrtc"
    if nvcc_version():
        return "nvcc"
    raise MissingExtraError(
        "compiling for CUDA (no NVRTC with CUDA's headers, no nvcc on the PATH)", "cuda"
    )
