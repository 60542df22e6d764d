"""CHAMELEON's adaptive exploration: an agent walks over the design space and a model rewards it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.roles import FloatArray, IntArray
from dgtl_ray.search.rivals.actor_critic import Moves
from dgtl_ray.search.rivals.annealing import Score
from dgtl_ray.search.rivals.best_rows import BestRows
from dgtl_ray.search.rivals.places import places
from dgtl_ray.search.rivals.ppo import Episodes, PpoAgent
from dgtl_ray.search.space import SearchSpace


@dataclass(frozen=True, kw_only=True)
class ExplorationConfig:
    """How the agent walks.

    Attributes:
        rounds: The agent learns after each.
        episodes: Walks of one round, side by side.
        steps: Of each walk, at most.
        settled: A walk ends once this share of its knobs stays or stands at its end.
        attempts: A step that leads out of the space is tried again with half of its moves.
    """

    rounds: int = 8
    episodes: int = 16
    steps: int = 100
    settled: float = 0.75
    attempts: int = 3


class Explorer:
    """Walks over one design space with one agent, which remembers what it learned."""

    def __init__(self, space: SearchSpace, agent: PpoAgent, config: ExplorationConfig) -> None:
        self._space = space
        self._agent = agent
        self._config = config
        self._sizes = space.knob_sizes

    def explore(self, score: Score, best: BestRows, rng: np.random.Generator) -> None:
        """Let the agent walk and learn, and show every row visited to `best`."""
        for _ in range(self._config.rounds):
            starts = self._space.sample(self._config.episodes, rng)
            if not len(starts):
                return
            rows, states, moves, alive = self._walk(starts, rng)
            scores = score(rows.reshape(-1, rows.shape[-1])).reshape(len(rows), -1)
            best.show(starts, scores[0])
            best.show(rows[1:][alive], scores[1:][alive])
            # What a step gains, rather than the score itself: a walk that settles early then
            # loses nothing against one that wanders on.
            gains = np.diff(scores, axis=0)
            self._agent.learn(Episodes(states=states, moves=moves, rewards=gains, alive=alive), rng)

    def _walk(
        self, starts: IntArray, rng: np.random.Generator
    ) -> tuple[IntArray, FloatArray, Moves, NDArray[np.bool_]]:
        """Rows at the start and after each step, states before it, moves, and which walks lived.

        All of them begin with the axes (steps × episodes); of the rows there is one step more.
        """
        rows, live = starts, np.ones(len(starts), dtype=np.bool_)
        visited, states, moves, alive = [starts], [], [], []
        for _ in range(self._config.steps):
            state = places(rows, self._sizes)
            move = self._agent.act(state, rng)
            rows = np.where(live[:, None], self._step(rows, move - 1, rng), rows)
            visited.append(rows)
            states.append(state)
            moves.append(move)
            alive.append(live)
            live = live & ~self._settled(rows, move - 1)
            if not live.any():
                break
        return np.stack(visited), np.stack(states), np.stack(moves), np.stack(alive)

    def _step(self, rows: IntArray, shift: Moves, rng: np.random.Generator) -> IntArray:
        """Rows (n × columns) after their knobs were shifted, as far as that is feasible."""
        result, waiting = rows.copy(), np.arange(len(rows))
        highest = self._sizes[rows[:, 0]] - 1
        for _ in range(self._config.attempts):
            tried = rows[waiting].copy()
            tried[:, 1:] = np.clip(tried[:, 1:] + shift[waiting], 0, highest[waiting])
            fine = self._space.feasible(tried)
            result[waiting[fine]] = tried[fine]
            waiting = waiting[~fine]
            shift = np.where(rng.random(shift.shape) < 0.5, shift, 0)
        return result

    def _settled(self, rows: IntArray, shift: Moves) -> NDArray[np.bool_]:
        """(n,) which walks have little left to do."""
        highest = self._sizes[rows[:, 0]] - 1
        low, high = (rows[:, 1:] == 0) & (shift < 0), (rows[:, 1:] == highest) & (shift > 0)
        share: NDArray[np.bool_] = (low | high | (shift == 0)).mean(axis=1) >= self._config.settled
        return share
