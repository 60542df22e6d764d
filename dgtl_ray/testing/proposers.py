"""What every proposer must do. Subclass, say how to make one, and let pytest run the rest.

class TestMyProposer(ProposerConformance):
    def make(self, space: SearchSpace, seed: int) -> Proposer:
        return MyProposer(...)
"""

from abc import ABC, abstractmethod

import numpy as np

from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import FloatArray, IntArray, Proposer
from dgtl_ray.search import SearchSpace
from dgtl_ray.testing.spaces import GridSpace

_TINY = (3, 3, 2)


class ProposerConformance(ABC):
    """The cases; `batch` is how many configurations they ask for at a time."""

    batch = 8

    @abstractmethod
    def make(self, space: SearchSpace, seed: int) -> Proposer:
        """A new proposer that has seen nothing."""

    def test_rows_are_distinct_and_feasible(self) -> None:
        """Within a batch and across batches."""
        space = GridSpace()
        rows = search(self.make(space, seed=0), space, batches=8, n=self.batch)
        assert len(rows) == 8 * self.batch
        assert len(np.unique(rows, axis=0)) == len(rows)
        assert space.feasible(rows).all()

    def test_pool_is_int32_of_the_spaces_width(self) -> None:
        """In every batch, before and after observations."""
        space = GridSpace()
        proposer = self.make(space, seed=0)
        for _ in range(4):
            proposal = proposer.propose(self.batch)
            assert proposal.pool.dtype == np.int32
            assert proposal.pool.shape == (self.batch, space.rows.shape[1])
            tell(proposer, space, proposal.pool)

    def test_predictions_go_with_the_rows(self) -> None:
        """A proposer predicts nothing, or finite numbers for each row."""
        space = GridSpace()
        proposer = self.make(space, seed=0)
        search(proposer, space, batches=4, n=self.batch)
        proposal = proposer.propose(self.batch)
        for prediction in (proposal.predicted_mean, proposal.predicted_std):
            assert prediction is None or prediction.shape == (len(proposal),)
            assert prediction is None or np.isfinite(prediction).all()

    def test_outstanding_rows_are_not_proposed_again(self) -> None:
        """Batches asked for before anything was measured do not overlap."""
        proposer = self.make(GridSpace(), seed=0)
        rows = np.concatenate([proposer.propose(self.batch).pool for _ in range(4)])
        assert len(np.unique(rows, axis=0)) == 4 * self.batch

    def test_observed_rows_of_others_are_not_proposed(self) -> None:
        """What history knows is not measured again."""
        space = GridSpace(_TINY)
        proposer = self.make(space, seed=0)
        known, left = space.rows[::2], space.rows[1::2]
        tell(proposer, space, known)
        rows = search(proposer, space, batches=len(left), n=3)
        assert as_set(rows) == as_set(left)

    def test_same_seed_same_proposals(self) -> None:
        """Two proposers that see the same propose the same."""
        space = GridSpace()
        one, two = (search(self.make(space, 5), space, 6, self.batch) for _ in range(2))
        np.testing.assert_array_equal(one, two)

    def test_other_seed_other_proposals(self) -> None:
        """The seed matters."""
        space = GridSpace()
        one, two = (search(self.make(space, seed), space, 2, self.batch) for seed in (1, 2))
        assert as_set(one) != as_set(two)

    def test_resumed_search_goes_on_the_same(self) -> None:
        """Told in one go, and in another order, what the first proposer learned bit by bit."""
        space = GridSpace()
        first, resumed = self.make(space, seed=3), self.make(space, seed=3)
        rows = search(first, space, batches=6, n=self.batch)
        tell(resumed, space, rows[::-1])
        np.testing.assert_array_equal(
            resumed.propose(self.batch).pool, first.propose(self.batch).pool
        )

    def test_reserved_rows_count_as_proposed(self) -> None:
        """One that takes over while measurements are awaited goes on as the first would have."""
        space = GridSpace()
        first, heir = self.make(space, seed=3), self.make(space, seed=3)
        rows = search(first, space, batches=6, n=self.batch)
        awaited = np.concatenate([first.propose(self.batch).pool for _ in range(2)])
        tell(heir, space, rows)
        heir.reserve(awaited[::-1])
        for _ in range(2):
            np.testing.assert_array_equal(
                heir.propose(self.batch).pool, first.propose(self.batch).pool
            )

    def test_asking_for_nothing_changes_nothing(self) -> None:
        """`propose(0)` is empty and leaves no trace."""
        space = GridSpace()
        asked, plain = self.make(space, seed=1), self.make(space, seed=1)
        assert asked.propose(0).pool.shape == (0, space.rows.shape[1])
        np.testing.assert_array_equal(asked.propose(4).pool, plain.propose(4).pool)

    def test_goes_on_when_everything_fails(self) -> None:
        """Batch after batch without one latency."""
        space = GridSpace()
        proposer = self.make(space, seed=0)
        for _ in range(6):
            rows = proposer.propose(self.batch).pool
            assert len(rows) == self.batch
            status = [Status.BUILD_ERROR] * len(rows)
            proposer.observe(rows, np.full(len(rows), np.nan), status, space.spent_s(rows))

    def test_goes_on_when_some_fail(self) -> None:
        """Failures of every kind among the rest; NaN where a status claims to be ok, too."""
        space = GridSpace()
        proposer = self.make(space, seed=0)
        kinds = list(Status)
        for _ in range(6):
            rows = proposer.propose(self.batch).pool
            assert len(rows) == self.batch
            status = [kinds[index % len(kinds)] for index in range(len(rows))]
            failed = np.array([kind is not Status.OK for kind in status])
            failed[: self.batch // 4] = True
            cost_s = np.where(failed, np.nan, space.latency_s(rows))
            proposer.observe(rows, cost_s, status, space.spent_s(rows))

    def test_a_row_may_be_observed_again(self) -> None:
        """The best few are timed again; it may then fail."""
        space = GridSpace()
        proposer = self.make(space, seed=0)
        rows = search(proposer, space, batches=4, n=self.batch)
        again = rows[:2]
        status = [Status.OK, Status.WRONG_RESULT]
        proposer.observe(again, np.array([1e-3, np.nan]), status, space.spent_s(again))
        tell(proposer, space, again)
        assert len(proposer.propose(self.batch)) == self.batch

    def test_ends_when_the_space_is_exhausted(self) -> None:
        """Every feasible configuration comes once, then none."""
        space = GridSpace(_TINY)
        proposer = self.make(space, seed=0)
        rows = search(proposer, space, batches=len(space.rows), n=5)
        assert len(rows) == len(space.rows)
        assert as_set(rows) == as_set(space.rows)
        assert proposer.propose(5).pool.shape == (0, space.rows.shape[1])

    def test_space_of_one_and_of_none(self) -> None:
        """A task without knobs has one configuration, a task without sketches none."""
        single = self.make(GridSpace((1,), sketches=1), seed=0)
        assert single.propose(4).pool.tolist() == [[0, 0]]
        assert len(single.propose(4)) == 0
        assert len(self.make(GridSpace((2,), sketches=0), seed=0).propose(4)) == 0

    def test_finds_better_than_it_began_with(self) -> None:
        """After 12 batches of a smooth space, clearly better than the first batch's median."""
        space = GridSpace()
        gains = []
        for seed in range(3):
            cost_s = space.latency_s(search(self.make(space, seed), space, 12, self.batch))
            gains.append(np.median(cost_s[: self.batch]) / cost_s.min())
        assert np.median(gains) > 1.2


def search(proposer: Proposer, space: GridSpace, batches: int, n: int) -> IntArray:
    """Propose and measure `batches` times; all rows proposed, in their order."""
    asked = []
    for _ in range(batches):
        asked.append(proposer.propose(n).pool)
        tell(proposer, space, asked[-1])
    return np.concatenate(asked)


def tell(proposer: Proposer, space: GridSpace, rows: IntArray) -> None:
    """Let a proposer observe the space's latencies of `rows`."""
    cost_s: FloatArray = space.latency_s(rows)
    proposer.observe(rows, cost_s, [Status.OK] * len(rows), space.spent_s(rows))


def as_set(pool: IntArray) -> set[tuple[int, ...]]:
    """A pool's rows, without order."""
    return {tuple(row) for row in pool.tolist()}
