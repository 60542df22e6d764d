"""Which points to measure next, given a posterior."""

import math

import torch

from dgtl_ray.transfer.cholesky import factor
from dgtl_ray.transfer.kernel import MEAN_VARIANCE, covariance
from dgtl_ray.transfer.points import Points, join
from dgtl_ray.transfer.target_gp import TargetGP

# Points whose joint posterior is sampled; the rest of the pool has no chance to be chosen.
SHORTLIST = 500
# Points of a larger pool that are scored with their variance: those with the lowest mean.
SCORED = 5000
PATHS = 256
# Below this expected gain, in standard deviations, sample paths cannot tell points apart.
_LEAST_GAIN = 1e-4


def choose_batch(
    model: TargetGP,
    candidates: Points,
    pending: Points,
    best: float | None,
    worth: torch.Tensor,
    n: int,
    noise: torch.Generator,
) -> list[int]:
    """Indices of up to `n` candidates whose best is expected to be lowest.

    Greedy maximisation of q-EI(X) = E[max(0, f* − min_{x∈X} f(x))] over joint sample paths of a
    shortlist, each gain times what it is worth (Wilson et al. 2018, "Maximizing acquisition
    functions for Bayesian optimization": greedy is within 1 − 1/e of the best batch).
    Pending points lower each path's f* to what they turn out to be there. With no best yet, every
    path is compared with its own mean.

    Args:
        model: The posterior.
        candidates: The pool.
        pending: Asked for and not yet measured.
        best: Lowest standardised log-latency measured, None before the first.
        worth: What a gain counts (candidates,): the probability that each builds and runs, per
            second that it takes (Snoek et al. 2012, "Practical Bayesian optimization of machine
            learning algorithms", 3.2).
        n: Batch size.
        noise: Source of the sample paths.
    """
    if n < 1 or not len(candidates):
        return []
    if len(candidates) > SCORED:
        kept = torch.argsort(model.mean(candidates), stable=True)[:SCORED]
        found = choose_batch(model, candidates[kept], pending, best, worth[kept], n, noise)
        return [int(kept[k]) for k in found]
    mean, variance = model.posterior(candidates)
    reference = best if best is not None else float(mean.min())
    spread = _own_spread(model, variance)
    score = log_expected_improvement(mean, spread, reference) + worth.log()
    order = torch.argsort(score, descending=True, stable=True)[:SHORTLIST]
    paths, waiting = _paths(model, candidates[order], pending, noise)
    start = paths.mean(0) if best is None else torch.full((PATHS,), best, dtype=torch.float64)
    for path in waiting:
        start = torch.minimum(start, path)
    picked = _greedy(paths, start, worth[order], n, _LEAST_GAIN * float(spread.mean()))
    return [int(order[k]) for k in picked]


def first_batch(
    model: TargetGP,
    candidates: Points,
    pending: Points,
    worth: torch.Tensor,
    n: int,
    noise: torch.Generator,
) -> list[int]:
    """Indices of up to `n` candidates, good whichever source the target takes after.

    Before anything is measured the target is believed to be f = g_s + d: what the deep GP expects
    on one of the sources, any of them, and a deviation d as the model's prior has it. The batch
    lowers E_s E_d [min_{x∈X} f(x)], greedily over sample paths of every s. So it holds favourites
    of each source, and those of one source are unlike each other: one d cannot spoil them all.

    Args:
        model: The prior.
        candidates: The pool.
        pending: Asked for and not yet measured.
        worth: What a gain counts (candidates,).
        n: Batch size.
        noise: Source of the sample paths.
    """
    count = candidates.sources.shape[1]
    if n < 1 or not len(candidates):
        return []
    favourites = torch.argsort(candidates.sources, dim=0, stable=True)[: SHORTLIST // count]
    shortlist = torch.unique(favourites)
    some = join(candidates[shortlist], pending)
    deviation = model.theta.clone()
    deviation[model.layout.weight_variance] = -math.inf
    root, _ = factor(covariance(model.layout, deviation, some))
    normal = torch.randn(len(some), PATHS, generator=noise, dtype=torch.float64)
    paths = some.sources[:, torch.arange(PATHS) % count] + root @ normal
    open_ = paths[: len(shortlist)]
    start = open_.mean(0)
    for path in paths[len(shortlist) :]:
        start = torch.minimum(start, path)
    picked = _greedy(open_, start, worth[shortlist], n, 0.0)
    return [int(shortlist[k]) for k in picked]


def log_expected_improvement(mean: torch.Tensor, spread: torch.Tensor, best: float) -> torch.Tensor:
    """Logarithm of E[max(0, best − f)] of f ~ N(mean, spread²), exact far below any chance, too.

    Ament et al. 2023, "Unexpected improvements to expected improvement for Bayesian optimization".
    """
    z = (best - mean) / spread
    density = -0.5 * z**2 - 0.5 * math.log(2.0 * math.pi)
    near = z.clamp_min(-5.0)
    plain = (torch.exp(-0.5 * near**2) / math.sqrt(2.0 * math.pi)) + near * torch.special.ndtr(near)
    far = density - 2.0 * (-z).clamp_min(1.0).log()
    return torch.where(z > -5.0, plain.clamp_min(1e-300).log(), far) + spread.log()


def _own_spread(model: TargetGP, variance: torch.Tensor) -> torch.Tensor:
    """Standard deviations, without what all points have in common before the first measurement."""
    if len(model.data.y):
        return variance.sqrt()
    return (variance - MEAN_VARIANCE).clamp_min(1e-10).sqrt()


def _paths(
    model: TargetGP, shortlist: Points, pending: Points, noise: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Joint sample paths of the shortlist and of pending points, (points × paths) each."""
    mean, covariance = model.joint(join(shortlist, pending))
    root, _ = factor(covariance)
    normal = torch.randn(len(mean), PATHS, generator=noise, dtype=torch.float64)
    paths = mean[:, None] + root @ normal
    return paths[: len(shortlist)], paths[len(shortlist) :]


def _greedy(
    paths: torch.Tensor, start: torch.Tensor, worth: torch.Tensor, n: int, least: float
) -> list[int]:
    """One by one the point that lowers the paths' best most; in order of the list at the end."""
    lowest = start
    picked: list[int] = []
    open_ = torch.ones(len(paths), dtype=torch.bool)
    while len(picked) < min(n, len(paths)):
        gain = (lowest - paths).clamp_min(0.0).mean(1) * worth
        gain = torch.where(open_, gain, torch.full_like(gain, -1.0))
        chosen = int(gain.argmax())
        if gain[chosen] < least:
            chosen = int(torch.nonzero(open_)[0])
        picked.append(chosen)
        open_[chosen] = False
        lowest = torch.minimum(lowest, paths[chosen])
    return picked
