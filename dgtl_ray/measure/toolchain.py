"""The versions that decide what a build gives."""

import platform
import shutil
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version


def toolchain() -> dict[str, str]:
    """Versions by name: dgtl_ray, tvm, llvm, python, platform, and cuda where there is one."""
    return dict(_toolchain())


def host_toolchain() -> dict[str, str]:
    """Versions of what runs a user's function, told without loading a compiler."""
    return {
        "dgtl_ray": package_version("dgtl_ray") or "not installed",
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


@cache
def _toolchain() -> tuple[tuple[str, str], ...]:
    import tvm

    versions = {
        **host_toolchain(),
        "tvm": package_version("apache-tvm") or tvm.__version__,
        "llvm": str(tvm.target.codegen.llvm_version_major()),
    }
    if cuda := cuda_version():
        versions["cuda"] = cuda
    return tuple(versions.items())


def package_version(name: str) -> str | None:
    """The installed version of a package, None where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def cuda_version() -> str | None:
    """The version of the CUDA compiler that builds would use, None where there is none."""
    return nvrtc_version() or nvcc_version()


def nvrtc_version() -> str | None:
    """NVRTC's version, None where its library or binding is missing."""
    try:
        from cuda.bindings import nvrtc

        error, major, minor = nvrtc.nvrtcVersion()
    except (ImportError, RuntimeError):
        return None
    return None if int(error) else f"{major}.{minor}"


def nvcc_version() -> str | None:
    """The version of the nvcc on the PATH, None where there is none."""
    if not (path := shutil.which("nvcc")):
        return None
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    _, _, rest = done.stdout.partition("release ")
    return rest.partition(",")[0] or None
