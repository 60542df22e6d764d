"""Which points to measure next: BoTorch's acquisition functions over a shortlist."""

import math
from typing import Any

import torch
from botorch.acquisition import (
    AcquisitionFunction,
    LogExpectedImprovement,
    qLogExpectedImprovement,
    qLogNoisyExpectedImprovement,
    qUpperConfidenceBound,
)
from botorch.acquisition.analytic import AnalyticAcquisitionFunction
from botorch.acquisition.objective import GenericMCObjective
from botorch.generation.sampling import MaxPosteriorSampling
from botorch.optim import optimize_acqf_discrete
from botorch.utils.sampling import draw_sobol_normal_samples, manual_seed

from dgtl_ray.core.acquisition import ACQUISITION, Acquisition
from dgtl_ray.core.errors import InputError
from dgtl_ray.transfer.botorch_model import DrawnFunctions, EveryFunction, SinglePoints
from dgtl_ray.transfer.cholesky import factor
from dgtl_ray.transfer.kernel import covariance
from dgtl_ray.transfer.points import Points, join
from dgtl_ray.transfer.target_gp import TargetGP

# Points that acquisition functions see; the rest of the pool has no chance to be chosen.
SHORTLIST = 256
# Points of a larger pool that are scored with their variance: those with the lowest mean.
SCORED = 5000
# Functions drawn jointly at the shortlist.
FUNCTIONS = 128
# Measured points, the fastest, that `qlognei` takes for the best so far.
_BASELINE = 16
# Of `ucb`: two standard deviations.
_BETA = 4.0
# What a loss is divided by is no less: it stays finite.
_LEAST_WORTH = 1e-12


def choose_batch(
    model: TargetGP,
    candidates: Points,
    pending: Points,
    best: float | None,
    worth: torch.Tensor,
    n: int,
    noise: torch.Generator,
    acquisition: Acquisition = ACQUISITION,
) -> list[int]:
    """Indices of up to `n` candidates, chosen greedily by BoTorch's `optimize_acqf_discrete`.

    Greedy is within 1 − 1/e of the best batch (Wilson et al. 2018, "Maximizing acquisition
    functions for Bayesian optimization"); what is pending or picked is `X_pending` to the rest.

    Args:
        model: The posterior.
        candidates: The pool.
        pending: Asked for and not yet measured.
        best: Lowest standardised log-latency measured, None before the first.
        worth: What a gain counts (candidates,): the probability that each builds and runs, per
            second that it takes (Snoek et al. 2012, "Practical Bayesian optimization of machine
            learning algorithms", 3.2).
        n: Batch size.
        noise: Source of what is drawn.
        acquisition: A name, or the user's own function. `mes`, and that, see the model itself, and
            what a gain is worth in the shortlist only; the others see functions drawn from it.

    Raises:
        InputError: The user's function does not make an acquisition function.
    """
    if n < 1 or not len(candidates):
        return []
    reference = float(model.mean(candidates).min()) if best is None else best
    kept = _shortlist(model, candidates, reference, worth)
    some, n = candidates[kept], min(n, len(kept))
    if callable(acquisition) or acquisition == "mes":
        with manual_seed(_seed(noise)):
            picked = _by_model(acquisition, model, some, pending, reference, n)
    else:
        baseline = _BASELINE if acquisition == "qlognei" else 0
        measured = model.data.points[torch.argsort(model.data.y, stable=True)[:baseline]]
        values = -_drawn(*model.joint(join(join(some, pending), measured)), noise)
        if best is None:
            # With nothing measured, a function is compared with its own mean.
            values, reference = values - values.mean(1, keepdim=True), 0.0
        picked = _by_functions(acquisition, values, -reference, worth[kept], len(pending), n, noise)
    return [int(kept[k]) for k in picked]


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
    lowers E_s E_d [min_{x∈X} f(x)], by qLogEI over functions of every s. So it holds favourites
    of each source, and those of one source are unlike each other: one d cannot spoil them all.

    Args:
        model: The prior.
        candidates: The pool.
        pending: Asked for and not yet measured.
        worth: What a gain counts (candidates,).
        n: Batch size.
        noise: Source of the functions.
    """
    count = candidates.sources.shape[1]
    if n < 1 or not len(candidates):
        return []
    favourites = torch.argsort(candidates.sources, dim=0, stable=True)[: SHORTLIST // count]
    kept = torch.unique(favourites)
    every = join(candidates[kept], pending)
    deviation = model.theta.clone()
    deviation[model.layout.weight_variance] = -math.inf
    prior = covariance(model.layout, deviation, every)
    values = -every.sources.T[torch.arange(FUNCTIONS) % count] - _drawn(0.0, prior, noise)
    values, n = values - values.mean(1, keepdim=True), min(n, len(kept))
    picked = _by_functions(ACQUISITION, values, 0.0, worth[kept], len(pending), n, noise)
    return [int(kept[k]) for k in picked]


def log_expected_improvement(
    mean: torch.Tensor, variance: torch.Tensor, best: float
) -> torch.Tensor:
    """Logarithm (n,) of the gain expected of latencies of this mean and variance (n,)."""
    numbers = torch.arange(len(mean)).double().reshape(-1, 1, 1)
    with torch.no_grad():
        gain: torch.Tensor = LogExpectedImprovement(SinglePoints(mean, variance), -best)(numbers)
    return gain


def _shortlist(
    model: TargetGP, candidates: Points, best: float, worth: torch.Tensor
) -> torch.Tensor:
    """Indices of the candidates with the highest logarithm of expected gain times its worth."""
    kept = torch.arange(len(candidates))
    if len(candidates) > SCORED:
        kept = torch.argsort(model.mean(candidates), stable=True)[:SCORED]
    gain = log_expected_improvement(*model.marginals(candidates[kept]), best)
    order = torch.argsort(gain + worth[kept].log(), descending=True, stable=True)
    return kept[order[:SHORTLIST]]


def _by_functions(
    acquisition: str,
    values: torch.Tensor,
    best: float,
    worth: torch.Tensor,
    pending: int,
    n: int,
    noise: torch.Generator,
) -> list[int]:
    """Numbers of `n` points of a shortlist, in the order in which they are chosen.

    A gain counts what it is worth: b + w (f − b), b being the best so far of each function. A loss
    counts the more the less a point is worth: b + (f − b) / w.

    Args:
        acquisition: A name.
        values: Functions drawn at the shortlist, at what is pending and, where an acquisition needs
            any, at what was measured (functions × points).
        best: The best value so far.
        worth: w of each point of the shortlist (shortlist,).
        pending: How many are.
        n: How many.
        noise: Source of what `thompson` draws.
    """
    numbers = torch.arange(values.shape[1]).double().unsqueeze(-1)
    sizes = [len(worth), pending, len(numbers) - len(worth) - pending]
    choices, waiting, measured = torch.split(numbers, sizes)
    base = values[:, -len(measured) :].amax(1) if len(measured) else torch.tensor([best]).double()
    weight = torch.cat([worth, torch.ones(len(numbers) - len(worth)).double()])
    weighed = _hopes_weighed if acquisition == "ucb" else _weighed
    model, objective = DrawnFunctions(values), weighed(base, weight)
    if acquisition == "thompson":
        with manual_seed(_seed(noise)):
            sampling = MaxPosteriorSampling(model, objective, replacement=False)
            return _numbers(sampling(choices, num_samples=n))
    common: dict[str, Any] = {
        "model": model,
        "sampler": EveryFunction(len(values)),
        "objective": objective,
        "X_pending": waiting if pending else None,
    }
    function = _function(acquisition, best, measured, common)
    return _numbers(optimize_acqf_discrete(function, n, choices, return_acq_values=False)[0])


def _weighed(base: torch.Tensor, weight: torch.Tensor) -> GenericMCObjective:
    """Functions f as b + w (f − b), with b of each function and w of each point.

    Where f is below b it is b + (f − b) / w: what is worth little must not look like a small loss.
    """
    divided = weight.clamp_min(_LEAST_WORTH).reciprocal()

    def gain(samples: torch.Tensor, X: torch.Tensor) -> torch.Tensor:  # noqa: N803
        b, k = base.reshape(-1, *[1] * (samples.dim() - 2)), X[..., 0].long()
        above = samples[..., 0] - b
        return above.mul_(torch.where(above > 0, weight[k], divided[k])).add_(b)

    return GenericMCObjective(gain)


def _hopes_weighed(base: torch.Tensor, weight: torch.Tensor) -> GenericMCObjective:
    """Functions f as b + w (f − b), lowered so that a bound below b becomes b + (bound − b) / w.

    `ucb` gains by spread, which must not grow where a point is worth little: so each point is
    judged by its upper bound, not by what single functions are there.
    """
    divided = weight.clamp_min(_LEAST_WORTH).reciprocal()

    def gain(samples: torch.Tensor, X: torch.Tensor) -> torch.Tensor:  # noqa: N803
        k = X[..., 0].long()
        above = samples[..., 0] - base
        mean = above.mean(0)
        bound = mean + math.sqrt(_BETA * math.pi / 2) * (above - mean).abs().mean(0)
        loss = bound.clamp_max(0.0) * (divided[k] - weight[k])
        return above.mul_(weight[k]).add_(base).add_(loss)

    return GenericMCObjective(gain)


def _function(
    acquisition: str, best: float, measured: torch.Tensor, common: dict[str, Any]
) -> AcquisitionFunction:
    """The acquisition function of a name."""
    if acquisition == "qlognei" and len(measured):
        return qLogNoisyExpectedImprovement(
            X_baseline=measured, prune_baseline=False, cache_root=False, **common
        )
    if acquisition == "ucb":
        return qUpperConfidenceBound(beta=_BETA, **common)
    return qLogExpectedImprovement(best_f=best, **common)


def _numbers(found: torch.Tensor) -> list[int]:
    return [int(k) for k in found[:, 0]]


def _by_model(
    acquisition: Acquisition, model: TargetGP, some: Points, pending: Points, best: float, n: int
) -> list[int]:
    """Indices of `n` points by an acquisition function that sees the model itself."""
    x, waiting = some.flat(), pending.flat() if len(pending) else None
    if callable(acquisition):
        function = acquisition(model, -best, waiting)
    else:
        # It brings `scipy.stats`: a second of imports, which every process of layers waits for.
        from botorch.acquisition.max_value_entropy_search import qLowerBoundMaxValueEntropy

        function = qLowerBoundMaxValueEntropy(model, candidate_set=x, X_pending=waiting)
    if isinstance(function, AnalyticAcquisitionFunction):
        # It knows of no pending points: a batch is the best ones, each by itself.
        with torch.no_grad():
            return [int(k) for k in function(x.unsqueeze(-2)).topk(n).indices]
    if not isinstance(function, AcquisitionFunction):
        raise InputError(
            f"the acquisition function given returned {type(function).__name__}: it must make a"
            " BoTorch AcquisitionFunction of (model, best_f, X_pending)"
        )
    found, _ = optimize_acqf_discrete(function, n, x, return_acq_values=False)
    picked = dict[int, None]()
    for row in found:
        # Points may look alike to the model: each is taken once.
        alike = torch.nonzero((x == row).all(1))[:, 0].tolist()
        picked[next(k for k in alike if k not in picked)] = None
    return list(picked)


def _drawn(mean: Any, k: torch.Tensor, noise: torch.Generator) -> torch.Tensor:
    """Functions of mean (n,) and covariance (n × n), by quasi-random numbers (functions × n)."""
    root, _ = factor(k)
    normal = draw_sobol_normal_samples(len(k), FUNCTIONS, dtype=k.dtype, seed=_seed(noise))
    drawn: torch.Tensor = mean + normal @ root.T
    return drawn


def _seed(noise: torch.Generator) -> int:
    return int(torch.randint(2**31, (1,), generator=noise))
