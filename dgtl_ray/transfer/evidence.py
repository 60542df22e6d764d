"""How likely hyperparameters make a task's measurements, and which way is up."""

import math
from dataclasses import dataclass

import torch

from dgtl_ray.transfer.cholesky import factor
from dgtl_ray.transfer.kernel import (
    MEAN_VARIANCE,
    Layout,
    matern,
    matern_slope,
    prior_mean,
    squared_distance,
)
from dgtl_ray.transfer.points import Points


@dataclass(frozen=True, kw_only=True, eq=False)
class Observed:
    """Measured points and their standardised log-latencies (n,)."""

    points: Points
    y: torch.Tensor


class Evidence:
    """−log p(y | X, θ) and its gradient in θ, for one task and any number of θ.

    With W = ½ (K⁻¹ − α αᵀ) and α = K⁻¹ (y − m) the gradient is Σ_ij W_ij ∂K_ij/∂θ (Rasmussen &
    Williams 2006, 5.9). In closed form it costs a fifth of automatic differentiation, which would
    be most of a proposal's time.

    Args:
        layout: Of θ.
        data: The measurements.
    """

    def __init__(self, layout: Layout, data: Observed) -> None:
        points = data.points
        self._layout = layout
        self._features = points.features
        self._residual = data.y - prior_mean(points)
        self._eye = torch.eye(len(points), dtype=torch.float64)
        self._unlike = (points.knobs.T[:, :, None] != points.knobs.T[:, None, :]).double()
        self._sources = count = points.sources.shape[1]
        self._apart = squared_distance(points.sources, points.sources) / max(count, 1)
        self._product = (points.sources @ points.sources.T) / max(count, 1)

    def __call__(self, theta: torch.Tensor) -> tuple[float, torch.Tensor]:
        """The negative log-likelihood, and its gradient (size,).

        Raises:
            ArithmeticError: No jitter makes the covariance positive definite.
        """
        features = self._features * torch.exp(-theta[self._layout.lengthscales])
        away = squared_distance(features, features)
        near = self._apart * torch.exp(-2.0 * theta[self._layout.source_lengthscale])
        terms = self._terms(theta, away, near)
        value, w = self._fit(sum(terms.values(), torch.zeros_like(self._eye)))
        return value, self._slope(theta, w, features, away, near, terms)

    def _terms(
        self, theta: torch.Tensor, away: torch.Tensor, near: torch.Tensor
    ) -> dict[int, torch.Tensor]:
        """The terms of K, by the place in θ of the variance that each is proportional to."""
        layout = self._layout
        shapes = {
            layout.feature_variance: matern(away, layout.smooth),
            layout.noise: self._eye,
        }
        if len(self._unlike):
            rates = theta[layout.knob_weights].exp()
            shapes[layout.knob_variance] = torch.exp(-torch.tensordot(rates, self._unlike, 1))
        if self._sources:
            shapes[layout.weight_variance] = self._product
            shapes[layout.source_variance] = matern(near, layout.smooth)
        return {part: theta[part].exp() * shape for part, shape in shapes.items()}

    def _fit(self, k: torch.Tensor) -> tuple[float, torch.Tensor]:
        """The negative log-likelihood, and W."""
        root, _ = factor(MEAN_VARIANCE + k)
        inverse = torch.cholesky_inverse(root)
        weights = inverse @ self._residual
        fit = 0.5 * self._residual @ weights + torch.diagonal(root).log().sum()
        w = 0.5 * (inverse - torch.outer(weights, weights))
        return float(fit) + 0.5 * len(k) * math.log(2.0 * math.pi), w

    def _slope(
        self,
        theta: torch.Tensor,
        w: torch.Tensor,
        features: torch.Tensor,
        away: torch.Tensor,
        near: torch.Tensor,
        terms: dict[int, torch.Tensor],
    ) -> torch.Tensor:
        layout, slope = self._layout, torch.zeros_like(theta)
        for part, term in terms.items():
            slope[part] = (w * term).sum()
        each = theta[layout.feature_variance].exp() * w * matern_slope(away, layout.smooth)
        slope[layout.lengthscales] = -2.0 * _spread_within(each, features)
        if len(self._unlike):
            each = w * terms[layout.knob_variance]
            rates = theta[layout.knob_weights].exp()
            slope[layout.knob_weights] = -rates * torch.tensordot(self._unlike, each, 2)
        if self._sources:
            each = theta[layout.source_variance].exp() * w * matern_slope(near, layout.smooth)
            slope[layout.source_lengthscale] = -2.0 * (each * near).sum()
        return slope


def _spread_within(weights: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Σ_ij A_ij (x_id − x_jd)² of each column d, for symmetric weights A: shape (columns,)."""
    return 2.0 * (weights.sum(1) @ x**2 - ((weights @ x) * x).sum(0))
