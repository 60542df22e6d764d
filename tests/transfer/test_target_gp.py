import math

import numpy as np
import pytest
import torch

from dgtl_ray.transfer.cholesky import factor
from dgtl_ray.transfer.evidence import Evidence, Observed
from dgtl_ray.transfer.kernel import (
    MEAN_VARIANCE,
    Layout,
    Prior,
    covariance,
    prior_mean,
    variance,
)
from dgtl_ray.transfer.points import Points
from dgtl_ray.transfer.target_gp import TargetGP, tune

LAYOUT = Layout(features=3, knobs=2)
ROUGH = Layout(features=3, knobs=2, smooth=False)


def points(n: int, seed: int = 0, sources: int = 2) -> Points:
    rng = np.random.default_rng(seed)
    return Points(
        features=torch.from_numpy(rng.normal(size=(n, 3))),
        knobs=torch.from_numpy(rng.integers(3, size=(n, 2)).astype(np.int32)),
        sources=torch.from_numpy(rng.normal(size=(n, sources))),
    )


def observed(n: int = 12) -> Observed:
    at = points(n)
    return Observed(points=at, y=at.sources[:, 0] + 0.3 * at.features[:, 1].sin())


def test_covariance_is_positive_definite_and_its_diagonal_is_told() -> None:
    theta = Prior.vague(LAYOUT).mean
    at = points(30)
    k = covariance(LAYOUT, theta, at)
    assert float(torch.linalg.eigvalsh(k).min()) > -1e-9
    torch.testing.assert_close(torch.diagonal(k), variance(LAYOUT, theta, at), atol=1e-5, rtol=0)


def test_leave_one_out_is_what_leaving_out_gives() -> None:
    theta = Prior.vague(LAYOUT).mean
    data = observed()
    mean, spread = TargetGP(LAYOUT, theta, data).leave_one_out()
    noise = float(theta[LAYOUT.noise].exp())
    for left in range(len(data.y)):
        rest = torch.tensor([k for k in range(len(data.y)) if k != left])
        model = TargetGP(LAYOUT, theta, Observed(points=data.points[rest], y=data.y[rest]))
        m, v = model.marginals(data.points[torch.tensor([left])])
        assert float(m) == pytest.approx(float(mean[left]), abs=1e-4)
        assert float(v) + noise == pytest.approx(float(spread[left]), abs=1e-4)


def test_joint_posterior_has_the_marginals() -> None:
    model = TargetGP(LAYOUT, Prior.vague(LAYOUT).mean, observed())
    at = points(7, seed=1)
    mean, spread = model.marginals(at)
    joint_mean, joint = model.joint(at)
    torch.testing.assert_close(mean, joint_mean)
    torch.testing.assert_close(spread, torch.diagonal(joint), atol=1e-5, rtol=0)


def written_out(layout: Layout, theta: torch.Tensor, at: Points) -> torch.Tensor:
    """k as its docstring has it, in operations that can be differentiated."""

    def matern(x: torch.Tensor) -> torch.Tensor:
        # Without the offset the root has no slope on the diagonal.
        r = ((x[:, None] - x[None]) ** 2).sum(-1).add(1e-24).sqrt()
        r = r * math.sqrt(3) if layout.smooth else r
        return (1 + r) * torch.exp(-r) if layout.smooth else torch.exp(-r)

    part, g = theta.exp(), at.sources
    unlike = (at.knobs[:, None] != at.knobs[None]).double() @ part[layout.knob_weights]
    k = MEAN_VARIANCE + part[layout.feature_variance] * matern(
        at.features / part[layout.lengthscales]
    )
    k = k + part[layout.knob_variance] * torch.exp(-unlike)
    if g.shape[1]:
        near = matern(g / part[layout.source_lengthscale] / math.sqrt(g.shape[1]))
        k = k + part[layout.weight_variance] / g.shape[1] * g @ g.T
        k = k + part[layout.source_variance] * near
    return k


def density(layout: Layout, theta: torch.Tensor, data: Observed) -> torch.Tensor:
    """log p(y | X, θ) as it is written in books."""
    k = written_out(layout, theta, data.points)
    k = k + (theta[layout.noise].exp() + 1e-6) * torch.eye(len(k)).double()
    normal = torch.distributions.MultivariateNormal(prior_mean(data.points), k)
    told: torch.Tensor = normal.log_prob(data.y)  # type: ignore[no-untyped-call]
    return told


@pytest.mark.parametrize("layout", [LAYOUT, ROUGH])
@pytest.mark.parametrize("sources", [0, 2])
def test_covariance_is_as_it_is_written(layout: Layout, sources: int) -> None:
    theta, at = Prior.vague(layout).mean, points(9, sources=sources)
    expected = written_out(layout, theta, at)
    torch.testing.assert_close(covariance(layout, theta, at), expected)
    # By products what lies between a point and itself is rounded.
    torch.testing.assert_close(covariance(layout, theta, at, at), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("layout", [LAYOUT, ROUGH])
@pytest.mark.parametrize("sources", [0, 2])
def test_evidence_is_the_normal_density_and_its_gradient(layout: Layout, sources: int) -> None:
    at = points(15, sources=sources)
    data = Observed(points=at, y=at.features[:, 0] + 0.3 * at.features[:, 1].sin())
    noise = torch.Generator().manual_seed(0)
    theta = Prior.vague(layout).mean + torch.randn(layout.size, generator=noise).double()
    theta.requires_grad_()
    expected = -density(layout, theta, data)
    (rising,) = torch.autograd.grad(expected, theta)
    value, slope = Evidence(layout, data)(theta.detach())
    assert value == pytest.approx(float(expected.detach()), rel=1e-7)
    torch.testing.assert_close(slope, rising, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("layout", [LAYOUT, ROUGH])
def test_a_quick_mean_is_nearly_the_posterior_mean(layout: Layout) -> None:
    model, at = TargetGP(layout, Prior.vague(layout).mean, observed(40)), points(600, seed=2)
    torch.testing.assert_close(model.mean(at), model.marginals(at)[0], atol=1e-2, rtol=0)


def test_tuning_raises_the_posterior_density() -> None:
    prior, data = Prior.vague(LAYOUT), observed(20)
    theta = tune(LAYOUT, prior, [data])

    def energy(at: torch.Tensor) -> float:
        return prior.energy(at)[0] - float(density(LAYOUT, at, data))

    assert energy(theta) < energy(prior.mean) - 1.0


def test_a_narrow_prior_holds_the_hyperparameters() -> None:
    vague, data = Prior.vague(LAYOUT), observed(20)
    narrow = Prior(mean=vague.mean, std=1e-3 * vague.std)
    moved = tune(LAYOUT, narrow, [data]) - vague.mean
    assert float(moved.abs().max()) < 0.01


def test_without_data_the_prior_answers() -> None:
    at = points(5)
    empty = Observed(points=points(0), y=torch.zeros(0).double())
    theta = Prior.vague(LAYOUT).mean
    mean, spread = TargetGP(LAYOUT, theta, empty).marginals(at)
    torch.testing.assert_close(mean, at.sources.mean(1))
    torch.testing.assert_close(spread, variance(LAYOUT, theta, at))


def test_jitter_grows_until_a_factorisation_succeeds() -> None:
    singular = torch.ones(4, 4).double() - 5e-5 * torch.eye(4).double()
    root, jitter = factor(singular)
    assert jitter == 1e-4
    torch.testing.assert_close(root @ root.T, singular + jitter * torch.eye(4).double())
    with pytest.raises(ArithmeticError, match="not positive definite"):
        factor(-torch.eye(3).double())


def test_sources_that_agree_shrink_the_uncertainty() -> None:
    """Knowing what sources expect, the target is predicted better than without."""
    data, at = observed(20), points(60, seed=3)
    truth = at.sources[:, 0] + 0.3 * at.features[:, 1].sin()
    errors = []
    for blind in (False, True):
        seen = data.points.without_sources() if blind else data.points
        asked = at.without_sources() if blind else at
        task = Observed(points=seen, y=data.y)
        theta = tune(LAYOUT, Prior.vague(LAYOUT), [task])
        mean, _ = TargetGP(LAYOUT, theta, task).marginals(asked)
        errors.append(math.sqrt(float(((mean - truth) ** 2).mean())))
    assert errors[0] < 0.5 * errors[1]


def test_botorch_is_told_the_negative_of_the_log_latency() -> None:
    """Jointly for what is asked together, with a measurement's noise where it is wanted."""
    model = TargetGP(LAYOUT, Prior.vague(LAYOUT).mean, observed())
    at = points(6, seed=1)
    mean, joint = model.joint(at)
    x = at.flat().reshape(2, 3, -1)
    told = model.posterior(x)
    torch.testing.assert_close(told.mean.reshape(-1), -mean)
    for k, rows in enumerate((slice(0, 3), slice(3, 6))):
        covariance = told.distribution.covariance_matrix[k]
        torch.testing.assert_close(covariance, joint[rows, rows], atol=1e-5, rtol=0)
    alone = model.posterior(at.flat().unsqueeze(-2))
    torch.testing.assert_close(alone.variance.reshape(-1), model.marginals(at)[1])
    noisy = model.posterior(x, observation_noise=True)
    torch.testing.assert_close(noisy.variance, told.variance + model.noise)
