"""Whether a module can run here."""

import json
import struct
from pathlib import Path
from typing import Any

import tvm
from tvm.target import codegen

from dgtl_ray.core.cores import available_cores
from dgtl_ray.core.errors import DeviceError, InputError
from dgtl_ray.core.instruction_sets import hidden_features
from dgtl_ray.measure.gpu import runs_code_for
from dgtl_ray.measure.runtime_device import threads_of

# Features that change which instructions LLVM emits, by the first letters of their names; the
# others only tune the choice among instructions that every CPU has.
_INSTRUCTION_SETS = (
    "amx", "avx", "bmi", "dotprod", "f16c", "fma", "fullfp16", "gfni", "i8mm", "lzcnt", "movbe",
    "neon", "popcnt", "sme", "sse", "ssse", "sve", "vaes", "xop",
)  # fmt: skip
_ELF_MACHINES = {3: "x86", 40: "arm", 62: "x86-64", 183: "aarch64", 243: "riscv"}


def open_device(target: str) -> Any:
    """The device of this machine that runs code for `target` (JSON).

    Raises:
        DeviceError: There is none; the message names the module's device and this machine's.
    """
    attributes = json.loads(target)
    if attributes["kind"] == "cuda":
        return _open_gpu(attributes)
    _check_cpu(attributes)
    return tvm.cpu()


def thread_count(target: str, asked: int | None) -> int:
    """How many threads run a module: as many as asked for, else as the target's cores here.

    Raises:
        InputError: Fewer than one is asked for.
    """
    if asked is None:
        return min(threads_of(target), available_cores())
    if asked < 1:
        raise InputError(f"a module runs on one thread or more, not {asked}")
    return asked


def check_library(path: Path) -> None:
    """Check that a shared library is for this machine's processor family.

    Raises:
        DeviceError: It is for another.
    """
    built, here = _elf_machine(path), _elf_machine(Path("/proc/self/exe"))
    if built != here:
        raise DeviceError(f"the module was built for {built} and this machine is {here}")


def _open_gpu(attributes: dict[str, Any]) -> Any:
    arch = str(attributes.get("arch", "a CUDA GPU"))
    device = tvm.cuda()
    if not device.exist:
        raise DeviceError(
            f"the module was built for cuda ({arch}) and this machine has no CUDA GPU, only a cpu: "
            "run it where there is one, or tune for cpu"
        )
    here = str(device.compute_version)
    if arch.startswith("sm_") and not runs_code_for(arch, here):
        raise DeviceError(
            f"the module was built for cuda ({arch}) and this GPU is sm_{here.replace('.', '')}: "
            "tune for this GPU"
        )
    return device


def _check_cpu(attributes: dict[str, Any]) -> None:
    """Refuse code with instructions that this CPU lacks; it would end the process."""
    mcpu = attributes.get("mcpu", "generic")
    here = str(codegen.llvm_get_system_cpu())
    needed = _instruction_sets(attributes)
    missing = needed - _instruction_sets({"kind": "llvm", "mcpu": here})
    missing.update(hidden_features(needed))
    if missing:
        raise DeviceError(
            f"the module was built for the cpu {mcpu} and this machine's is {here}, which lacks "
            f"{', '.join(sorted(missing))}: tune for this machine"
        )


def _instruction_sets(attributes: dict[str, Any]) -> set[str]:
    features = codegen.llvm_get_cpu_features(tvm.target.Target(attributes))
    return {str(name) for name in features if str(name).startswith(_INSTRUCTION_SETS)}


def _elf_machine(path: Path) -> str:
    """The processor family in an ELF file's header."""
    with path.open("rb") as file:
        header = file.read(20)
    if len(header) < 20 or not header.startswith(b"\x7fELF"):
        return "no ELF file"
    number = struct.unpack_from("<H", header, 18)[0]
    return _ELF_MACHINES.get(number, f"ELF machine {number}")
