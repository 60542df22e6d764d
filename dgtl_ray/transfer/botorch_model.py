"""Models as BoTorch's acquisition functions want them."""

from typing import Any

import torch
from botorch.models.ensemble import EnsembleModel
from botorch.models.model import Model
from botorch.posteriors.ensemble import EnsemblePosterior
from botorch.posteriors.torch import TorchPosterior
from botorch.sampling.base import MCSampler


class SinglePoints(Model):  # type: ignore[misc]
    """A finite number of points, each normal by itself: an input is the number of a point.

    Args:
        mean: Of what is to become small (points,).
        variance: Of it (points,).
    """

    num_outputs = 1
    batch_shape = torch.Size([])

    def __init__(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        super().__init__()
        self._mean = mean
        self._std = variance.sqrt()

    def posterior(self, X: torch.Tensor, **_: Any) -> TorchPosterior:  # noqa: N803
        """The points X (… × 1 × 1)."""
        k = X.long()
        return TorchPosterior(torch.distributions.Normal(-self._mean[k], self._std[k]))


class DrawnFunctions(EnsembleModel):  # type: ignore[misc]
    """Functions at a finite number of points: an input is the number of a point.

    Acquisition functions look at the same few points again and again, every time with others
    pending. Drawn jointly once, all that they see belongs together, and a look costs no algebra.

    Args:
        values: Of the functions (functions × points), larger ones being better.
    """

    _num_outputs = 1

    def __init__(self, values: torch.Tensor) -> None:
        super().__init__()
        self._values = values

    def forward(self, X: torch.Tensor) -> torch.Tensor:  # noqa: N803
        """Their values (… × functions × q × 1) at points X (… × q × 1)."""
        return self._values[:, X[..., 0].long()].movedim(0, -2).unsqueeze(-1)


class EveryFunction(MCSampler):  # type: ignore[misc]
    """Takes each function of an ensemble once, the same ones everywhere."""

    def __init__(self, functions: int) -> None:
        super().__init__(sample_shape=torch.Size([functions]))

    def forward(self, posterior: EnsemblePosterior) -> torch.Tensor:
        """The functions' values (functions × … × q × 1)."""
        values: torch.Tensor = posterior.values.movedim(-3, 0)
        return values
