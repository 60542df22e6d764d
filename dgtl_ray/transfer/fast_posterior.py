"""Marginal moments of a trained deep GP for pools of tens of thousands."""

import torch

from dgtl_ray.transfer.cholesky import JITTER, factor
from dgtl_ray.transfer.deep_gp import LatencyGP, Layer

# Rows scored at a time: their kernel rows stay in the cache.
_CHUNK = 4096


class FastPosterior:
    """What `LatencyGP` says of each row by itself, from solves that are done once.

    The first layer's samples h = μ(x) + σ(x) ε use the same few ε for every row, so the answer is
    the same each time; with q(f | h) Gaussian, mean and variance are those of the mixture.

    Args:
        gp: A trained deep GP.
        base_samples: ε (samples × hidden); without, the first layer's mean is followed.
    """

    def __init__(self, gp: LatencyGP, base_samples: torch.Tensor | None = None) -> None:
        with torch.no_grad():
            self._first = None if gp.first is None else SolvedLayer(gp.first)
            self._last = SolvedLayer(gp.last)
        zeros = torch.zeros(1, gp.hidden, dtype=torch.float64)
        self._base = zeros if base_samples is None else base_samples

    def __call__(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and variance (n,) of the noiseless f at x (n × inputs)."""
        with torch.no_grad():
            parts = [self._moments(x[i : i + _CHUNK]) for i in range(0, len(x), _CHUNK)]
        if not parts:
            return x.new_zeros(0), x.new_zeros(0)
        return torch.cat([mean for mean, _ in parts]), torch.cat([spread for _, spread in parts])

    def functions(self, x: torch.Tensor, count: int, seed: int = 0) -> torch.Tensor:
        """Whole functions drawn from the deep GP, at x (n × inputs): shape (count × n).

        Inducing values v ~ q(v) of both layers are drawn once, so that one function's values at
        different x belong together, in later calls, too. What inducing points leave open is not
        drawn.
        """
        noise = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            drawn = []
            for _ in range(count):
                if self._first is not None:
                    hidden = self._first.function(x, noise).T
                    drawn.append(self._last.function(torch.cat([x, hidden], dim=1), noise))
                else:
                    drawn.append(self._last.function(x, noise))
            return torch.stack(drawn)

    def _moments(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if self._first is None:
            return self._last(x)
        mean, spread = self._first(x)
        deviation = spread.sqrt()
        answers = []
        for base in self._base:
            hidden = (mean + deviation * base[:, None]).T
            answers.append(self._last(torch.cat([x, hidden], dim=1)))
        means = torch.stack([m for m, _ in answers])
        spreads = torch.stack([v for _, v in answers])
        return means.mean(0), spreads.mean(0) + means.var(0, unbiased=False)


class SolvedLayer:
    """One layer with K_ZZ = L Lᵀ factorised.

    With a = L⁻¹ k(Z, x) and q(v) = N(m, S): mean c(x) + aᵀ m, variance k(x, x) − aᵀ (I − S) a.

    Attributes:
        inducing: Z, shape (… × m × inputs).
        weights: L⁻ᵀ m, what the covariances with Z are multiplied with, shape (… × m).
    """

    def __init__(self, layer: Layer) -> None:
        strategy = layer.variational_strategy
        self._layer = layer
        self.inducing = inducing = strategy.inducing_points
        q = strategy.variational_distribution
        k = layer.covar_module(inducing).to_dense()
        eye = torch.eye(k.shape[-1], dtype=k.dtype)
        root, _ = factor(k + (strategy.jitter_val - JITTER[0]) * eye)
        inverse = torch.linalg.solve_triangular(root, eye.expand_as(root), upper=False)
        self._spread, _ = factor(q.covariance_matrix)
        self._middle = q.mean
        self._half = inverse.mT
        self.weights = (inverse.mT @ q.mean.unsqueeze(-1)).squeeze(-1)
        self._shrink = inverse.mT @ (eye - q.covariance_matrix) @ inverse
        self._jitter = strategy.jitter_val

    def __call__(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and variance, (outputs × n) or (n,), at x (n × inputs)."""
        inputs, cross = self._cross(x)
        prior = self._layer.covar_module(inputs, diag=True) + self._jitter
        spread = (prior - ((cross @ self._shrink) * cross).sum(-1)).clamp_min(1e-10)
        away: torch.Tensor = (cross @ self.weights.unsqueeze(-1)).squeeze(-1)
        return self._layer.mean_module(inputs) + away, spread

    def function(self, x: torch.Tensor, noise: torch.Generator) -> torch.Tensor:
        """One draw of the layer, (outputs × n) or (n,), at x (n × inputs)."""
        inputs, cross = self._cross(x)
        normal = torch.randn(self._middle.shape, generator=noise, dtype=x.dtype).unsqueeze(-1)
        values = self._middle.unsqueeze(-1) + self._spread @ normal
        mean: torch.Tensor = self._layer.mean_module(inputs)
        away: torch.Tensor = (cross @ (self._half @ values)).squeeze(-1)
        return mean + away

    def _cross(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs as the layer takes them, and their covariance with the inducing points."""
        inputs = x.expand(*self.inducing.shape[:-2], *x.shape)
        return inputs, self._layer.covar_module(inputs, self.inducing).to_dense()
