"""A history that lives in S3: runs add to it from anywhere, and later ones begin with it.

python examples/history_in_s3.py [FOLDER [s3://BUCKET/history]]; without a bucket moto plays S3.
"""

import os
import sys
from contextlib import ExitStack

import dgtl_ray


def local_bucket(until: ExitStack) -> str:
    """The address of a bucket that a server in this process holds until then."""
    from moto.server import ThreadedMotoServer
    from pyarrow.fs import S3FileSystem

    lacking = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} - os.environ.keys()
    os.environ.update(dict.fromkeys(lacking, "test"))
    until.callback(lambda: [os.environ.pop(name) for name in lacking])
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    until.callback(server.stop)
    host, port = server.get_host_and_port()
    where = {"endpoint_override": f"{host}:{port}", "scheme": "http", "region": "us-east-1"}
    S3FileSystem(**where, allow_bucket_creation=True).create_dir("bucket")
    return "s3://bucket/history?" + "&".join(f"{name}={value}" for name, value in where.items())


def kernel(config: dict[str, int]) -> float:
    return 1e-3 * (1 + abs(config["x"] - 12))


def main(folder: str = "runs/s3", address: str = "") -> None:
    with ExitStack() as until:
        history = address or local_bucket(until)
        for name in ("first", "second"):
            grid = dgtl_ray.Tuner(
                kernel,
                param_space={"x": dgtl_ray.randint(0, 40)},
                history=[history] if name == "second" else [],
                tune_config=dgtl_ray.TuneConfig(num_samples=4, search_alg="evolutionary"),
                run_config=dgtl_ray.RunConfig(storage_path=folder, name=name, history=history),
            ).fit()
            best = grid.summary.best["config"]
            print(name, "run:", len(grid), "trials; the best that is known:", best)


if __name__ == "__main__":
    main(*sys.argv[1:])
