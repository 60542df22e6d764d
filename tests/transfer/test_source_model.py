from dataclasses import replace

import numpy as np

from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.testing.measurements import EXAMPLE_DEVICE
from dgtl_ray.testing.spaces import GridSpace
from dgtl_ray.transfer.pretraining import PretrainConfig, Pretrained, pretrain
from dgtl_ray.transfer.relatedness import rank_correlation
from dgtl_ray.transfer.scaling import ColumnScale, LatencyScale
from dgtl_ray.transfer.source_model import SourceModel
from tests.transfer.conftest import source

Sources = tuple[SourceTask, ...]


def test_expectations_rank_each_sources_rows(sources: Sources, pretrained: Pretrained) -> None:
    space = GridSpace()
    row = space.encode(space.rows, replace(EXAMPLE_DEVICE, cores=4))
    model = SourceModel(pretrained, row[0])
    expected = model.expectations(row)
    nearest = rank_correlation(expected[:, 0], space.latency_s(space.rows))
    assert nearest is not None
    assert nearest > 0.85


def test_an_unknown_device_is_asked_about_too(pretrained: Pretrained) -> None:
    space = GridSpace()
    known = space.encode(space.rows[:5], replace(EXAMPLE_DEVICE, cores=4))
    strange = space.encode(space.rows[:5], replace(EXAMPLE_DEVICE, cores=6))
    assert SourceModel(pretrained, known[0]).expectations(known).shape == (5, 2)
    assert SourceModel(pretrained, strange[0]).expectations(strange).shape == (5, 3)


def test_a_source_left_out_is_not_asked(pretrained: Pretrained) -> None:
    space = GridSpace()
    row = space.encode(space.rows[:5], replace(EXAMPLE_DEVICE, cores=4))
    model = SourceModel(pretrained, row[0])
    everyone = model.expectations(row)
    left = model.expectations(row, without=model.asked[0])
    np.testing.assert_array_equal(left, everyone[:, 1:])


def test_sources_disagree_where_their_measurements_do() -> None:
    """One device turns the other's latencies upside down."""
    space = GridSpace()
    sources = (
        source(space, cores=4),
        source(space, cores=8, change=lambda cost_s: 1e-6 / cost_s),
    )
    model = pretrain(sources, PretrainConfig(steps=150, inducing=48, hidden=2, batch=128))
    row = space.encode(space.rows, replace(EXAMPLE_DEVICE, cores=4))
    expected = SourceModel(model, row[0]).expectations(row)
    alike = rank_correlation(expected[:, 0], expected[:, 1])
    assert alike is not None
    assert alike < -0.5


def test_pretraining_again_gives_the_same(sources: Sources) -> None:
    config = PretrainConfig(steps=3, inducing=16)
    row = sources[0].encoding
    one, two = (SourceModel(pretrain(sources, config), row[0]).expectations(row) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_columns_that_do_not_vary_are_dropped() -> None:
    encoding = np.array([[1, 5, 0], [2, 5, 0], [3, 5, 1]], dtype=np.float32)
    scale = ColumnScale.of(encoding)
    assert scale.kept.tolist() == [0, 2]
    np.testing.assert_allclose(scale(encoding).std(axis=0), 1.0)


def test_what_lies_far_outside_is_clipped() -> None:
    scale = ColumnScale.of(np.array([[0.0], [1.0]], dtype=np.float32))
    assert scale(np.array([[1e9]], dtype=np.float32)).tolist() == [[4.0]]


def test_failed_rows_do_not_count() -> None:
    scale = LatencyScale.of(np.array([1.0, np.nan, np.e]))
    assert (scale.centre, scale.spread) == (0.5, 0.5)
