"""AutoTVM's and CHAMELEON's search, and their parts."""

import sys
from collections.abc import Callable

import numpy as np
import pytest

from dgtl_ray.core.errors import MissingExtraError
from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import FloatArray, IntArray, Proposer
from dgtl_ray.search import ProposerContext, make_proposer
from dgtl_ray.search.rivals.actor_critic import MOVES, ActorCritic, Adam
from dgtl_ray.search.rivals.adaptive_sampling import sample_adaptively, synthesise
from dgtl_ray.search.rivals.annealing import AnnealingConfig, anneal
from dgtl_ray.search.rivals.autotvm import AutoTvmConfig, AutoTvmProposer
from dgtl_ray.search.rivals.best_rows import BestRows
from dgtl_ray.search.rivals.chameleon import ChameleonConfig, ChameleonProposer
from dgtl_ray.search.rivals.clustering import k_means, knee
from dgtl_ray.search.rivals.exploration import ExplorationConfig, Explorer
from dgtl_ray.search.rivals.places import places
from dgtl_ray.search.rivals.ppo import PpoAgent, PpoConfig
from dgtl_ray.search.rivals.trial_log import TrialLog
from dgtl_ray.testing.measurements import EXAMPLE_DEVICE
from dgtl_ray.testing.proposers import search, tell
from dgtl_ray.testing.spaces import GridSpace

QUICK_AUTOTVM = AutoTvmConfig(plan_size=16, annealing=AnnealingConfig(chains=32, steps=40))
QUICK_CHAMELEON = ChameleonConfig(plan_size=16, exploration=ExplorationConfig(rounds=4, steps=30))


def context(
    space: GridSpace, seed: int = 0, sources: tuple[SourceTask, ...] = ()
) -> ProposerContext:
    return ProposerContext(
        space=space, seed=seed, task_key="task", device=EXAMPLE_DEVICE, sources=sources
    )


def autotvm(space: GridSpace, seed: int = 0) -> Proposer:
    return AutoTvmProposer(context(space, seed), QUICK_AUTOTVM)


def chameleon(space: GridSpace, seed: int = 0) -> Proposer:
    return ChameleonProposer(context(space, seed), QUICK_CHAMELEON)


def gap(make: Callable[[GridSpace, int], Proposer], trials: int) -> float:
    """How far the best found is from the optimum, in the mean of log over six seeds."""
    space = GridSpace((12, 12, 12, 12))
    best_s = [
        space.latency_s(search(make(space, seed), space, trials // 8, 8)).min() for seed in range(6)
    ]
    return float(np.mean(np.log(best_s / space.latency_s(space.rows).min())))


@pytest.mark.parametrize("make", [autotvm, chameleon])
def test_beats_random_search(make: Callable[[GridSpace, int], Proposer]) -> None:
    def at_random(space: GridSpace, seed: int) -> Proposer:
        return make_proposer("random", context(space, seed))

    assert gap(make, 64) < 0.6 * gap(at_random, 64)


@pytest.mark.parametrize("make", [autotvm, chameleon])
def test_resumes_in_the_middle_of_a_plan(make: Callable[[GridSpace, int], Proposer]) -> None:
    """Told in one go, but in the same order, what the first proposer learned bit by bit."""
    space = GridSpace()
    first, resumed = make(space, 3), make(space, 3)
    rows = search(first, space, batches=9, n=6)
    tell(resumed, space, rows)
    np.testing.assert_array_equal(resumed.propose(8).pool, first.propose(8).pool)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize(
    ("failure", "expected_s"), [(Status.RUN_ERROR, 2.0), (Status.WRONG_RESULT, np.nan)]
)
def test_plans_know_what_ran_when_it_was_tried_again(
    order: tuple[int, int], failure: Status, expected_s: float
) -> None:
    log, row = TrialLog(), np.array([[0, 1]], dtype=np.int32)
    told = [(np.nan, failure), (2.0, Status.OK)]
    for cost_s, status in (told[k] for k in order):
        log.record(row, np.array([cost_s]), [status])
    rows, costs_s = log.first(1)
    assert rows.tolist() == row.tolist()
    np.testing.assert_array_equal(costs_s, [expected_s])


def source_of(space: GridSpace, n: int, *, useful: bool) -> SourceTask:
    """Measurements of a task that is fast where the target is, or of noise."""
    rng = np.random.default_rng(1)
    rows = space.sample(n, rng)
    cost_s: FloatArray = space.latency_s(rows) * 3 if useful else np.exp(rng.normal(size=n))
    cost_s[::10] = np.nan
    return SourceTask(
        name="source",
        encoding=space.encode(rows, EXAMPLE_DEVICE),
        cost_s=cost_s,
        device=EXAMPLE_DEVICE,
        task_key="source",
    )


def test_autotvm_starts_from_history() -> None:
    """Its first plan is what the sources' model ranks highest; too little history is left out."""
    space = GridSpace()
    median_s = {}
    for n in (600, 400):
        sources = (source_of(space, n, useful=True),)
        rows = AutoTvmProposer(context(space, 0, sources), QUICK_AUTOTVM).propose(8).pool
        median_s[n] = np.median(space.latency_s(rows))
    best_s, typical_s = np.quantile(space.latency_s(space.rows), [0.0, 0.5])
    assert median_s[600] < 1.3 * best_s
    assert median_s[400] > 0.7 * typical_s


def test_autotvm_forgets_history() -> None:
    """After five half-lives it plans as if there had been none."""
    space = GridSpace()
    config = AutoTvmConfig(plan_size=16, annealing=QUICK_AUTOTVM.annealing, half_life=3.0)
    rows = space.sample(16, np.random.default_rng(0))
    noise = source_of(space, 600, useful=False)
    plain, misled = (
        AutoTvmProposer(context(space, 0, sources), config).make_plan(
            rows, space.latency_s(rows), 16, np.random.default_rng(5)
        )
        for sources in ((), (noise,))
    )
    np.testing.assert_array_equal(plain, misled)


@pytest.mark.parametrize("name", ["autotvm", "chameleon"])
def test_a_missing_library_is_named_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(MissingExtraError, match="baselines"):
        make_proposer(name, context(GridSpace()))


def test_best_rows_are_distinct_and_not_excluded() -> None:
    pool = np.arange(10, dtype=np.int32)[:, None].repeat(2, axis=1)
    best = BestRows(3, pool[9:])
    assert best.show(pool, pool[:, 0].astype(np.float64))
    assert not best.show(pool, pool[:, 0].astype(np.float64))
    np.testing.assert_array_equal(best.rows(), pool[[8, 7, 6]])


def toward_third(space: GridSpace) -> Callable[[IntArray], FloatArray]:
    return lambda pool: -np.log(space.latency_s(pool))


def test_annealing_finds_the_best_rows() -> None:
    space, rng = GridSpace(), np.random.default_rng(0)
    score = toward_third(space)
    best = BestRows(8, space.rows[:1])
    anneal(space, score, space.sample(32, rng), best, AnnealingConfig(steps=200), rng)
    top = np.sort(score(space.rows))[::-1][:8]
    np.testing.assert_allclose(score(best.rows()), top)


def test_annealing_ends_when_nothing_new_is_found() -> None:
    space, rng = GridSpace((2, 2)), np.random.default_rng(0)
    steps = 0

    def score(pool: IntArray) -> FloatArray:
        nonlocal steps
        steps += 1
        return np.zeros(len(pool))

    config = AnnealingConfig(steps=500, patience=10)
    anneal(space, score, space.sample(4, rng), BestRows(4, space.rows[:0]), config, rng)
    assert steps < 30


def test_the_agent_learns_where_to_walk() -> None:
    """Walks of the trained agent end nearer to the best than those of a new one."""
    space = GridSpace((16, 16, 16), sketches=1)
    score = toward_third(space)
    config = ExplorationConfig(rounds=12, steps=30)

    def mean_score(rounds: int) -> float:
        rng = np.random.default_rng(0)
        agent = PpoAgent(4, 3, np.random.default_rng(1), PpoConfig())
        if rounds:
            explorer = Explorer(space, agent, config)
            explorer.explore(score, BestRows(8, space.rows[:0]), rng)
        seen: list[FloatArray] = []

        def watched(pool: IntArray) -> FloatArray:
            seen.append(score(pool))
            return seen[-1]

        one_round = ExplorationConfig(rounds=1, episodes=64, steps=30)
        watcher = Explorer(space, agent, one_round)
        watcher.explore(watched, BestRows(8, space.rows[:0]), np.random.default_rng(2))
        return float(seen[0].mean())

    assert mean_score(12) > mean_score(0) + 0.05


def test_k_means_finds_what_is_there() -> None:
    rng = np.random.default_rng(0)
    centres = np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]])
    points = np.concatenate([centre + 0.1 * rng.normal(size=(20, 2)) for centre in centres])
    clusters = k_means(points, 3, rng)
    assert sorted(np.bincount(clusters.labels)) == [20, 20, 20]
    assert clusters.inertia < 3
    assert k_means(points[:2], 5, rng).inertia == 0
    assert k_means(np.zeros((4, 2)), 3, rng).inertia == 0


def test_the_knee_is_where_the_curve_bends() -> None:
    assert knee([100, 20, 15, 10, 5, 0]) == 1
    assert knee([3, 3, 3]) == 0
    assert knee([5.0]) == 0


def test_synthesis_takes_the_most_frequent_values() -> None:
    rows = np.array([[0, 1, 5], [0, 2, 5], [0, 2, 4]], dtype=np.int32)
    assert synthesise(rows).tolist() == [[0, 2, 5]]


def test_adaptive_sampling_measures_fewer() -> None:
    """Distinct, feasible, unmeasured; fewer than the candidates, but spread over them."""
    space, rng = GridSpace(), np.random.default_rng(0)
    pool = space.sample(len(space.rows), rng)
    candidates, measured = pool[:64], pool[64:1000]
    rows = sample_adaptively(space, candidates, measured, rng)
    assert 8 <= len(rows) < 64
    assert len(np.unique(rows, axis=0)) == len(rows)
    assert space.feasible(rows).all()
    known = {tuple(row) for row in measured.tolist()}
    assert not known & {tuple(row) for row in rows.tolist()}
    np.testing.assert_array_equal(
        sample_adaptively(space, candidates[:5], measured, rng), candidates[:5]
    )


def test_places_run_from_zero_to_one() -> None:
    rows = np.array([[0, 0, 3], [1, 2, 0]], dtype=np.int32)
    sizes = np.array([[1, 4], [3, 4]], dtype=np.int32)
    np.testing.assert_array_equal(places(rows, sizes), [[0, 1, 1, 0], [1, 0, 0, 1]])


def test_gradients_of_the_network() -> None:
    """Against differences, for a loss that takes all of its outputs."""
    rng = np.random.default_rng(0)
    net = ActorCritic(4, 2, 5, rng)
    states, moves = rng.normal(size=(7, 4)), rng.integers(0, MOVES, size=(7, 2))

    def loss() -> float:
        seen = net.forward(states)
        return float(seen.likelihood(moves).sum() + np.square(seen.values).sum())

    seen = net.forward(states)
    d_logits = np.eye(MOVES)[moves] - np.exp(seen.log_probabilities)
    gradients = net.backward(seen, d_logits, 2 * seen.values)
    for name, weights in net.weights.items():
        for place in [(0, 0), (1, weights.shape[1] - 1), (len(weights) - 1, 0)]:
            kept, step = weights[place], 1e-6
            weights[place] = kept + step
            above = loss()
            weights[place] = kept - step
            below = loss()
            weights[place] = kept
            assert gradients[name][place] == pytest.approx((above - below) / (2 * step), abs=1e-6)


def test_adam_goes_downhill() -> None:
    weights = {"w": np.array([3.0, -2.0])}
    optimizer = Adam(weights, learning_rate=0.05)
    for _ in range(300):
        optimizer.step({"w": 2 * weights["w"]})
    np.testing.assert_allclose(weights["w"], 0, atol=1e-2)
