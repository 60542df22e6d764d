"""Read what was measured with pandas alone: a history needs none of this package's code.

python examples/read_history.py FOLDER
"""

import sys

import pandas as pd

# What may be compared: one layer, by its structure, on one kind of device, for one target.
LAYER = ["workload_key", "device_key", "target"]


def main(folder: str) -> None:
    rows = pd.read_parquet(folder)
    print(rows.groupby(["network", "task", "status"]).size().to_string())
    alike = taken_alike(rows[rows["status"] == "ok"])
    times = alike.groupby([*LAYER, "config"], as_index=False).agg(
        task=("task", "first"), cost_s=("cost_s", "median")
    )
    fastest = times.loc[times.groupby(LAYER)["cost_s"].idxmin()]
    print(fastest[["task", "device_key", "cost_s", "config"]].to_string(index=False))


def taken_alike(rows: pd.DataFrame) -> pd.DataFrame:
    # Of each layer: times of the last contest before those of the search, those in the network
    # before those alone, and of these such as other data passed through the caches between.
    rows = rows.assign(
        confirmed=rows["stage"] == "confirm",
        in_network=rows["timed_in"] == "network",
        displaced=rows["passed_bytes"].notna(),
    )
    for better in ["confirmed", "in_network", "displaced"]:
        rows = rows[rows[better] == rows.groupby(LAYER)[better].transform("max")]
    return rows


if __name__ == "__main__":
    main(*sys.argv[1:])
