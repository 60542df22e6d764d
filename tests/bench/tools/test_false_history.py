"""Histories that mislead."""

import numpy as np
import pytest

from dgtl_ray.bench.tools.false_history import noise, unrelated
from dgtl_ray.bench.tools.replay import Telling, draw_sources, replay
from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.recorded.recorded import RecordedTable
from dgtl_ray.search import ProposerContext
from dgtl_ray.search.random_search import RandomProposer
from dgtl_ray.transfer.relatedness import rank_correlation


@pytest.fixture
def source(tables: list[RecordedTable]) -> SourceTask:
    target, other = tables
    return draw_sources(target, [other], 120, seed=0)[0]


@pytest.mark.parametrize("lie", [noise, unrelated])
def test_they_say_nothing_of_the_truth(source: SourceTask, lie: Telling) -> None:
    agreement = []
    for seed in range(40):
        told = lie(source, np.random.default_rng(seed))
        np.testing.assert_array_equal(told.encoding, source.encoding)
        np.testing.assert_array_equal(np.isnan(told.cost_s).sum(), np.isnan(source.cost_s).sum())
        ok = np.isfinite(told.cost_s) & np.isfinite(source.cost_s)
        agreement.append(rank_correlation(told.cost_s[ok], source.cost_s[ok]) or 0.0)
    assert abs(np.mean(agreement)) < 0.2


def test_an_unrelated_kernel_spreads_as_the_source_does(source: SourceTask) -> None:
    told = unrelated(source, np.random.default_rng(0))
    real, made_up = np.log(source.cost_s), np.log(told.cost_s)
    assert np.nanmean(made_up) == pytest.approx(np.nanmean(real), abs=0.1)
    assert np.nanstd(made_up) == pytest.approx(np.nanstd(real), rel=0.2)


def test_a_replayed_search_is_told_them(tables: list[RecordedTable]) -> None:
    heard = list[SourceTask]()

    class Listener(RandomProposer):
        def __init__(self, context: ProposerContext) -> None:
            super().__init__(context)
            heard.extend(context.sources)

    target, other = tables
    replay(target, "random", trials=8, seeds=[4], sources=[other], told=noise, make=Listener)
    (true,), (told,) = draw_sources(target, [other], 500, seed=4), heard
    assert (np.sort(told.cost_s) == np.sort(true.cost_s))[: np.isfinite(true.cost_s).sum()].all()
    assert (told.cost_s != true.cost_s).any()
