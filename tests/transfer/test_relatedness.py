import numpy as np
import pytest
from scipy.stats import spearmanr

from dgtl_ray.transfer.relatedness import Consensus, Relatedness, rank_correlation, relatedness


def test_rank_correlation_is_spearmans() -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(6, size=40).astype(float)
    b = a + rng.normal(size=40)
    assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b)[0])


def test_what_has_no_ranks_has_no_correlation() -> None:
    assert rank_correlation(np.ones(20), np.arange(20.0)) is None
    assert rank_correlation(np.arange(3.0), np.arange(3.0)) is None


def test_a_source_that_ranks_wrongly_is_not_trusted() -> None:
    cost_s = np.linspace(1.0, 2.0, 12)
    expected = np.stack([cost_s, -cost_s], axis=1)
    good, bad = relatedness(("good", "bad"), expected, cost_s)
    assert (good.name, good.trusted, bad.trusted) == ("good", True, False)


def test_a_source_is_trusted_before_it_was_judged() -> None:
    (only,) = relatedness(("new",), np.zeros((2, 1)), np.ones(2))
    assert only.correlation is None
    assert only.trusted


def test_few_measurements_must_agree_more() -> None:
    rng = np.random.default_rng(0)
    cost_s = np.arange(100.0)
    noisy = cost_s + rng.normal(scale=60.0, size=100)
    (many,) = relatedness(("noisy",), noisy[:, None], cost_s)
    few = Relatedness(name="noisy", correlation=many.correlation, measured=10)
    assert many.trusted
    assert not few.trusted


_COST_S = np.arange(10.0)
_SWAPPED = np.array([1.0, 0, 3, 2, 5, 4, 7, 6, 9, 8])[:, None]


def test_sources_are_in_doubt_where_measurements_rank_otherwise() -> None:
    alone = Consensus.of(_SWAPPED)
    assert not alone.in_doubt(_SWAPPED, _COST_S)
    assert alone.in_doubt(-_SWAPPED, _COST_S)


def test_few_measurements_leave_no_doubt() -> None:
    assert not Consensus.of(_SWAPPED).in_doubt(-_SWAPPED[:7], _COST_S[:7])


def test_configurations_that_sources_like_alike_leave_no_doubt() -> None:
    assert not Consensus.of(_SWAPPED).in_doubt(-0.1 * _SWAPPED, _COST_S)


def test_agreement_is_of_ranks_and_the_mean_of_pairs() -> None:
    both = np.concatenate([_SWAPPED, np.exp(_SWAPPED), -_SWAPPED], axis=1)
    assert Consensus.of(both).agreement == pytest.approx(-1.0 / 3.0)
    assert Consensus.of(both[:, :2]).agreement == pytest.approx(1.0)
    assert Consensus.of(both[:, :1]).agreement == 1.0


def test_sources_that_contradict_one_another_are_in_doubt_until_they_are_borne_out() -> None:
    """What they expect together counts, and must be sure."""
    expected = np.concatenate([3.0 * _SWAPPED, -_SWAPPED], axis=1)
    unlike = Consensus.of(expected)
    assert unlike.in_doubt(expected[:7], _COST_S[:7])
    assert not unlike.in_doubt(expected, _COST_S)


def test_what_bears_out_sources_that_agree_is_too_little_for_others() -> None:
    """Ten ranks that correlate by 0.43: one standard error of chance is 0.33."""
    rough = np.array([2.0, 5, 0, 7, 1, 9, 4, 3, 8, 6])[:, None]
    assert not Consensus(agreement=1.0, contrast=rough.std()).in_doubt(rough, _COST_S)
    assert Consensus(agreement=0.1, contrast=rough.std()).in_doubt(rough, _COST_S)
