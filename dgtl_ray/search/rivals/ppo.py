"""Proximal policy optimisation for walks over knobs.

Schulman et al., "Proximal Policy Optimization Algorithms", 2017, with generalised advantage
estimates; the settings are those of CHAMELEON.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.roles import FloatArray
from dgtl_ray.search.rivals.actor_critic import ActorCritic, Adam, Moves


@dataclass(frozen=True, kw_only=True)
class PpoConfig:
    """How the agent learns.

    Attributes:
        hidden: Units of each layer.
        learning_rate: Of Adam.
        discount: Of a reward one step later (γ).
        trace: How far advantages look ahead (λ of the generalised advantage).
        epochs: Passes over what a round of episodes gave.
        minibatch: Steps of one update.
        clip: Largest change of a move's likelihood ratio that is rewarded.
        value_weight: Of the critic's loss.
        entropy_weight: Of the reward for staying undecided.
    """

    hidden: int = 32
    learning_rate: float = 1e-3
    discount: float = 0.9
    trace: float = 0.99
    epochs: int = 3
    minibatch: int = 32
    clip: float = 0.3
    value_weight: float = 1.0
    entropy_weight: float = 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class Episodes:
    """What episodes that ran side by side gave, step by step.

    Attributes:
        states: (steps × episodes × features).
        moves: (steps × episodes × knobs), each below `MOVES`.
        rewards: (steps × episodes).
        alive: (steps × episodes) whether the episode had not ended before this step.
    """

    states: FloatArray
    moves: Moves
    rewards: FloatArray
    alive: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Steps:
    """Steps of any episodes (n,): what was done, how likely it was, and what it was worth."""

    states: FloatArray
    moves: Moves
    likelihood: FloatArray
    gains: FloatArray
    returns: FloatArray

    def take(self, index: NDArray[np.intp]) -> "_Steps":
        return _Steps(
            states=self.states[index],
            moves=self.moves[index],
            likelihood=self.likelihood[index],
            gains=self.gains[index],
            returns=self.returns[index],
        )


class PpoAgent:
    """Chooses the moves of all knobs, and learns from what they brought.

    Args:
        features: Of a state.
        knobs: How many it moves.
        rng: Its initial weights are drawn from it.
        config: How it learns.
    """

    def __init__(
        self, features: int, knobs: int, rng: np.random.Generator, config: PpoConfig
    ) -> None:
        self._config = config
        self._net = ActorCritic(features, knobs, config.hidden, rng)
        self._optimizer = Adam(self._net.weights, config.learning_rate)

    def act(self, states: FloatArray, rng: np.random.Generator) -> Moves:
        """Moves (n × knobs), drawn from the policy in states (n × features)."""
        log_probabilities = self._net.forward(states).log_probabilities
        # The argmax with Gumbel noise is a draw from the distribution.
        noise = rng.gumbel(size=log_probabilities.shape)
        moves: Moves = (log_probabilities + noise).argmax(axis=2).astype(np.int64)
        return moves

    def learn(self, episodes: Episodes, rng: np.random.Generator) -> None:
        """Improve policy and critic on a round of episodes."""
        steps = self._steps(episodes)
        for _ in range(self._config.epochs):
            order = rng.permutation(len(steps.states))
            for start in range(0, len(order), self._config.minibatch):
                self._update(steps.take(order[start : start + self._config.minibatch]))

    def _steps(self, episodes: Episodes) -> _Steps:
        """The steps that were alive, their gains standardised."""
        alive = episodes.alive
        everything = episodes.states.reshape(-1, episodes.states.shape[2])
        values = self._net.forward(everything).values.reshape(alive.shape)
        advantages = self._advantages(episodes, values)
        gains = advantages[alive]
        states, moves = episodes.states[alive], episodes.moves[alive]
        return _Steps(
            states=states,
            moves=moves,
            likelihood=self._net.forward(states).likelihood(moves),
            gains=(gains - gains.mean()) / (gains.std() + 1e-8),
            returns=(advantages + values)[alive],
        )

    def _advantages(self, episodes: Episodes, values: FloatArray) -> FloatArray:
        """Generalised advantages (steps × episodes); nothing is expected after the last step."""
        config = self._config
        advantages = np.zeros_like(values)
        later, next_value = np.zeros(values.shape[1]), np.zeros(values.shape[1])
        for step in reversed(range(len(values))):
            surprise = episodes.rewards[step] + config.discount * next_value - values[step]
            alive = episodes.alive[step]
            later = np.where(alive, surprise + config.discount * config.trace * later, 0.0)
            next_value = np.where(alive, values[step], 0.0)
            advantages[step] = later
        return advantages

    def _update(self, steps: _Steps) -> None:
        """One step of Adam on the clipped objective, the critic's loss and the entropy."""
        config, n = self._config, len(steps.states)
        seen = self._net.forward(steps.states)
        probabilities, entropy = np.exp(seen.log_probabilities), seen.entropy
        ratio = np.exp(seen.likelihood(steps.moves) - steps.likelihood)
        clipped = np.clip(ratio, 1 - config.clip, 1 + config.clip)
        # Where the clipped ratio is the smaller gain, there is nothing more to win.
        rising = ratio * steps.gains <= clipped * steps.gains
        pull = np.where(rising, -ratio * steps.gains, 0.0) / n
        moved = np.eye(probabilities.shape[2])[steps.moves]
        d_logits = pull[:, None, None] * (moved - probabilities)
        undecided = probabilities * (seen.log_probabilities + entropy[:, :, None])
        d_logits += config.entropy_weight / entropy.size * undecided
        d_values = 2 * config.value_weight / n * (seen.values - steps.returns)
        self._optimizer.step(self._net.backward(seen, d_logits, d_values))
