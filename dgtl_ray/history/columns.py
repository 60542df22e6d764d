"""The columns of a history: types for Parquet, words for its readers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column.

    Attributes:
        type: Its Arrow type.
        meaning: What it holds, for a reader who has never seen this program.
        unit: `s`, `FLOP`, … or "" where it has none.
        null: When it is null; "" where it never is.
        example: A value, as text.
    """

    name: str
    type: Any
    meaning: str
    unit: str = ""
    null: str = ""
    example: str


_DEVICE = pa.struct(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("vendor", pa.string(), nullable=False),
        pa.field("cores", pa.int64(), nullable=False),
        pa.field("clock_ghz", pa.float64(), nullable=False),
        pa.field("peak_gflops", pa.float64(), nullable=False),
        pa.field("bandwidth_gb_s", pa.float64(), nullable=False),
        pa.field("shared_memory_bytes", pa.int64(), nullable=False),
        pa.field("cache_bytes", pa.int64(), nullable=False),
        pa.field("vector_lanes", pa.int64(), nullable=False),
    ]
)


def _list_of(kind: Any) -> Any:
    """A list without nulls."""
    return pa.list_(pa.field("element", kind, nullable=False))


_NOT_TOLD = "where the device does not tell: NVML does for NVIDIA's GPUs"
_NOT_KEPT = "where nothing was timed, and in rows from before it was kept"

COLUMNS: tuple[Column, ...] = (
    Column(
        name="measurement_id",
        type=pa.string(),
        meaning="The row's name, unique within all histories: run_id, a hyphen, trial",
        example="20260301T101500-3f2a9c1d-17",
    ),
    Column(
        name="run_id",
        type=pa.string(),
        meaning="The run that asked for the trial",
        example="20260301T101500-3f2a9c1d",
    ),
    Column(
        name="trial",
        type=pa.int64(),
        meaning=(
            "Number of the trial within its run, from 0; of Ray Tune's trials a hash of their names"
        ),
        example="17",
    ),
    Column(
        name="network",
        type=pa.string(),
        meaning="The network that the layer task came from; a user's function is its own",
        example="resnet18",
    ),
    Column(
        name="task",
        type=pa.string(),
        meaning="Name of the layer task within the network",
        example="fused_conv2d_add_relu",
    ),
    Column(
        name="operator",
        type=pa.string(),
        meaning='The operator that dominates the task; "function" of a user\'s function',
        example="conv2d",
    ),
    Column(
        name="workload_key",
        type=pa.string(),
        meaning=(
            "Structural hash of the task's program, hexadecimal: equal keys are equal programs. Of"
            " a user's function: hash of its name, its parameters' names and its objective; of what"
            " Ansor, MetaSchedule, Ray Tune and Optuna measured, whose configurations may lack"
            " parameters, without these names"
        ),
        example="9c0de1f2a4b86d35",
    ),
    Column(
        name="arg_shapes",
        type=_list_of(_list_of(pa.int64())),
        meaning="Shapes of the task's arguments, inputs before outputs; a user's function has none",
        example="[[1, 56, 56, 64], [3, 3, 64, 64], [1, 56, 56, 64]]",
    ),
    Column(
        name="arg_dtypes",
        type=_list_of(pa.string()),
        meaning="Element types of the same arguments",
        example='["float32", "float32", "float32"]',
    ),
    Column(
        name="flop",
        type=pa.float64(),
        meaning=(
            "Floating-point operations of one run of the task, a multiply-add counted as two; 0.0"
            " of a user's function, of which they are not known"
        ),
        unit="FLOP",
        example="231211008.0",
    ),
    Column(
        name="weight",
        type=pa.int64(),
        meaning="How often the network runs the task",
        example="4",
    ),
    Column(
        name="target",
        type=pa.string(),
        meaning='TVM\'s target as JSON; {"kind": "function"} of a user\'s function',
        example='{"kind": "llvm", "mcpu": "skylake-avx512", "num-cores": 2}',
    ),
    Column(
        name="device_key",
        type=pa.string(),
        meaning=(
            "Name of the kind of device that timed; rows that share it and target may be compared"
        ),
        example="cpu/Xeon 6148/2",
    ),
    Column(
        name="device",
        type=_DEVICE,
        meaning=(
            "Description of that device: name, kind (cpu, cuda, rocm, unknown), vendor, cores"
            " (or SMs), clock_ghz, peak_gflops (float32), bandwidth_gb_s (main memory),"
            " shared_memory_bytes (of a block; a core's first-level data cache on a CPU),"
            " cache_bytes (last level), vector_lanes (float32; warp size on a GPU)"
        ),
        unit="in the fields' names",
        example='{"name": "Xeon 6148", "kind": "cpu", "vendor": "intel", "cores": 2, …}',
    ),
    Column(
        name="toolchain",
        type=pa.map_(pa.string(), pa.string()),
        meaning="Versions of the tools that built and timed, by tool",
        example='{"tvm": "0.27.0", "llvm": "20.1.0"}',
    ),
    Column(
        name="space_key",
        type=pa.string(),
        meaning="Hash of the design space that config belongs to",
        example="5b1f0c77d2",
    ),
    Column(
        name="config",
        type=pa.string(),
        meaning="The configuration as JSON; empty for the default schedule",
        example='{"sketch": 1, "unroll": 512}',
    ),
    Column(
        name="encoding",
        type=_list_of(pa.float32()),
        meaning=(
            "Feature vector of the configuration; empty for the default schedule and users'"
            " functions"
        ),
        example="[1.0, 3.0, 0.5]",
    ),
    Column(
        name="status",
        type=pa.string(),
        meaning=(
            "How the trial ended: ok, build_error, build_timeout, run_error, run_timeout or"
            " wrong_result (its outputs differ from the reference's)"
        ),
        example="ok",
    ),
    Column(
        name="error",
        type=pa.string(),
        meaning="What went wrong; empty where status is ok",
        example="",
    ),
    Column(
        name="repeats_s",
        type=_list_of(pa.float64()),
        meaning="Every repeat of the timing, as seconds of one run of the kernel; empty if none",
        unit="s",
        example="[0.00171, 0.0017, 0.00173]",
    ),
    Column(
        name="cost_s",
        type=pa.float64(),
        meaning=(
            "Latency of the kernel: the median of repeats_s. Of imported rows: the mean of"
            " repeats_s (AutoTVM, Ansor, MetaSchedule), else the result that the file gives (Kernel"
            " Tuner's time). Of a user's function: what metrics says"
        ),
        unit="s",
        null="where status is not ok",
        example="0.00171",
    ),
    Column(
        name="build_s",
        type=pa.float64(),
        meaning="Wall-clock time that building took, failed or not",
        unit="s",
        example="0.31",
    ),
    Column(
        name="timing_s",
        type=pa.float64(),
        meaning="Wall-clock time that timing took; 0 where it was not reached",
        unit="s",
        example="0.12",
    ),
    Column(
        name="proposer",
        type=pa.string(),
        meaning="The search that proposed the configuration",
        example="evolutionary",
    ),
    Column(
        name="stage",
        type=pa.string(),
        meaning=(
            "Why the trial was asked for: default (the default schedule), tuning_set, search or"
            " confirm (one of the best, timed again before a winner is named)"
        ),
        example="search",
    ),
    Column(
        name="predicted_mean",
        type=pa.float64(),
        meaning="Mean of the natural logarithm of cost_s, predicted when the trial was proposed",
        unit="log s",
        null="where the proposer predicts nothing",
        example="-6.37",
    ),
    Column(
        name="predicted_std",
        type=pa.float64(),
        meaning="Standard deviation of the same prediction",
        unit="log s",
        null="where the proposer predicts nothing",
        example="0.21",
    ),
    Column(
        name="seed",
        type=pa.int64(),
        meaning="Seed of the run",
        example="0",
    ),
    Column(
        name="core_clock_mhz",
        type=pa.float64(),
        meaning="Clock of the device's cores just after the timing",
        unit="MHz",
        null=_NOT_TOLD,
        example="1980.0",
    ),
    Column(
        name="memory_clock_mhz",
        type=pa.float64(),
        meaning="Clock of the device's main memory just after the timing",
        unit="MHz",
        null=_NOT_TOLD,
        example="2619.0",
    ),
    Column(
        name="temperature_c",
        type=pa.float64(),
        meaning="Temperature of the device just after the timing",
        unit="°C",
        null=_NOT_TOLD,
        example="41.0",
    ),
    Column(
        name="timed_in",
        type=pa.string(),
        meaning=(
            "Where the kernel ran: alone, or within its network, timed call by call; repeats_s are"
            " then means over the calls of one inference each"
        ),
        null=f"{_NOT_KEPT}: alone",
        example="network",
    ),
    Column(
        name="passed_bytes",
        type=pa.int64(),
        meaning="Bytes of other data that passed through the device's caches between two runs",
        unit="B",
        null=f"{_NOT_KEPT}: none on CPUs, twice the second-level cache on GPUs",
        example="56000000",
    ),
    Column(
        name="metrics",
        type=pa.map_(pa.string(), pa.float64()),
        meaning=(
            "What a user's function told, by name. cost_s is then its objective where that is a"
            " time, else exp(asinh(x)) of it, or exp(-asinh(x)) where much is good"
        ),
        null="where a kernel was timed, and where the function failed",
        example='{"latency_s": 0.0017, "gflops": 135.8}',
    ),
    Column(
        name="created_at",
        type=pa.timestamp("us", tz="UTC"),
        meaning="When the measurement was made",
        unit="UTC, microseconds",
        example="2026-03-01T10:15:32.123456Z",
    ),
)


def columns_as_markdown(columns: Sequence[Column] = COLUMNS) -> str:
    """A Markdown table that explains each column."""
    lines = [
        "| column | type | meaning | unit | null | example |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for column in columns:
        example = f"`{column.example}`" if column.example else "(empty)"
        cells = (
            f"`{column.name}`",
            _type_name(column.type),
            column.meaning,
            column.unit or "–",
            column.null or "never",
            example,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _type_name(kind: Any) -> str:
    """An Arrow type in the words of a database."""
    if pa.types.is_struct(kind):
        return "struct"
    if pa.types.is_list(kind):
        return f"list of {_type_name(kind.value_type)}"
    if pa.types.is_map(kind):
        return f"map of {kind.key_type} to {kind.item_type}"
    if pa.types.is_timestamp(kind):
        return "timestamp"
    return {"double": "float64", "float": "float32"}.get(str(kind), str(kind))
