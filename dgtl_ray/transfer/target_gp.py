"""The target's exact Gaussian process, tuned by maximum a posteriori estimation."""

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
import torch
from botorch.models.gpytorch import GPyTorchModel
from gpytorch.distributions import MultivariateNormal
from gpytorch.likelihoods import GaussianLikelihood
from scipy.optimize import minimize

from dgtl_ray.core.roles import FloatArray
from dgtl_ray.transfer.cholesky import JITTER, factor
from dgtl_ray.transfer.evidence import Evidence, Observed
from dgtl_ray.transfer.kernel import (
    MEAN_VARIANCE,
    Layout,
    Prior,
    covariance,
    prior_mean,
    variance,
    varying,
)
from dgtl_ray.transfer.points import Points

_BOUND = 9.0
_LEAST_VARIANCE = 1e-10
# Rows whose covariances are computed at a time: what lies between then stays in the cache.
_CHUNK = 512


class Tuning(StrEnum):
    """How θ comes from θ_S: by MAP estimation, by likelihood alone, or not at all."""

    MAP = "map"
    LIKELIHOOD = "likelihood"
    NONE = "none"


class TargetGP(GPyTorchModel):  # type: ignore[misc]
    """A posterior given θ and data, which may be empty.

    It is a BoTorch model, whose inputs are `Points.flat`. BoTorch maximises, so to it f is the
    negative of the standardised log-latency y; every other method here tells y. The posterior is
    in closed form from one Cholesky factor, and so are `leave_one_out` and the evidence that θ is
    tuned by: automatic differentiation of that would take five times as long.

    Raises:
        ArithmeticError: No jitter makes its covariance positive definite.
    """

    _num_outputs = 1

    def __init__(self, layout: Layout, theta: torch.Tensor, data: Observed) -> None:
        super().__init__()
        self.layout = layout
        self.theta = theta
        self.data = data
        self.noise = float(theta[layout.noise].exp())
        with torch.no_grad():
            k = covariance(layout, theta, data.points)
            self._root, self.jitter = factor(k + self.noise * torch.eye(len(k)).double())
            self._residual = data.y - prior_mean(data.points)
            self._weights = torch.cholesky_solve(self._residual[:, None], self._root)[:, 0]

    def mean(self, at: Points) -> torch.Tensor:
        """Mean (n,) of the log-latency to about a thousandth: far cheaper than `posterior`."""
        few, theta = self.data.points.light(), self.theta.float()
        constant = MEAN_VARIANCE * self._weights.sum()
        with torch.no_grad():
            around = [
                varying(self.layout, theta, some.light(), few) @ self._weights.float()
                for some in _chunks(at)
            ]
            return prior_mean(at) + constant + torch.cat(around)

    @property
    def likelihood(self) -> GaussianLikelihood:
        """Of a measurement, given f."""
        likelihood = GaussianLikelihood().double()
        likelihood.noise = self.noise
        return likelihood

    def forward(self, x: torch.Tensor) -> MultivariateNormal:
        """The joint distribution of the noiseless f at each q of x (… × q × inputs).

        A row that is in many of them, as pending ones are, is worked out once.
        """
        rows, shape = x.reshape(-1, x.shape[-1]), x.shape[:-1]
        if x.shape[-2] == 1:
            mean, spread = self.marginals(self._points(rows))
            return MultivariateNormal(-mean.reshape(shape), spread.reshape(*shape, 1))
        rows, place = torch.unique(rows, dim=0, return_inverse=True)
        mean, k = self.joint(self._points(rows))
        place = place.reshape(shape)
        k = k[place.unsqueeze(-1), place.unsqueeze(-2)] + JITTER[0] * torch.eye(x.shape[-2])
        return MultivariateNormal(-mean[place], k)

    def marginals(self, at: Points) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and variance (n,) of the noiseless log-latency."""
        with torch.no_grad():
            mean, half = self._conditioned(at)
            spread = variance(self.layout, self.theta, at) - (half**2).sum(0)
            return mean, spread.clamp_min(_LEAST_VARIANCE)

    def joint(self, at: Points) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean (n,) and covariance (n × n) of the noiseless log-latency."""
        with torch.no_grad():
            mean, half = self._conditioned(at)
            return mean, covariance(self.layout, self.theta, at) - half.T @ half

    def leave_one_out(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and variance (n,) of each measurement given all others, in closed form.

        μ_i = y_i − [K⁻¹y]_i / [K⁻¹]_ii, σ_i² = 1 / [K⁻¹]_ii (Rasmussen & Williams 2006, 5.4.2).
        """
        with torch.no_grad():
            spread = 1.0 / torch.diagonal(torch.cholesky_inverse(self._root))
            return self.data.y - self._weights * spread, spread

    def _points(self, x: torch.Tensor) -> Points:
        return Points.of_flat(x, self.layout.features, self.layout.knobs)

    def _conditioned(self, at: Points) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean (n,), and L⁻¹ k (measured × n) of the covariance k with the measurements."""
        told, parts = self.data.points, _chunks(at)
        k = torch.cat([covariance(self.layout, self.theta, some, told) for some in parts])
        half = torch.linalg.solve_triangular(self._root, k.T, upper=False)
        return prior_mean(at) + k @ self._weights, half


def _chunks(at: Points) -> list[Points]:
    """The points in order, some at a time; one empty part where there are none."""
    order = torch.arange(len(at))
    return [at[order[i : i + _CHUNK]] for i in range(0, max(len(at), 1), _CHUNK)]


def tune(
    layout: Layout, prior: Prior, tasks: Sequence[Observed], most_steps: int = 30
) -> torch.Tensor:
    """θ* = argmax_θ Σ_t log p(y_t | X_t, θ) + log p(θ), by L-BFGS-B.

    With one task and a prior centred on pre-trained θ_S this is MAP tuning (Sun et al. 2021);
    with several it is what they have in common.
    """
    evidence = [Evidence(layout, task) for task in tasks]

    def energy(theta: FloatArray) -> tuple[float, FloatArray]:
        point = torch.from_numpy(theta)
        value, slope = prior.energy(point)
        for one in evidence:
            more, steeper = one(point)
            value, slope = value + more, slope + steeper
        return value, slope.numpy()

    found = minimize(
        energy,
        prior.mean.numpy(),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-_BOUND, _BOUND)] * layout.size,
        options={"maxiter": most_steps, "maxfun": 2 * most_steps},
    )
    return torch.from_numpy(np.asarray(found.x, dtype=np.float64))
