"""Read what was measured with pandas alone: a history needs none of this package's code.

python examples/read_history.py FOLDER
"""

import sys

import pandas as pd


def main(folder: str) -> None:
    rows = pd.read_parquet(folder)
    print(rows.groupby(["network", "task", "status"]).size().to_string())
    ok = rows[rows["status"] == "ok"]
    # What may be compared: one layer, by its structure, on one kind of device, for one target.
    fastest = ok.loc[ok.groupby(["workload_key", "device_key", "target"])["cost_s"].idxmin()]
    print(fastest[["task", "device_key", "cost_s", "config"]].to_string(index=False))


if __name__ == "__main__":
    main(*sys.argv[1:])
