"""The evidence lower bound of a deep GP, straight from its parameters."""

import math
from typing import Any

import torch

from dgtl_ray.transfer.deep_gp import LatencyGP, Layer


def evidence_lower_bound(
    gp: LatencyGP, x: torch.Tensor, y: torch.Tensor, rows: int, noise: torch.Tensor, jitter: float
) -> torch.Tensor:
    """What doubly stochastic inference maximises, for each row: an unbiased estimate.

    1/b Σ_i E_{q(f(x_i))}[log p(y_i | f(x_i))] − 1/n Σ_l KL(q(u_l) ‖ p(u_l)) of a minibatch of b
    of n rows, the first layer sampled once (Salimbeni & Deisenroth 2017, equation 13). It is what
    GPyTorch's `DeepApproximateMLL` gives, in half the time: there most of it is spent on many
    small tensor operations.

    Args:
        gp: The deep GP.
        x: Rows of the minibatch (b × inputs).
        y: Their targets (b,).
        rows: n, of all there are.
        noise: Standard normal sample of the first layer's outputs (hidden × b).
        jitter: Added to the diagonal of the inducing points' covariance.

    Raises:
        ArithmeticError: A covariance is not positive definite with that jitter.
    """
    inputs, divergence = x, x.new_zeros(())
    if gp.first is not None:
        mean, spread, divergence = _marginals(gp.first, x, jitter)
        hidden = mean + spread.sqrt() * noise
        inputs = torch.cat([x, hidden.mT], dim=-1)
    mean, spread, more = _marginals(gp.last, inputs, jitter)
    variance = gp.likelihood.noise
    misfit = ((y - mean).square() + spread) / variance + variance.log() + math.log(2.0 * math.pi)
    bound: torch.Tensor = -0.5 * misfit.mean() - (divergence + more) / rows
    return bound


def _marginals(
    layer: Layer, x: torch.Tensor, jitter: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mean and variance of q(f) at each row, (outputs × b) or (b,), and KL(q(u) ‖ p(u)).

    With whitened inducing values v = L⁻¹ u, L Lᵀ = K_ZZ, q(v) = N(m, R Rᵀ) and a = L⁻¹ k(Z, x):
    mean c(x) + aᵀ m, variance k(x, x) − aᵀ a + |Rᵀ a|².
    """
    strategy, scale = layer.variational_strategy, layer.covar_module.outputscale
    lengthscale = layer.covar_module.base_kernel.lengthscale
    z, at = strategy.inducing_points / lengthscale, x / lengthscale
    together = torch.cat([z, at.expand(*z.shape[:-2], *at.shape[-2:])], dim=-2)
    k = scale * _matern(z, together)
    count = z.shape[-2]
    eye = torch.eye(count, dtype=z.dtype)
    root, failed = torch.linalg.cholesky_ex(k[..., :count] + jitter * eye)
    if bool(failed.any()):
        raise ArithmeticError(f"a covariance of {count} rows is not positive definite")
    a = torch.linalg.solve_triangular(root, k[..., count:], upper=False)
    # Its public view has R Rᵀ multiplied already.
    q = strategy._variational_distribution  # noqa: SLF001
    middle, spread_root = q.variational_mean, q.chol_variational_covar.tril()
    mean = layer.mean_module(x) + (middle.unsqueeze(-2) @ a).squeeze(-2)
    inside = (spread_root.mT @ a).square().sum(-2) - a.square().sum(-2)
    spread = (scale + jitter + inside).clamp_min(1e-10)
    log_volume = spread_root.diagonal(dim1=-2, dim2=-1).abs().log().sum()
    parts = spread_root.square().sum() + middle.square().sum() - middle.numel()
    return mean, spread, 0.5 * parts - log_volume


def _matern(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The Matérn-5/2 correlation of scaled rows, (… × n × m)."""
    lengths = a.square().sum(-1).unsqueeze(-1) + b.square().sum(-1).unsqueeze(-2)
    correlation: torch.Tensor = _Correlation.apply(  # type: ignore[no-untyped-call]
        lengths - 2.0 * a @ b.mT
    )
    return correlation


class _Correlation(torch.autograd.Function):
    """k = (1 + r + r²/3) exp(−r) of squared distances s, r = √(5 s); dk/ds = −5/6 (1 + r) exp(−r).

    Differentiated step by step it would take most of the bound's time.
    """

    @staticmethod
    def forward(ctx: Any, squared: torch.Tensor) -> torch.Tensor:
        root = squared.clamp_min(0.0).mul_(5.0).sqrt_()
        decay = torch.exp(-root)
        ctx.save_for_backward(root, decay)
        return (root / 3.0 + 1.0).mul_(root).add_(1.0).mul_(decay)

    @staticmethod
    def backward(ctx: Any, *slopes: torch.Tensor) -> torch.Tensor:
        root, decay = ctx.saved_tensors
        slope: torch.Tensor = (root + 1.0).mul_(decay).mul_(-5.0 / 6.0).mul_(slopes[0])
        return slope
