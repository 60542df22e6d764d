"""A history that lives in S3: runs add to it from anywhere, and later ones begin with it.

python examples/history_in_s3.py [FOLDER [ADDRESS]]

ADDRESS is in a bucket of yours, s3://BUCKET/history; without one moto plays S3 in this process.
"""

import os
import sys

import dgtl_ray


def local_bucket() -> str:
    """The address of a bucket that a server in this process holds."""
    from moto.server import ThreadedMotoServer
    from pyarrow.fs import S3FileSystem

    os.environ.update(dict.fromkeys(["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], "test"))
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    where = {"endpoint_override": f"{host}:{port}", "scheme": "http", "region": "us-east-1"}
    S3FileSystem(**where, allow_bucket_creation=True).create_dir("bucket")
    return "s3://bucket/history?" + "&".join(f"{name}={value}" for name, value in where.items())


def kernel(config: dict[str, int]) -> float:
    return 1e-3 * (1 + abs(config["x"] - 12))


def tune(name: str, folder: str, history: str, trials: int) -> None:
    grid = dgtl_ray.Tuner(
        kernel,
        param_space={"x": dgtl_ray.randint(0, 40)},
        history=[history] if name == "second" else [],
        tune_config=dgtl_ray.TuneConfig(num_samples=trials, search_alg="evolutionary"),
        run_config=dgtl_ray.RunConfig(storage_path=folder, name=name, history=history),
    ).fit()
    print(name, "run:", len(grid), "trials; the best that is known:", grid.summary.best["config"])


def main(folder: str = "runs/s3", address: str = "") -> None:
    history = address or local_bucket()
    tune("first", folder, history, trials=6)
    tune("second", folder, history, trials=4)


if __name__ == "__main__":
    main(*sys.argv[1:])
