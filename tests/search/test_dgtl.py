from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from botorch.acquisition import qLogExpectedImprovement, qUpperConfidenceBound
from ray import cloudpickle

from dgtl_ray.bench.tools.false_history import noise, unrelated
from dgtl_ray.core.acquisition import ACQUISITIONS
from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import FloatArray, IntArray, Proposer
from dgtl_ray.search import ProposerContext, SearchSpace, make_proposer
from dgtl_ray.search.breeding import EvolutionConfig, breed
from dgtl_ray.search.candidates import Candidates, neighbours_of, representatives
from dgtl_ray.search.dgtl import DgtlProposer
from dgtl_ray.search.dgtl_config import DgtlConfig
from dgtl_ray.search.ledger import Ledger
from dgtl_ray.space.parameters import read_parameters
from dgtl_ray.testing.measurements import EXAMPLE_DEVICE
from dgtl_ray.testing.proposers import ProposerConformance, search, tell
from dgtl_ray.testing.spaces import GridSpace
from dgtl_ray.transfer.acquisition import choose_batch
from dgtl_ray.transfer.guard import Expert
from dgtl_ray.transfer.pretraining import PretrainConfig, Pretrained, pretrain
from dgtl_ray.transfer.target_gp import TargetGP, Tuning

QUICK = PretrainConfig(steps=60, inducing=32, hidden=2, batch=128)
# A pool that is not the whole grid, so that neighbours join it.
SMALL = DgtlConfig(standing=1000, pretrain=QUICK)
# Long enough to tell apart sources that are unlike.
LEARNED = replace(SMALL, pretrain=replace(QUICK, steps=250, inducing=64))


def source(cores: int, rows: int = 150) -> SourceTask:
    """The grid measured on another device."""
    space, device = GridSpace(), replace(EXAMPLE_DEVICE, cores=cores)
    rng = np.random.default_rng(cores)
    pool = space.sample(rows, rng)
    cost_s: FloatArray = space.latency_s(pool)
    return SourceTask(
        name=f"{cores} cores",
        encoding=space.encode(pool, device),
        cost_s=cost_s,
        device=device,
        task_key="task",
    )


def upside_down(cores: int) -> SourceTask:
    """The same, what is fast being slow."""
    right = source(cores)
    return replace(right, cost_s=1e-6 / right.cost_s)


def context(space: SearchSpace, seed: int, sources: tuple[SourceTask, ...] = ()) -> ProposerContext:
    return ProposerContext(
        space=space, seed=seed, task_key="task", device=EXAMPLE_DEVICE, sources=sources
    )


@pytest.fixture(scope="module")
def false() -> tuple[SourceTask, ...]:
    """Made-up kernels: they can be learned well, and say nothing of the grid."""
    return tuple(unrelated(source(cores), np.random.default_rng(30 + cores)) for cores in (4, 8))


class TestDgtlAlone(ProposerConformance):
    """Without history."""

    def make(self, space: SearchSpace, seed: int) -> Proposer:
        return DgtlProposer(context(space, seed), SMALL)


_SOURCES = (source(4), source(8))
_PRETRAINED = pretrain(_SOURCES, QUICK)


class TestDgtlWithHistory(ProposerConformance):
    """With related sources."""

    def make(self, space: SearchSpace, seed: int) -> Proposer:
        if space.sample(1, np.random.default_rng(0)).shape[1] != 5:
            return DgtlProposer(context(space, seed), SMALL)
        return DgtlProposer(context(space, seed, _SOURCES), SMALL, _PRETRAINED)


def best(proposer: Proposer, trials: int) -> float:
    space = GridSpace()
    found = space.latency_s(search(proposer, space, trials // 8, 8)).min()
    return float(found / space.latency_s(space.rows).min())


def run(seed: int, sources: tuple[SourceTask, ...], model: Pretrained | None, n: int) -> float:
    return best(DgtlProposer(context(GridSpace(), seed, sources), pretrained=model), n)


def test_it_goes_by_its_name() -> None:
    assert isinstance(make_proposer("dgtl", context(GridSpace(), 0)), DgtlProposer)


@pytest.mark.slow
def test_it_tells_how_related_its_sources_are(false: tuple[SourceTask, ...]) -> None:
    """Only those that rank the target's configurations are trusted."""
    space = GridSpace()
    for sources, trusted in ((_SOURCES, True), (false, False)):
        proposer = DgtlProposer(context(space, 0, sources), SMALL)
        search(proposer, space, 3, 8)
        told = proposer.relatedness()
        assert {one.name for one in told} == {"4 cores", "8 cores"}
        assert all(one.trusted == trusted for one in told)


@pytest.mark.slow
def test_the_source_that_the_target_takes_after_is_heard_first(
    false: tuple[SourceTask, ...],
) -> None:
    space, sources = GridSpace(), (false[0], _SOURCES[1])
    surrogate = DgtlProposer(context(space, 0, sources), SMALL).surrogate
    rows = space.sample(24, np.random.default_rng(1))
    points = surrogate.points(rows)
    whole, _ = surrogate.experts(points, space.latency_s(rows))
    opinions = surrogate.opinions(whole)
    names = [one.name for one in surrogate.relatedness(points, space.latency_s(rows))]
    assert names[opinions[0].sources.start] == "8 cores"
    assert sum(one.share for one in opinions) == pytest.approx(1.0)
    assert opinions[0].told(points).sources.shape == (24, 1)


def test_neighbours_of_the_fastest_are_tried() -> None:
    """After the tuning set, a quarter of each batch, while a source ranks what was measured."""
    space = GridSpace()
    proposer = DgtlProposer(context(space, 0, _SOURCES), SMALL, _PRETRAINED)
    asked = search(proposer, space, 2, 8)
    best = asked[int(space.latency_s(asked).argmin())]
    rows = proposer.propose(8).pool
    assert ((rows != best).sum(axis=1) == 1).sum() >= 2


def bred(monkeypatch: pytest.MonkeyPatch, proposer: DgtlProposer) -> list[int]:
    """How many children each of ten batches of eight has; all of them are proposed."""
    counts, space = list[int](), GridSpace()

    def kept(
        space: SearchSpace, ledger: Ledger, n: int, rng: np.random.Generator, how: EvolutionConfig
    ) -> IntArray:
        counts.append(n)
        children.append(breed(space, ledger, n, rng, how))
        return children[-1]

    monkeypatch.setattr("dgtl_ray.search.dgtl.breed", kept)
    batches = list[int]()
    for _ in range(10):
        children: list[IntArray] = []
        counts.clear()
        asked = proposer.propose(8).pool
        for rows in children:
            np.testing.assert_array_equal(asked[: len(rows)], rows)
        batches.append(sum(counts))
        proposer.observe(
            asked, space.latency_s(asked), [Status.OK] * len(asked), space.spent_s(asked)
        )
    return batches


@pytest.mark.slow
def test_without_history_part_of_each_batch_is_bred(
    monkeypatch: pytest.MonkeyPatch, false: tuple[SourceTask, ...]
) -> None:
    alone = DgtlProposer(context(GridSpace(), 0), SMALL)
    assert bred(monkeypatch, alone) == [0, 0, *[2] * 8]
    misled = DgtlProposer(context(GridSpace(), 0, false), SMALL)
    assert bred(monkeypatch, misled)[-1] == 2
    taught = DgtlProposer(context(GridSpace(), 0, _SOURCES), SMALL, _PRETRAINED)
    assert bred(monkeypatch, taught) == [0] * 10


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 16])
def test_a_quarter_is_bred_however_many_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    """Of 32 trials after the tuning set."""
    counts = list[int]()

    def spied(*args: Any) -> IntArray:
        counts.append(args[2])
        return breed(*args)

    monkeypatch.setattr("dgtl_ray.search.dgtl.breed", spied)
    space = GridSpace()
    proposer = DgtlProposer(context(space, 0), SMALL)
    tell(proposer, space, space.sample(16, np.random.default_rng(0)))
    for _ in range(32 // n):
        assert len(proposer.propose(n)) == n
    assert sum(counts) == 8


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 16])
def test_everyone_has_a_share_however_many_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    """Of the sixteen trials after the tuning set: a quarter, half of the others, half of those."""
    shares = Counter[str]()

    def spied(model: TargetGP, *rest: Any) -> list[int]:
        found = choose_batch(model, *rest)
        told = min(model.data.points.sources.shape[1], 2)
        shares[("of no source", "of one", "of all")[told]] += len(found)
        return found

    def near(ranked: IntArray, pool: IntArray, least: int) -> Any:
        shares["neighbours"] += least
        return neighbours_of(ranked, pool, least)

    space = GridSpace()
    proposer = DgtlProposer(context(space, 0, _SOURCES), SMALL, _PRETRAINED)
    search(proposer, space, 2, 8)
    monkeypatch.setattr("dgtl_ray.search.composing.choose_batch", spied)
    monkeypatch.setattr("dgtl_ray.search.composing.neighbours_of", near)
    for _ in range(16 // n):
        assert len(proposer.propose(n)) == n
    assert dict(shares) == {"neighbours": 4, "of no source": 6, "of one": 3, "of all": 3}


@pytest.mark.parametrize("n", [1, 4, 16])
@pytest.mark.parametrize(("sources", "share"), [((), 8), (_SOURCES, 4)])
def test_the_space_is_represented_however_many_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, sources: tuple[SourceTask, ...], share: int, n: int
) -> None:
    """By half of the tuning set where nobody can choose, else by a quarter."""
    counts = list[int]()

    def spied(features: FloatArray, taken: FloatArray, n: int) -> list[int]:
        counts.append(n)
        return representatives(features, taken, n)

    monkeypatch.setattr("dgtl_ray.search.composing.representatives", spied)
    model = _PRETRAINED if sources else None
    proposer = DgtlProposer(context(GridSpace(), 0, sources), SMALL, model)
    for _ in range(16 // n):
        assert len(proposer.propose(n)) == n
    assert sum(counts) == share


def told_of_history(monkeypatch: pytest.MonkeyPatch, proposer: DgtlProposer) -> list[bool]:
    """Of five batches of eight, whether anyone who knows history chose of each."""
    informed: list[bool] = []

    def spied(model: TargetGP, *rest: Any) -> list[int]:
        informed.append(bool(model.data.points.sources.shape[1]))
        return choose_batch(model, *rest)

    monkeypatch.setattr("dgtl_ray.search.composing.choose_batch", spied)
    batches = []
    for _ in range(5):
        informed.clear()
        search(proposer, GridSpace(), 1, 8)
        batches.append(any(informed))
    return batches


@pytest.mark.slow
def test_history_that_measurements_speak_against_is_not_heard(
    monkeypatch: pytest.MonkeyPatch, false: tuple[SourceTask, ...]
) -> None:
    misled = DgtlProposer(context(GridSpace(), 0, false), SMALL)
    assert told_of_history(monkeypatch, misled) == [False] * 5
    assert not misled.heard
    taught = DgtlProposer(context(GridSpace(), 0, _SOURCES), SMALL, _PRETRAINED)
    assert told_of_history(monkeypatch, taught) == [False, *[True] * 4]
    assert taught.heard


@pytest.mark.slow
def test_history_is_not_heard_however_likely_it_makes_the_measurements(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One source of three vouches for it; the others are upside down."""

    def all_trust_in_the_first(experts: Sequence[Expert]) -> list[Expert]:
        return [replace(one, share=float(k == 0)) for k, one in enumerate(experts)]

    monkeypatch.setattr("dgtl_ray.transfer.surrogate.trusted", all_trust_in_the_first)
    sources = (_SOURCES[0], upside_down(8), upside_down(16))
    misled = DgtlProposer(context(GridSpace(), 0, sources), LEARNED)
    assert told_of_history(monkeypatch, misled) == [False] * 5
    assert [one.trusted for one in misled.relatedness()].count(True) == 1


def test_neighbours_differ_in_one_knob() -> None:
    pool = np.array([[0, 0, 0], [0, 0, 1], [0, 2, 1], [0, 2, 2]], dtype=np.int32)
    ranked = np.array([[0, 0, 0], [0, 2, 0]], dtype=np.int32)
    assert neighbours_of(ranked, pool, 1).tolist() == [1]
    assert neighbours_of(ranked, pool, 2).tolist() == [0, 1, 2, 3]
    assert neighbours_of(ranked[:0], pool, 2).tolist() == []


@pytest.mark.parametrize("sources", [(), _SOURCES])
def test_tips_are_tried_the_best_first_in_their_part_of_a_batch(
    sources: tuple[SourceTask, ...],
) -> None:
    space = GridSpace()
    rng = np.random.default_rng(0)
    proposer = DgtlProposer(context(space, 0, sources), SMALL, _PRETRAINED if sources else None)
    tips = space.sample(5, rng)
    forbidden = np.array([[0, 7, 7, 7, 7]], dtype=np.int32)
    proposer.suggest(np.concatenate([forbidden, tips]))
    for part in (tips[:2], tips[2:4], tips[4:]):
        asked = proposer.propose(8)
        np.testing.assert_array_equal(asked.pool[: len(part)], part)
        assert len(np.unique(asked.pool, axis=0)) == 8
        spent_s = space.spent_s(asked.pool)
        proposer.observe(asked.pool, space.latency_s(asked.pool), [Status.OK] * 8, spent_s)
        proposer.suggest(tips)
    assert not (proposer.propose(8).pool[:, None] == tips).all(axis=2).any()


def test_tips_are_tried_where_one_trial_is_asked_for_at_a_time() -> None:
    space = GridSpace()
    proposer = DgtlProposer(context(space, 0), SMALL)
    tips = space.sample(2, np.random.default_rng(0))
    proposer.suggest(tips)
    asked = np.concatenate([proposer.propose(1).pool for _ in range(8)])
    np.testing.assert_array_equal(asked[[3, 7]], tips)


def test_neighbours_join_what_drawing_found_of_a_sparse_space() -> None:
    powers = [2**k for k in range(16)]
    space = read_parameters(
        {f"t{k}": powers for k in range(6)}, ["t0 * t1 * t2 * t3 * t4 * t5 == 32768"]
    )
    candidates = Candidates(context(space, 0), 2000)
    found = candidates.standing
    pool = candidates.around(found[:4], Ledger(), np.random.default_rng(0))
    assert len(found) < 2000
    assert len(pool) > len(found)
    assert space.feasible(pool).all()


class ScarceSpace(GridSpace):
    """Drawing finds fifty of its configurations, always the same."""

    def sample(self, n: int, rng: np.random.Generator) -> IntArray:
        return self.rows[:: len(self.rows) // 50][: min(n, 50)]


def test_models_choose_where_all_that_drawing_finds_was_measured() -> None:
    space = ScarceSpace()
    proposer = DgtlProposer(context(space, 0), SMALL)
    tell(proposer, space, space.sample(50, np.random.default_rng(0)))
    asked = proposer.propose(8).pool
    assert len(np.unique(asked, axis=0)) == 8
    assert space.feasible(asked).all()


def test_related_history_helps_at_once() -> None:
    helped = [run(seed, _SOURCES, _PRETRAINED, 8) for seed in range(3)]
    alone = [run(seed, (), None, 8) for seed in range(3)]
    assert np.mean(helped) < 1.0 + 0.5 * (np.mean(alone) - 1.0)


def test_false_history_does_little_harm(false: tuple[SourceTask, ...]) -> None:
    model = pretrain(false, QUICK)
    misled = [run(seed, false, model, 64) for seed in range(2)]
    assert np.mean(misled) < 1.05


def test_with_noise_as_history_it_asks_for_the_same_as_without() -> None:
    noisy = tuple(noise(source(cores), np.random.default_rng(cores)) for cores in (4, 8))
    misled = DgtlProposer(context(GridSpace(), 0, noisy), SMALL)
    assert_asks_as_without_history(misled)
    assert not misled.relatedness()


def test_with_sources_that_contradict_one_another_it_asks_for_the_same_as_without() -> None:
    misled = DgtlProposer(context(GridSpace(), 0, (_SOURCES[0], upside_down(8))), LEARNED)
    assert_asks_as_without_history(misled)
    assert [one.trusted for one in misled.relatedness()] == [True, False]


def assert_asks_as_without_history(misled: DgtlProposer) -> None:
    alone = DgtlProposer(context(GridSpace(), 0), SMALL)
    asked, expected = (search(proposer, GridSpace(), 3, 8) for proposer in (misled, alone))
    np.testing.assert_array_equal(asked, expected)


def test_counting_costs_it_asks_for_cheaper_trials() -> None:
    """Where every other value of a knob takes a hundred times as long to build."""
    space, dear = GridSpace(), {}
    for aware in (False, True):
        proposer = DgtlProposer(context(space, 0), replace(SMALL, cost_aware=aware))
        asked = []
        for _ in range(6):
            rows = proposer.propose(8).pool
            spent_s: FloatArray = np.where(rows[:, 2] % 2 == 1, 10.0, 0.1)
            proposer.observe(rows, space.latency_s(rows), [Status.OK] * len(rows), spent_s)
            asked.append(rows)
        dear[aware] = int((np.concatenate(asked[2:])[:, 2] % 2 == 1).sum())
    assert dear[True] < 0.5 * dear[False]


@pytest.mark.parametrize("tuning", list(Tuning))
def test_it_learns_however_it_is_tuned(tuning: Tuning) -> None:
    proposer = DgtlProposer(
        context(GridSpace(), 0, _SOURCES), replace(SMALL, tuning=tuning), _PRETRAINED
    )
    assert best(proposer, 32) < 1.2
    assert not proposer.surrogate.fallbacks


def test_it_goes_on_alone_where_history_cannot_be_learned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise ArithmeticError("a covariance is not positive definite")

    monkeypatch.setattr("dgtl_ray.transfer.surrogate.transfer_prior", fail)
    proposer = DgtlProposer(context(GridSpace(), 0, _SOURCES), SMALL, _PRETRAINED)
    assert proposer.surrogate.fallbacks == [
        "history is not used: a covariance is not positive definite"
    ]
    assert len(search(proposer, GridSpace(), 3, 8)) == 24
    assert not proposer.relatedness()


def test_botorch_chooses_what_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first batch of history, and what models choose later, when nothing else is asked for."""
    made: list[qLogExpectedImprovement] = []

    def spied(**settings: Any) -> qLogExpectedImprovement:
        made.append(qLogExpectedImprovement(**settings))
        return made[-1]

    monkeypatch.setattr("dgtl_ray.transfer.acquisition.qLogExpectedImprovement", spied)
    proposer = make_proposer("dgtl", context(GridSpace(), 0))
    search(proposer, GridSpace(), 1, 8)
    assert not made
    proposer.propose(8)
    assert len(made) == 1
    DgtlProposer(context(GridSpace(), 0, _SOURCES), SMALL, _PRETRAINED).propose(8)
    assert len(made) == 2


def test_an_own_acquisition_function_travels_to_where_layers_are_searched() -> None:
    called: list[float] = []

    def own(model: Any, best_f: float, pending: torch.Tensor | None) -> qUpperConfidenceBound:
        called.append(best_f)
        return qUpperConfidenceBound(model, beta=1.0, X_pending=pending)

    setup = replace(context(GridSpace(), 0), acquisition=own)
    proposer = DgtlProposer(setup, SMALL)
    search(proposer, GridSpace(), 2, 8)
    assert len(called) == 1
    there = cloudpickle.loads(cloudpickle.dumps(setup))
    picked = DgtlProposer(there, SMALL)
    np.testing.assert_array_equal(
        search(picked, GridSpace(), 2, 8), search(DgtlProposer(setup, SMALL), GridSpace(), 2, 8)
    )


@pytest.mark.parametrize("acquisition", ACQUISITIONS)
def test_every_acquisition_searches(acquisition: str) -> None:
    one = replace(context(GridSpace(), 0), acquisition=acquisition)
    assert best(DgtlProposer(one, SMALL), 24) < 1.5


def test_number_of_threads_changes_nothing() -> None:
    before, rows = torch.get_num_threads(), []
    try:
        for threads in (1, 4):
            torch.set_num_threads(threads)
            proposer = DgtlProposer(context(GridSpace(), 2, _SOURCES), SMALL)
            rows.append(search(proposer, GridSpace(), 3, 8))
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(rows[0], rows[1])


@pytest.mark.parametrize(
    "change",
    [{"tuning_set": 1}, {"escape_share": 0.7}, {"local_share": 0.6}, {"opinion_share": -0.1}],
)
def test_settings_out_of_range_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="it must be"):
        replace(DgtlConfig(), **change)  # type: ignore[arg-type]


def test_representatives_leave_no_row_far_away() -> None:
    """Of two clusters each gets one, at its middle if it can; what was taken before counts."""
    near = np.array([[0.0], [0.1], [0.2]])
    features = np.concatenate([near, 5.0 + near])
    nothing = np.zeros((0, 1))
    first, second = sorted(representatives(features, nothing, 2))
    assert first < 3 <= second
    assert representatives(features, features[[1]], 1) == [4]
    assert representatives(features, nothing, 0) == []


def test_part_of_the_tuning_set_is_not_what_history_likes() -> None:
    """Whatever is learned from favourites alone, it cannot tell what they have in common."""
    liked = DgtlProposer(
        context(GridSpace(), 0, _SOURCES), replace(SMALL, representative_share=0.0), _PRETRAINED
    )
    mixed = DgtlProposer(context(GridSpace(), 0, _SOURCES), SMALL, _PRETRAINED)
    favourites, also_others = liked.propose(8).pool, mixed.propose(8).pool
    assert (also_others[:6] == favourites[:6]).all()
    assert far_from(also_others) < far_from(favourites)


def far_from(chosen: IntArray) -> float:
    """Knobs in which a configuration of the grid differs from the most similar chosen, in mean."""
    unlike = (GridSpace().rows[:, None, :] != chosen).sum(axis=2)
    return float(unlike.min(axis=1).mean())


def test_what_failed_on_every_source_is_not_in_the_tuning_set() -> None:
    """However fast the rest of the sources makes its region look."""
    space = GridSpace()
    failed = tuple(
        replace(
            one,
            cost_s=np.where(one.encoding[:, 1] > np.median(one.encoding[:, 1]), np.nan, 1)
            * one.cost_s,
        )
        for one in _SOURCES
    )
    first = DgtlProposer(context(space, 0, failed), SMALL).propose(8).pool
    encoding = space.encode(first, EXAMPLE_DEVICE)
    assert (encoding[:, 1] <= np.median(failed[0].encoding[:, 1])).all()
