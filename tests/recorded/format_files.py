"""Small files of other tuners, built as those tools build them."""

import base64
import json
from pathlib import Path
from typing import Any

V02 = "cuda -keys=cuda,gpu -model=RTX-3090 -thread_warp_size=32"


def autotvm_v02(target: str = V02, index: int = 0, **changes: Any) -> dict[str, Any]:
    """A line of AutoTVM's of version 0.2: a matrix product with a template of a user's."""
    record = {
        "input": [target, "my/matmul", [512, 512, "float32"], {}],
        "config": {
            "index": index,
            "code_hash": None,
            "entity": [
                ["tile_y", "sp", [-1, 8 << index]],
                ["tile_x", "sp", [-1, 4]],
                ["auto_unroll", "ot", 16],
            ],
        },
        "result": [[0.002 - 0.0001 * index, 0.002 - 0.0001 * index], 0, 1.5, 1600000000.25 + index],
        "version": 0.2,
        "tvm_version": "0.8.0",
    }
    return record | changes


def autotvm_v01(index: int = 0) -> dict[str, Any]:
    """A line of AutoTVM's of version 0.1."""
    config = {"i": index, "t": "direct", "c": None, "e": [["tile", "sp", [4, 16 << index]]]}
    task = ["llvm -mcpu=core-avx2", "topi_x86_conv2d", [["TENSOR", [1, 3], "float32"]], {}, []]
    return {"i": [*task, config], "r": [[0.25], 0, 2.0, 1550000000.0], "v": 0.1}


def ansor(cost_s: float = 0.0123, error: int = 0, size: int = 4) -> dict[str, Any]:
    """A line of Ansor's of version 0.6."""
    steps = [
        ["CHW", 2, "local"],
        ["SP", 2, 0, 512, [1, size, 8], 1],
        ["RE", 2, [0, 2, 1]],
        ["PR", 5, 0, "auto_unroll_max_step$512"],
    ]
    task = ['["matmul", 512, 512]', "cuda -keys=cuda,gpu -model=v100"]
    hardware = [80, 64, 64, 49152, 65536, 1024, 8, 32]
    inner = [*task, hardware, "", 2, []]
    return {"i": [inner, [[], steps]], "r": [[cost_s], error, 3.5, 1620000000], "v": "v0.6"}


def lines(path: Path, *records: Any) -> Path:
    """A file of one record a line; texts as they are."""
    texts = [one if isinstance(one, str) else json.dumps(one) for one in records]
    path.write_text("\n".join(texts) + "\n")
    return path


def metaschedule(folder: Path, target: Any = None) -> Path:
    """A database of MetaSchedule: one workload, three records, one of which failed."""
    program = base64.b64encode(b'{"root": 1}').decode()
    lines(folder / "database_workload.json", ["1234567890", program])
    told = target or {"kind": "llvm", "mcpu": "skylake-avx512", "num-cores": 2, "keys": ["cpu"]}
    arguments = [["TENSOR", "float32", [64, 64]], ["TENSOR", "float32", [64, 64]]]
    records = []
    for size, run_s in ((4, [0.004, 0.002]), (8, [0.001]), (16, [1e10])):
        instructions = [
            ["GetSBlock", [], ["matmul", "main"], ["b0"]],
            ["GetLoops", ["b0"], [], ["l1", "l2", "l3"]],
            ["SamplePerfectTile", ["l1"], [2, 16], ["v4", "v5"]],
            ["SampleCategorical", [], [[0, 16], [0.5, 0.5]], ["v6"]],
        ]
        trace = [instructions, [[2, [64 // size, size]], [3, 1]]]
        records.append([0, [trace, run_s, told, arguments]])
    lines(folder / "database_tuning_record.json", *records)
    return folder


def ktt_result(tile: int, status: str = "Ok", duration: float = 1500.0) -> dict[str, Any]:
    """A configuration in KTT's output."""
    return {
        "KernelName": "nbody",
        "Status": status,
        "TotalDuration": duration,
        "TotalOverhead": 500.0,
        "ComputationResults": [],
        "Configuration": [{"Name": "TILE", "Value": tile}, {"Name": "UNROLL", "Value": 2}],
    }


def ktt(*results: dict[str, Any], unit: str = "Microseconds") -> dict[str, Any]:
    """KTT's output as JSON."""
    facts = {
        "ComputeApi": "CUDA",
        "Device": "NVIDIA GeForce RTX 3090",
        "KttVersion": "2.1",
        "TimeUnit": unit,
        "Timestamp": "2022-03-01 10:15:00",
    }
    return {"Metadata": facts, "Results": list(results)}


def optuna_journal() -> list[dict[str, Any]]:
    """Entries of a journal of Optuna's: one study, one trial, one parameter."""
    choices = {"name": "CategoricalDistribution", "attributes": {"choices": [8, 16]}}
    param = {"param_name": "tile", "param_value_internal": 1.0, "distribution": json.dumps(choices)}
    done: list[dict[str, Any]] = [
        {"op_code": 0, "study_name": "tiles", "directions": [1]},
        {"op_code": 4, "study_id": 0, "datetime_start": "2024-01-01T00:00:00+00:00"},
        {"op_code": 5, "trial_id": 0, **param},
        {"op_code": 6, "trial_id": 0, "state": 1, "values": [0.5]},
    ]
    return [{"op_code": one["op_code"], "worker_id": "a-1"} | one for one in done]


def optuna_study(
    file: Path, *values: float | None, day: str | None = "2024-01-01", direction: int = 1
) -> Path:
    """A journal of a study whose trials began on a day; those without a value are running."""
    done: list[dict[str, Any]] = [{"op_code": 0, "study_name": "tiles", "directions": [direction]}]
    for k, value in enumerate(values):
        began = day and f"{day}T00:00:0{k}+00:00"
        done.append({"op_code": 4, "study_id": 0, "datetime_start": began})
        if value is not None:
            done.append({"op_code": 6, "trial_id": k, "state": 1, "values": [value]})
    return lines(file, *({"op_code": one["op_code"], "worker_id": "a-1"} | one for one in done))


def ray_trial(folder: Path, parameters: dict[str, Any], *reports: Any) -> Path:
    """A trial's folder of Ray Tune's."""
    folder.mkdir(parents=True)
    (folder / "params.json").write_text(json.dumps(parameters))
    (folder / "result.json").touch()
    if reports:
        lines(folder / "result.json", *reports)
    return folder


def ray_state(experiment: Path, name: str, **states: str) -> None:
    """What Ray Tune notes of an experiment's trials, by the names of their folders."""
    told = [{"relative_logdir": folder, "status": state} for folder, state in states.items()]
    data = {"trial_data": [[json.dumps(one), "{}"] for one in told], "stats": {}}
    (experiment / f"experiment_state-{name}.json").write_text(json.dumps(data))


def ray_report(iteration: int, **metrics: Any) -> dict[str, Any]:
    """What a trial of Ray Tune's reports, with what Ray Tune adds."""
    own = {"training_iteration": iteration, "time_total_s": 2.0 * iteration, "pid": 1}
    return {"timestamp": 1700000000 + iteration, "done": False, "config": {}} | own | metrics
