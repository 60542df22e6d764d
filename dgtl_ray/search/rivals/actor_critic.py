"""A small policy and value network over the knobs of a space, and how it is trained.

Plain numpy: on nets of this size a framework would spend its time on everything but arithmetic.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.roles import FloatArray

# Moves of a knob: to the level below, none, to the level above.
MOVES = 3

Moves = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Activations:
    """What the network made of states (n × features), layer by layer.

    Attributes:
        states: (n × features).
        shared: (n × hidden).
        policy_hidden: (n × hidden).
        value_hidden: (n × hidden).
        log_probabilities: (n × knobs × moves).
        values: (n,).
    """

    states: FloatArray
    shared: FloatArray
    policy_hidden: FloatArray
    value_hidden: FloatArray
    log_probabilities: FloatArray
    values: FloatArray

    def likelihood(self, moves: Moves) -> FloatArray:
        """Log-probability (n,) of the moves (n × knobs) of all knobs together."""
        chosen = np.take_along_axis(self.log_probabilities, moves[:, :, None], axis=2)
        total: FloatArray = chosen.sum(axis=(1, 2))
        return total

    @property
    def entropy(self) -> FloatArray:
        """Entropy (n × knobs) of each knob's moves."""
        weighted = np.exp(self.log_probabilities) * self.log_probabilities
        entropy: FloatArray = -weighted.sum(axis=2)
        return entropy


class ActorCritic:
    """A policy over the moves of every knob, and the value of a state; one shared layer.

    Args:
        features: Of a state.
        knobs: That are moved.
        hidden: Units of each layer.
        rng: The weights are drawn from it.
    """

    def __init__(self, features: int, knobs: int, hidden: int, rng: np.random.Generator) -> None:
        self._knobs = knobs
        layers = {
            "shared": (features, hidden),
            "policy_hidden": (hidden, hidden),
            "policy": (hidden, knobs * MOVES),
            "value_hidden": (hidden, hidden),
            "value": (hidden, 1),
        }
        # Each layer's last row is its bias.
        self.weights: dict[str, FloatArray] = {
            name: rng.uniform(-1, 1, size=(inputs + 1, outputs)) / np.sqrt(inputs)
            for name, (inputs, outputs) in layers.items()
        }

    def forward(self, states: FloatArray) -> Activations:
        """Policy and values of states (n × features)."""
        shared = np.tanh(self._layer("shared", states))
        policy_hidden = np.tanh(self._layer("policy_hidden", shared))
        value_hidden = np.tanh(self._layer("value_hidden", shared))
        logits = self._layer("policy", policy_hidden).reshape(len(states), self._knobs, MOVES)
        shifted = logits - logits.max(axis=2, keepdims=True)
        return Activations(
            states=states,
            shared=shared,
            policy_hidden=policy_hidden,
            value_hidden=value_hidden,
            log_probabilities=shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True)),
            values=self._layer("value", value_hidden)[:, 0],
        )

    def backward(
        self, seen: Activations, d_logits: FloatArray, d_values: FloatArray
    ) -> dict[str, FloatArray]:
        """A loss's gradient in the weights.

        Args:
            seen: What `forward` returned.
            d_logits: Its derivative in the logits (n × knobs × moves).
            d_values: Its derivative in the values (n,).
        """
        d_policy = d_logits.reshape(len(d_logits), -1)
        d_value = d_values[:, None]
        d_policy_hidden = self._back("policy", d_policy, seen.policy_hidden)
        d_value_hidden = self._back("value", d_value, seen.value_hidden)
        d_shared = self._back("policy_hidden", d_policy_hidden, seen.shared)
        d_shared += self._back("value_hidden", d_value_hidden, seen.shared)
        return {
            "shared": _gradient(seen.states, d_shared),
            "policy_hidden": _gradient(seen.shared, d_policy_hidden),
            "policy": _gradient(seen.policy_hidden, d_policy),
            "value_hidden": _gradient(seen.shared, d_value_hidden),
            "value": _gradient(seen.value_hidden, d_value),
        }

    def _layer(self, name: str, inputs: FloatArray) -> FloatArray:
        weights = self.weights[name]
        outputs: FloatArray = inputs @ weights[:-1] + weights[-1]
        return outputs

    def _back(self, name: str, d_outputs: FloatArray, inputs: FloatArray) -> FloatArray:
        """Derivative in what went into the tanh whose outcome, `inputs`, a layer took."""
        d_inputs: FloatArray = d_outputs @ self.weights[name][:-1].T * (1 - np.square(inputs))
        return d_inputs


class Adam:
    """Kingma & Ba, "Adam: A Method for Stochastic Optimization", 2015."""

    def __init__(self, weights: dict[str, FloatArray], learning_rate: float) -> None:
        self._weights = weights
        self._learning_rate = learning_rate
        self._mean = {name: np.zeros_like(array) for name, array in weights.items()}
        self._square = {name: np.zeros_like(array) for name, array in weights.items()}
        self._steps = 0

    def step(self, gradients: dict[str, FloatArray]) -> None:
        """Change the weights in place, against the gradients."""
        self._steps += 1
        unbias_mean, unbias_square = 1 - 0.9**self._steps, 1 - 0.999**self._steps
        for name, gradient in gradients.items():
            mean, square = self._mean[name], self._square[name]
            mean += 0.1 * (gradient - mean)
            square += 0.001 * (np.square(gradient) - square)
            scale = np.sqrt(square / unbias_square) + 1e-8
            self._weights[name] -= self._learning_rate * (mean / unbias_mean) / scale


def _gradient(inputs: FloatArray, d_outputs: FloatArray) -> FloatArray:
    """Derivative in a layer's weights, its biases in the last row."""
    return np.concatenate([inputs.T @ d_outputs, d_outputs.sum(axis=0)[None]])
