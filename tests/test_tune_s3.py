"""A whole run that lives in an object store: state, history and module."""

import numpy as np
import pytest
from typer.testing import CliRunner

import dgtl_ray
from dgtl_ray.cli import app
from dgtl_ray.history import ParquetHistory
from dgtl_ray.run.results import ResultGrid
from tests.networks import tiny
from tests.s3 import Bucket

NETWORK = "tests.networks:tiny"


def tune(bucket: Bucket, trials: int, *, resume: bool = False) -> ResultGrid:
    grid: ResultGrid = dgtl_ray.Tuner(
        NETWORK,
        tune_config=dgtl_ray.TuneConfig(num_samples=trials),
        run_config=dgtl_ray.RunConfig(
            name="tiny", storage_path=bucket.uri("runs"), compare=False, history=None
        ),
        resume=resume,
    ).fit()
    return grid


@pytest.fixture(scope="module")
def grid(ray_cluster: None, bucket: Bucket) -> ResultGrid:
    return tune(bucket, 8)


def test_the_module_is_loaded_from_there(grid: ResultGrid, bucket: Bucket) -> None:
    network, inputs = tiny()
    assert grid.summary.module == bucket.uri("runs/tiny/module")
    module = dgtl_ray.load(grid.module_path)
    expected = network(*inputs).detach().numpy()
    np.testing.assert_allclose(module(inputs[0].numpy()), expected, rtol=1e-3, atol=1e-4)


def test_the_module_is_run_from_there(grid: ResultGrid, bucket: Bucket) -> None:
    done = CliRunner().invoke(app, ["run", bucket.uri("runs/tiny")])
    assert done.exit_code == 0, done.output
    assert "1x10" in done.output


def test_the_history_is_there_in_few_files(grid: ResultGrid, bucket: Bucket) -> None:
    history = ParquetHistory(bucket.uri("runs/tiny/history"))
    assert grid.summary.history == history.uri
    assert len({row.run_id for row in history.measurements()}) == 1
    assert history.compact() == 0


def test_the_run_goes_on_from_there(grid: ResultGrid, bucket: Bucket) -> None:
    assert dgtl_ray.Tuner.can_restore(bucket.uri("runs/tiny"))
    again = tune(bucket, 12, resume=True)
    assert again.summary.run_id == grid.summary.run_id
    assert again.summary.trials == 12
