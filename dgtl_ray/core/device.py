"""What a piece of hardware is, in the numbers that decide how fast a kernel can be."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import NamedTuple

# What vendors write into names, and nobody says.
_MARKS = re.compile(r"\((?:R|TM|C)\)", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What a device was like while it timed; None where it does not tell.

    Attributes:
        core_clock_mhz: Clock of the cores, or streaming multiprocessors.
        memory_clock_mhz: Clock of the main memory.
        temperature_c: Degrees Celsius.
    """

    core_clock_mhz: float | None = None
    memory_clock_mhz: float | None = None
    temperature_c: float | None = None


UNKNOWN_CONDITIONS = Conditions()


@dataclass(frozen=True, kw_only=True)
class DeviceDescriptor:
    """A device, described so that knowledge of one can be used on another.

    Attributes:
        name: What its vendor calls it.
        kind: `cpu` or `cuda`; of one that others timed on also `rocm`, or `unknown`.
        vendor: `amd`, `intel`, `arm`, `nvidia`, …
        cores: Cores, or streaming multiprocessors, that the kernel may use.
        clock_ghz: Nominal clock.
        peak_gflops: Single-precision multiply-adds, counted as two, of all cores together.
        bandwidth_gb_s: Main memory.
        shared_memory_bytes: Of one block; of one core's first-level data cache on a CPU.
        cache_bytes: Last-level cache.
        vector_lanes: float32 lanes of one vector instruction; the warp size on a GPU.
    """

    name: str
    kind: str
    vendor: str
    cores: int
    clock_ghz: float
    peak_gflops: float
    bandwidth_gb_s: float
    shared_memory_bytes: int
    cache_bytes: int
    vector_lanes: int

    @property
    def key(self) -> str:
        """Two devices of one kind share it: measurements on them may stand side by side."""
        return f"{self.kind}/{self.name}/{self.cores}"

    def is_called(self, name: str) -> bool:
        """Whether a user who says `name`, a key or words of a name, may mean it; "" means any."""
        return name in {"", self.key} or mentions(self.name, name)

    def as_dict(self) -> dict[str, str | int | float]:
        """Field by field, for JSON and Parquet."""
        return asdict(self)


class DeviceKind(NamedTuple):
    """What devices have in common that may stand in for each other; "" means any.

    Attributes:
        key: Of the device's descriptor.
        processor: What tells generations apart that share a key: what LLVM calls a CPU, or the
            machine code that a GPU runs.
    """

    key: str = ""
    processor: str = ""

    def __str__(self) -> str:
        return f"{self.key} ({self.processor})" if self.processor else self.key


ANY_KIND = DeviceKind()


@dataclass(frozen=True, kw_only=True)
class DeviceAnswer:
    """What was answered when it was asked what device there is.

    Attributes:
        descriptor: The device, None where it cannot be told.
        processor: Which of the generations that share its name that is, see `DeviceKind`.
        error: Why it cannot be told.
    """

    descriptor: DeviceDescriptor | None
    processor: str = ""
    error: str = ""

    @property
    def kind(self) -> DeviceKind:
        """The kind of device that it is; any where that cannot be told."""
        return DeviceKind(self.descriptor.key if self.descriptor else "", self.processor)


def prevalent(kinds: Iterable[DeviceKind]) -> DeviceKind:
    """The kind of which there are most; of several, the first by name.

    Raises:
        ValueError: There are none.
    """
    counts = Counter(kinds)
    return max(sorted(counts), key=lambda kind: counts[kind])


def processor_of(target: str) -> str:
    """The processor that a target (TVM's, as JSON) is for; "" where it names none."""
    attributes = json.loads(target)
    return str(attributes.get("mcpu") or attributes.get("arch") or "")


def mentions(text: str, name: str) -> bool:
    """Whether a name stands in a text as whole words in a row: an A100 is no A10."""
    words, wanted = _words(text), _words(name)
    starts = range(len(words) - len(wanted) + 1)
    return bool(wanted) and any(words[k : k + len(wanted)] == wanted for k in starts)


def _words(text: str) -> list[str]:
    return _WORD.findall(_MARKS.sub(" ", text))
