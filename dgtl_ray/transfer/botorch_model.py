"""A trained deep GP as BoTorch's acquisition functions want it."""

from typing import Any

import torch
from botorch.models.model import Model
from botorch.posteriors.ensemble import EnsemblePosterior

from dgtl_ray.transfer.deep_gp import LatencyGP
from dgtl_ray.transfer.fast_posterior import FastPosterior


class DeepGPModel(Model):  # type: ignore[misc]
    """A deep GP as an ensemble of functions drawn from it once.

    Args:
        gp: A trained deep GP.
        functions: How many are drawn.
        seed: Of the draws.
    """

    def __init__(self, gp: LatencyGP, functions: int = 64, seed: int = 0) -> None:
        super().__init__()
        base = torch.zeros(1, gp.hidden, dtype=torch.float64)
        self._fast = FastPosterior(gp, base)
        self._functions = functions
        self._seed = seed

    @property
    def num_outputs(self) -> int:
        """One: the standardised log-latency."""
        return 1

    @property
    def batch_shape(self) -> torch.Size:
        """None."""
        return torch.Size([])

    def posterior(
        self,
        X: torch.Tensor,  # noqa: N803 — BoTorch's name
        output_indices: list[int] | None = None,
        observation_noise: bool | torch.Tensor = False,
        posterior_transform: Any = None,
    ) -> EnsemblePosterior:
        """The functions' values at X (… × q × inputs), each as likely as the others.

        Raises:
            ValueError: Other outputs, or noisy ones, are asked for.
        """
        if output_indices not in (None, [0]) or observation_noise is not False:
            raise ValueError("the deep GP has one output, 0, and tells it without noise")
        flat = X.reshape(-1, X.shape[-1])
        values = self._fast.functions(flat, self._functions, self._seed)
        shaped = values.reshape(self._functions, *X.shape[:-1], 1).movedim(0, -3)
        posterior = EnsemblePosterior(shaped)
        return posterior if posterior_transform is None else posterior_transform(posterior)
