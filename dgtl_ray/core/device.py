"""What a piece of hardware is, in the numbers that decide how fast a kernel can be."""

from dataclasses import asdict, dataclass


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
        """Whether a user who says `name`, a key or part of a name, may mean it; "" means any."""
        return name == self.key or name in self.name

    def as_dict(self) -> dict[str, str | int | float]:
        """Field by field, for JSON and Parquet."""
        return asdict(self)
