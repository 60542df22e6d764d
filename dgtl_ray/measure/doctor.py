"""What this machine has, and what is missing for which feature."""

import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from dgtl_ray.core.cores import available_cores
from dgtl_ray.core.cpu_info import cpu_info
from dgtl_ray.measure.cuda_headers import find_cuda_headers
from dgtl_ray.measure.toolchain import nvcc_version, nvrtc_version, package_version

_MISSING = "not found"
_INSTRUCTION_SETS = ("avx512f", "avx2", "avx", "fma", "sse4_2", "asimd", "sve")
_GIB = 1 << 30
_WANTED_MEMORY_BYTES = 8 * _GIB
# Says `always [madvise] never`, with what is chosen in brackets.
HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_GIVEN = {"always": "to all", "madvise": "to those who ask, as this program does"}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing looked for; `advice` says what to do where it is missing, "" where it is fine."""

    what: str
    found: str
    needed_for: str
    advice: str

    @property
    def ok(self) -> bool:
        """Whether nothing need be done."""
        return not self.advice


@dataclass(frozen=True, kw_only=True)
class _Probe:
    """Something to look for: `look` gives what was found, None where it is missing."""

    what: str
    look: Callable[[], str | None]
    needed_for: str
    advice: str


def diagnose() -> list[Finding]:
    """Look at this machine. Never raises: what cannot be determined is said to be so."""
    return [_finding(probe) for probe in _PROBES]


def _finding(probe: _Probe) -> Finding:
    try:
        found = probe.look()
    except Exception as error:  # noqa: BLE001 - a doctor tells what is broken
        found, problem = None, f" ({type(error).__name__}: {error})"
    else:
        problem = ""
    return Finding(
        what=probe.what,
        found=(found or _MISSING) + problem,
        needed_for=probe.needed_for,
        advice="" if found else probe.advice,
    )


def _cores() -> str:
    return f"{available_cores()} × {cpu_info().get('model name', platform.machine())}"


def _instruction_sets() -> str | None:
    info = cpu_info()
    flags = set((info.get("flags") or info.get("Features") or "").split())
    return " ".join(name for name in _INSTRUCTION_SETS if name in flags) or None


def _memory() -> str | None:
    total = psutil.virtual_memory().total
    # A machine sold as 8 GB shows a little less.
    return f"{total / _GIB:.1f} GiB" if total > 0.9 * _WANTED_MEMORY_BYTES else None


def _huge_pages() -> str | None:
    if not HUGE_PAGES.exists():
        return None
    chosen = HUGE_PAGES.read_text().partition("[")[2].partition("]")[0]
    return _GIVEN.get(chosen)


def _linker() -> str | None:
    return next(filter(None, map(shutil.which, ("ld", "cc", "gcc", "clang"))), None)


def _tvm() -> str:
    import tvm

    return package_version("apache-tvm") or str(tvm.__version__)


def _llvm() -> str | None:
    import tvm

    if not tvm.runtime.enabled("llvm"):
        return None
    codegen = tvm.target.codegen
    return f"LLVM {codegen.llvm_version_major()}, for {codegen.llvm_get_system_cpu()}"


def _cuda_codegen() -> str | None:
    import tvm

    has = tvm.get_global_func("target.build.cuda", allow_missing=True)
    return "in TVM" if has else None


def _gpu() -> str | None:
    import tvm

    device = tvm.cuda(0)
    if not device.exist:
        return None
    return f"{device.device_name}, compute capability {device.compute_version}"


def _package(name: str) -> Callable[[], str | None]:
    return lambda: package_version(name)


_PROBES = (
    _Probe(
        what="Python",
        look=platform.python_version,
        needed_for="everything",
        advice="install Python 3.11, 3.12 or 3.13",
    ),
    _Probe(what="CPU cores", look=_cores, needed_for="building, tuning for cpu", advice=""),
    _Probe(
        what="instruction sets",
        look=_instruction_sets,
        needed_for="fast kernels for cpu",
        advice="none known was found: kernels will be scalar",
    ),
    _Probe(
        what="memory",
        look=_memory,
        needed_for="tuning a whole network",
        advice="less than 8 GiB: tune with fewer processes, or on a larger machine",
    ),
    _Probe(
        what="huge pages",
        look=_huge_pages,
        needed_for="fast reading of weights on a CPU",
        advice=f"networks may take a quarter more time; on Linux, as root: "
        f"echo madvise > {HUGE_PAGES}",
    ),
    _Probe(
        what="linker",
        look=_linker,
        needed_for="building for any target",
        advice="install a C compiler (Debian: apt install gcc)",
    ),
    _Probe(
        what="TVM",
        look=_tvm,
        needed_for="everything",
        advice="pip install 'apache-tvm>=0.27,<0.28'",
    ),
    _Probe(
        what="code generation for CPUs",
        look=_llvm,
        needed_for="building for any target",
        advice="install a TVM that was built with LLVM",
    ),
    _Probe(
        what="code generation for CUDA",
        look=_cuda_codegen,
        needed_for="target cuda",
        advice="install a TVM that was built with CUDA",
    ),
    _Probe(
        what="NVIDIA GPU",
        look=_gpu,
        needed_for="timing for target cuda",
        advice="only needed for target cuda: a GPU and its driver",
    ),
    _Probe(
        what="NVRTC",
        look=nvrtc_version,
        needed_for="building for cuda (or nvcc)",
        advice="only needed for target cuda: pip install 'dgtl_ray[cuda]'",
    ),
    _Probe(
        what="CUDA headers",
        look=lambda: str(find_cuda_headers() or "") or None,
        needed_for="building for cuda with NVRTC",
        advice="only needed for target cuda: pip install 'dgtl_ray[cuda]'",
    ),
    _Probe(
        what="nvcc",
        look=nvcc_version,
        needed_for="building for cuda (or NVRTC)",
        advice="only needed for target cuda where there is no NVRTC: the CUDA toolkit",
    ),
    *(
        _Probe(what=name, look=_package(name), needed_for=use, advice=f"pip install {wanted}")
        for name, use, wanted in (
            ("torch", "reading networks, the surrogate", "torch"),
            ("ray", "running the search", "'ray[default]'"),
            ("pyarrow", "history", "pyarrow"),
            ("onnx", "reading ONNX files", "'dgtl_ray[onnx]'"),
            ("onnxruntime", "comparing with ONNX Runtime", "'dgtl_ray[baselines]'"),
            ("openvino", "comparing with OpenVINO", "'dgtl_ray[baselines]'"),
            ("MNN", "comparing with MNN", "'dgtl_ray[baselines]'"),
            ("ncnn", "comparing with ncnn", "'dgtl_ray[baselines]'"),
        )
    ),
)
