"""Read what was measured with pandas alone: a history needs none of this package's code.

python examples/read_history.py FOLDER
"""

import sys

import pandas as pd


def main(folder: str) -> None:
    rows = pd.read_parquet(folder)
    print(rows.groupby(["task", "status"]).size().to_string())
    fastest = rows.loc[rows.groupby("task")["cost_s"].idxmin()]
    print(fastest[["task", "cost_s", "config"]].to_string(index=False))


if __name__ == "__main__":
    main(*sys.argv[1:])
