import gpytorch
import numpy as np
import pytest
import torch
from gpytorch.mlls import DeepApproximateMLL, VariationalELBO
from numpy.typing import NDArray

from dgtl_ray.transfer.deep_gp import LatencyGP, Layer
from dgtl_ray.transfer.elbo import evidence_lower_bound
from dgtl_ray.transfer.mean_path import MeanPath

Array = NDArray[np.float64]
JITTER = 1e-6


def hidden_layer(gp: LatencyGP) -> Layer:
    """The first layer of one that is deep."""
    assert gp.first is not None
    return gp.first


def small_gp(hidden: int = 1, inputs: int = 2) -> LatencyGP:
    """A deep GP whose q(u) is far from its prior, with fixed numbers."""
    torch.manual_seed(4)
    gp = LatencyGP(torch.randn(7, inputs).double(), hidden)
    gp.double()
    for layer in filter(None, (gp.first, gp.last)):
        q = layer.variational_strategy._variational_distribution
        q.variational_mean.data = torch.randn_like(q.variational_mean)
        root = torch.randn_like(q.chol_variational_covar).tril()
        q.chol_variational_covar.data = 0.3 * root + 0.4 * torch.eye(7).double()
        layer.variational_strategy.variational_params_initialized.fill_(1)
    if gp.first is not None:
        gp.first.covar_module.outputscale = 0.7
    gp.eval()
    return gp


def test_the_bound_and_its_slope_are_gpytorchs() -> None:
    """The same sample of the first layer gives the same number, and every parameter's gradient."""
    gp, x, y = small_gp(hidden=2).train(), torch.randn(9, 2).double(), torch.randn(9).double()
    theirs = DeepApproximateMLL(VariationalELBO(gp.likelihood, gp, num_data=30))
    with gpytorch.settings.num_likelihood_samples(1):
        torch.manual_seed(5)
        expected = theirs(gp(x), y)
    expected.backward()
    slopes = [parameter.grad.clone() for parameter in gp.parameters()]
    gp.zero_grad()
    torch.manual_seed(5)
    noise = torch.normal(torch.zeros(9, 2).double(), 1.0).T
    bound = evidence_lower_bound(gp, x, y, 30, noise, JITTER)
    torch.autograd.backward(bound)
    torch.testing.assert_close(bound, expected)
    for parameter, slope in zip(gp.parameters(), slopes, strict=True):
        torch.testing.assert_close(parameter.grad, slope)


def matern(a: Array, b: Array, lengthscale: Array, scale: float) -> Array:
    d = np.sqrt(5.0 * np.square((a[:, None] - b[None]) / lengthscale).sum(-1))
    result: Array = scale * (1 + d + d**2 / 3) * np.exp(-d)
    return result


def dense_layer(layer: Layer, x: Array, mean: Array, inducing: Array, index: int) -> list[Array]:
    """q(f(x)) by the textbook: u = L v, q(u) = N(L m, L S Lᵀ), then condition the prior on u."""
    kernel = layer.covar_module
    ls = kernel.base_kernel.lengthscale.detach().numpy()[0]
    scale = kernel.outputscale.item()
    q = layer.variational_strategy._variational_distribution
    m = np.atleast_2d(q.variational_mean.detach().numpy())[index]
    c = np.tril(q.chol_variational_covar.detach().numpy().reshape(-1, 7, 7)[index])
    kzz = matern(inducing, inducing, ls, scale) + JITTER * np.eye(7)
    root = np.linalg.cholesky(kzz)
    u_mean, u_cov = root @ m, root @ (c @ c.T) @ root.T
    a = np.linalg.solve(kzz, matern(inducing, x, ls, scale)).T
    cov = matern(x, x, ls, scale) + JITTER * np.eye(len(x)) - a @ (kzz - u_cov) @ a.T
    return [mean + a @ u_mean, np.diag(cov).copy()]


def dense_moments(gp: LatencyGP, x: Array) -> tuple[Array, Array]:
    """Marginal moments of both layers, the hidden output integrated by quadrature."""
    first = hidden_layer(gp)
    weights = first.mean_module.weights.detach().numpy()[0, :, 0]
    z1 = first.variational_strategy.inducing_points.detach().numpy()[0]
    hidden, spread = dense_layer(first, x, x @ weights, z1, 0)
    z2 = gp.last.variational_strategy.inducing_points.detach().numpy()
    nodes, chances = np.polynomial.hermite_e.hermegauss(60)
    chances = chances / chances.sum()
    constant = np.full(len(x), gp.last.mean_module.constant.item())
    moments = [
        dense_layer(gp.last, np.c_[x, hidden + np.sqrt(spread) * node], constant, z2, 0)
        for node in nodes
    ]
    means, variances = (np.array([m[k] for m in moments]) for k in range(2))
    mean = chances @ means
    return mean, chances @ (variances + means**2) - mean**2


def test_gpytorch_agrees_with_dense_reference() -> None:
    gp = small_gp()
    x = torch.randn(5, 2).double()
    mean, variance = dense_moments(gp, x.numpy())
    torch.manual_seed(0)
    with torch.no_grad(), gpytorch.settings.num_likelihood_samples(4000):
        q = gp(x)
        sampled = q.mean.mean(0).numpy()
        total = (q.variance.mean(0) + q.mean.var(0)).numpy()
    np.testing.assert_allclose(sampled, mean, atol=0.06)
    np.testing.assert_allclose(total, variance, rtol=0.08)


def followed_mean(gp: LatencyGP, x: torch.Tensor) -> Array:
    """GPyTorch's mean (n,) where the first layer follows its own."""
    with torch.no_grad(), gpytorch.settings.num_likelihood_samples(1):
        inputs = [x] if gp.first is None else [x, gp.first(x).mean[0]]
        q = gp.last(torch.cat(inputs, dim=-1)[None], are_samples=True)
    mean: Array = q.mean.reshape(-1).numpy()
    return mean


@pytest.mark.parametrize("hidden", [0, 3])
@pytest.mark.parametrize("fixed", [[], [0], [0, 2], [0, 1, 2]])
def test_descriptors_are_asked_about_one_by_one(hidden: int, fixed: list[int]) -> None:
    gp = small_gp(hidden=hidden, inputs=3)
    x, descriptors = torch.randn(1100, 3).double(), torch.randn(4, len(fixed)).double()
    answers = MeanPath.of(gp)(x, np.array(fixed, dtype=np.intp), descriptors)
    assert answers.shape == (1100, 4)
    for answer, descriptor in zip(answers.T, descriptors, strict=True):
        replaced = x.clone()
        replaced[:, fixed] = descriptor
        np.testing.assert_allclose(answer.numpy(), followed_mean(gp, replaced), atol=1e-8)


def test_nobody_is_asked_about_nothing() -> None:
    path, column = MeanPath.of(small_gp()), np.array([1])
    assert path(torch.zeros(0, 2).double(), column, torch.zeros(3, 1).double()).shape == (0, 3)
    assert path(torch.zeros(5, 2).double(), column, torch.zeros(0, 1).double()).shape == (5, 0)
