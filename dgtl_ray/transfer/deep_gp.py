"""The deep Gaussian process: f = f_2 ∘ (f_1, identity), each layer sparse and variational."""

from typing import Any

import gpytorch
import torch
from gpytorch.distributions import MultivariateNormal
from gpytorch.kernels import MaternKernel, ScaleKernel
from gpytorch.means import ConstantMean, LinearMean
from gpytorch.models.deep_gps import DeepGP, DeepGPLayer
from gpytorch.variational import CholeskyVariationalDistribution, VariationalStrategy


class Layer(DeepGPLayer):  # type: ignore[misc]
    """One layer: `outputs` independent sparse GPs that share a Matérn-5/2 kernel's lengthscales.

    q(u) = N(m, S) at inducing inputs Z, in the whitened parametrisation u = L v with L Lᵀ = K_ZZ.

    Args:
        inducing: Z, shape (m × inputs).
        outputs: Number of GPs; None for one whose output dimension is dropped.
        lengthscale: Of every input at the start.
    """

    def __init__(self, inducing: torch.Tensor, outputs: int | None, lengthscale: float) -> None:
        batch = torch.Size([] if outputs is None else [outputs])
        inputs = inducing.shape[-1]
        q = CholeskyVariationalDistribution(inducing.shape[0], batch, mean_init_std=1e-3)
        strategy = VariationalStrategy(self, inducing.expand(*batch, *inducing.shape).clone(), q)
        super().__init__(strategy, inputs, outputs)
        self.mean_module = ConstantMean() if outputs is None else LinearMean(inputs, batch)
        kernel = MaternKernel(nu=2.5, ard_num_dims=inputs)
        kernel.lengthscale = lengthscale
        self.covar_module = ScaleKernel(kernel)

    def forward(self, x: torch.Tensor) -> MultivariateNormal:
        """The prior at x (… × n × inputs)."""
        return MultivariateNormal(self.mean_module(x), self.covar_module(x))


class LatencyGP(DeepGP):  # type: ignore[misc]
    """A deep GP of two layers with a skip connection.

    h = f_1(x), y = f_2([x, h]) + ε: the second layer sees the input itself beside the first one's
    outputs, so depth is used where it helps (Duvenaud et al. 2014, "Avoiding pathologies in very
    deep networks"). Inference is doubly stochastic (Salimbeni & Deisenroth 2017, "Doubly
    stochastic variational inference for deep Gaussian processes").

    Args:
        inducing: Inducing inputs of the first layer (m × inputs).
        hidden: Outputs of the first layer; 0 for a shallow GP, which has none.
    """

    def __init__(self, inducing: torch.Tensor, hidden: int) -> None:
        super().__init__()
        width = float(inducing.shape[-1]) ** 0.5
        self.hidden = hidden
        self.first = Layer(inducing, hidden, lengthscale=width) if hidden else None
        latent = inducing @ _axes(inducing, hidden)
        self.last = Layer(torch.cat([inducing, latent], dim=-1), None, lengthscale=width)
        self.likelihood = gpytorch.likelihoods.GaussianLikelihood()
        self.likelihood.noise = 0.05
        if self.first is not None:
            _aim(self.first, _axes(inducing, hidden))

    def forward(self, x: torch.Tensor) -> Any:
        """q(f(x)) with the number of samples that GPyTorch's settings ask for."""
        if self.first is None:
            return self.last(x)
        hidden = self.first(x)
        # Each row's marginal is sampled by itself: a joint sample would need the n × n covariance.
        sampled = torch.distributions.Normal(hidden.mean, hidden.variance.sqrt()).rsample()
        repeated = x.expand(*sampled.shape[:-1], x.shape[-1])
        return self.last(torch.cat([repeated, sampled], dim=-1), are_samples=True)


def _aim(layer: Layer, axes: torch.Tensor) -> None:
    """Start a layer at projections of its inputs on axes (inputs × outputs), as PCA would."""
    with torch.no_grad():
        layer.mean_module.weights.copy_(axes.T.unsqueeze(-1))
        layer.mean_module.bias.zero_()
        layer.covar_module.outputscale = 0.1


def _axes(x: torch.Tensor, count: int) -> torch.Tensor:
    """(inputs × count) directions of greatest spread, scaled to unit variance along them."""
    _, spread, axes = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    filled = torch.zeros(x.shape[1], count, dtype=x.dtype)
    rank = min(count, len(spread))
    scale = spread[:rank] / max(len(x) - 1, 1) ** 0.5
    filled[:, :rank] = axes[:rank].T / scale.clamp_min(1e-6)
    return filled
