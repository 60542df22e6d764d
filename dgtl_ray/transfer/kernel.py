"""The target's kernel, and what is believed of its hyperparameters beforehand."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch

from dgtl_ray.transfer.points import Points

# Variance of the unknown mean: wide beside standardised latencies.
MEAN_VARIANCE = 25.0
# Nearer points than this are the same: the rough correlation has no slope there.
_LEAST_SQUARED = 1e-14


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where each hyperparameter's logarithm lies in one vector θ.

    Attributes:
        features: How many there are.
        knobs: How many there are.
        smooth: Whether M is the Matérn-3/2 correlation, not the Matérn-1/2. Latencies as such are
            the former; what sources leave unexplained of them is rougher.
    """

    features: int
    knobs: int
    smooth: bool = True

    # From the end of θ: variances of the Matérn term on features, of the term on knobs and of the
    # sources' weights, all together; lengthscale and variance of the Matérn term on the sources'
    # expectations; variance of a measurement.
    feature_variance: ClassVar[int] = -6
    knob_variance: ClassVar[int] = -5
    weight_variance: ClassVar[int] = -4
    source_lengthscale: ClassVar[int] = -3
    source_variance: ClassVar[int] = -2
    noise: ClassVar[int] = -1

    @property
    def lengthscales(self) -> slice:
        """One of each feature."""
        return slice(0, self.features)

    @property
    def knob_weights(self) -> slice:
        """What a different value of each knob counts."""
        return slice(self.features, self.features + self.knobs)

    @property
    def size(self) -> int:
        """Entries of θ."""
        return self.features + self.knobs + 6


@dataclass(frozen=True, kw_only=True, eq=False)
class Prior:
    """Independent normal distributions of the entries of θ: means and widths (size,)."""

    mean: torch.Tensor
    std: torch.Tensor

    @classmethod
    def vague(cls, layout: Layout) -> "Prior":
        """What is believed without any history.

        Lengthscales grow with the root of the number of features, so that the prior's complexity
        does not depend on it (Hvarfner et al. 2024, "Vanilla Bayesian optimization performs great
        in high dimensions").
        """
        mean, std = torch.zeros(layout.size).double(), torch.ones(layout.size).double()
        mean[layout.lengthscales] = 0.5 * math.log(max(layout.features, 1)) + 0.7
        std[layout.lengthscales] = 1.2
        mean[layout.knob_weights] = math.log(2.0 / max(layout.knobs, 1))
        mean[layout.feature_variance] = math.log(0.3)
        mean[layout.knob_variance] = math.log(0.3)
        mean[layout.weight_variance] = math.log(0.3)
        mean[layout.source_variance] = math.log(0.2)
        mean[layout.noise] = math.log(3e-3)
        return cls(mean=mean, std=std)

    def centred_on(self, theta: torch.Tensor) -> "Prior":
        """The same widths about a pre-trained θ_S."""
        return Prior(mean=theta, std=self.std)

    def flat(self) -> "Prior":
        """The same centre with no belief in it: what is left is the likelihood."""
        return Prior(mean=self.mean, std=torch.full_like(self.std, math.inf))

    def energy(self, theta: torch.Tensor) -> tuple[float, torch.Tensor]:
        """−log p(θ), but for a constant, and its gradient (size,)."""
        away = (theta - self.mean) / self.std
        return float(0.5 * (away**2).sum()), away / self.std


def covariance(
    layout: Layout, theta: torch.Tensor, a: Points, b: Points | None = None
) -> torch.Tensor:
    """k(a, b), shape (n × m), for the target's log-latency around its prior mean.

    Without b it is that of the points among themselves, for which distances are exact.

    k = σ_c² + σ_x² M(x, x') + σ_z² exp(−Σ_k w_k [z_k ≠ z'_k])
        + (σ_w²/S) g(x)ᵀ g(x') + σ_g² M(g(x)/ℓ, g(x')/ℓ)
    with features x, knobs z, the deep GP's expectations g on S sources, and M the Matérn
    correlation of the layout. The fourth term integrates out the weights w ~ N(1/S, σ_w²/S) of a
    linear model on the sources, whose mean is `prior_mean`.
    """
    return MEAN_VARIANCE + varying(layout, theta, a, b)


def varying(
    layout: Layout, theta: torch.Tensor, a: Points, b: Points | None = None
) -> torch.Tensor:
    """The covariance (n × m) without its constant σ_c², in the precision of θ and points."""
    measure = squared_distance if b is None else nearly_squared_distance
    b = a if b is None else b
    scale = torch.exp(-theta[layout.lengthscales])
    away = measure(a.features * scale, b.features * scale)
    k = matern(away, layout.smooth).mul_(theta[layout.feature_variance].exp())
    if a.knobs.shape[1]:
        unlike = different_knobs(theta[layout.knob_weights].exp(), a.knobs, b.knobs)
        k += unlike.neg_().exp_().mul_(theta[layout.knob_variance].exp())
    count = a.sources.shape[1]
    if count:
        width = torch.exp(-theta[layout.source_lengthscale]) / count**0.5
        near = measure(a.sources * width, b.sources * width)
        k += matern(near, layout.smooth).mul_(theta[layout.source_variance].exp())
        k += (theta[layout.weight_variance].exp() / count) * (a.sources @ b.sources.T)
    return k


def variance(layout: Layout, theta: torch.Tensor, a: Points) -> torch.Tensor:
    """The diagonal (n,) of k(a, a)."""
    k = MEAN_VARIANCE + theta[layout.feature_variance].exp().expand(len(a))
    if a.knobs.shape[1]:
        k = k + theta[layout.knob_variance].exp()
    count = a.sources.shape[1]
    if count:
        weights = theta[layout.weight_variance].exp() / count
        k = k + theta[layout.source_variance].exp() + weights * (a.sources**2).sum(1)
    return k


def prior_mean(a: Points) -> torch.Tensor:
    """(n,): the sources' expectations, each weighted alike."""
    if not a.sources.shape[1]:
        return torch.zeros(len(a), dtype=torch.float64)
    return a.sources.mean(dim=1)


def matern(squared: torch.Tensor, smooth: bool) -> torch.Tensor:
    """The Matérn correlation of squared distances s.

    (1 + r) exp(−r) with r = √(3 s) where ν = 3/2 (smooth), exp(−√s) where ν = 1/2. A knob's next
    value can change a latency a lot: nothing here is as smooth as ν = 5/2.
    """
    if not smooth:
        return squared.sqrt().neg_().exp_()
    root = (3.0 * squared).sqrt_()
    return (root + 1.0).mul_(root.neg_().exp_())


def matern_slope(squared: torch.Tensor, smooth: bool) -> torch.Tensor:
    """The derivative of that correlation by the squared distance.

    −3/2 exp(−√(3 s)), or −exp(−√s) / (2 √s), which counts as 0 between a point and itself.
    """
    if smooth:
        return (3.0 * squared).sqrt_().neg_().exp_().mul_(-1.5)
    distance = squared.clamp_min(_LEAST_SQUARED).sqrt_()
    slope = -torch.exp(-distance) / (2.0 * distance)
    return torch.where(squared > _LEAST_SQUARED, slope, torch.zeros_like(slope))


def squared_distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Between all rows, shape (n × m), by differences: 0 between rows that are the same."""
    distance: torch.Tensor = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
    return distance**2


def nearly_squared_distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The same by products, many times faster.

    It leaves some rounding where two rows are the same, and the root of that, which correlations
    take, is no longer small: a matrix that must be positive definite may not be made of it.
    """
    lengths = a.square().sum(1)[:, None] + b.square().sum(1)
    return (lengths - 2.0 * a @ b.T).clamp_min_(0.0)


def different_knobs(weights: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(n × m): the weights of the knobs that differ, added up.

    By products of one column for each value that a knob takes in `b`; no other can be the same.
    """
    ours, theirs = [], []
    for knob, weight in enumerate(weights):
        values = torch.bincount(b[:, knob]).nonzero()[:, 0]
        ours.append((a[:, knob, None] == values) * weight)
        theirs.append((b[:, knob, None] == values).to(weights.dtype))
    return (weights.sum() - torch.cat(ours, dim=1) @ torch.cat(theirs, dim=1).T).clamp_min(0.0)
