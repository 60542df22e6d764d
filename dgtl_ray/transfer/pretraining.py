"""Preparation: a deep GP learns all sources at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import gpytorch
import numpy as np
import torch
from numpy.typing import NDArray

from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.core.roles import FloatArray
from dgtl_ray.core.seeds import stream
from dgtl_ray.transfer.adam import Adam
from dgtl_ray.transfer.cholesky import JITTER
from dgtl_ray.transfer.deep_gp import LatencyGP
from dgtl_ray.transfer.elbo import evidence_lower_bound
from dgtl_ray.transfer.mean_path import MeanPath
from dgtl_ray.transfer.scaling import ColumnScale, LatencyScale
from dgtl_ray.transfer.threads import one_thread


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """How long and how wide.

    Attributes:
        hidden: Outputs of the first layer; 0 for a shallow GP.
        inducing: Inducing points of each layer.
        steps: Optimiser steps on few rows.
        passes: Of the data, where that takes more steps; never more than `most_steps`.
        most_steps: Optimiser steps on any number of rows.
        batch: Rows of a step.
        learning_rate: Of Adam at the start; it falls to a hundredth.
        seed: Of the minibatches and the inducing points.
    """

    hidden: int = 3
    inducing: int = 128
    steps: int = 700
    passes: int = 20
    most_steps: int = 5000
    batch: int = 256
    learning_rate: float = 0.03
    seed: int = 0

    def __post_init__(self) -> None:
        if self.hidden < 0:
            raise ValueError(f"hidden is {self.hidden}; it must be 0 or more")
        for name in ("inducing", "steps", "passes", "most_steps", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 1 or more")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate is {self.learning_rate}; it must be above 0")


@dataclass(frozen=True, kw_only=True, eq=False)
class Pretrained:
    """What was learned of the sources: θ_S, and the scales it is told in.

    Attributes:
        mean: What the deep GP expects, on `columns` of the encoding.
        columns: Scale of the encoding.
        scales: Of each source's latencies, in the order of the sources.
        names: Of the sources, for people.
        fixed: Positions among the kept columns of the descriptor: what varies within no source.
        descriptors: Each source's, scaled (sources × fixed).
        fallbacks: What numerical trouble was met, and how; empty where there was none.
    """

    mean: MeanPath
    columns: ColumnScale
    scales: tuple[LatencyScale, ...]
    names: tuple[str, ...]
    fixed: NDArray[np.intp]
    descriptors: FloatArray
    fallbacks: tuple[str, ...] = ()


def pretrain(sources: Sequence[SourceTask], config: PretrainConfig | None = None) -> Pretrained:
    """Fit the deep GP to standardised log-latencies of sources, which must not be empty.

    It maximises the evidence lower bound
    Σ_i E_{q(f(x_i))}[log p(y_i | f(x_i))] − Σ_l KL(q(u_l) ‖ p(u_l))
    with one sample a row and minibatches (Salimbeni & Deisenroth 2017), by Adam.

    Raises:
        ArithmeticError: No jitter makes its covariances positive definite.
    """
    config = config or PretrainConfig()
    columns = ColumnScale.of(np.concatenate([source.encoding for source in sources]))
    scales = tuple(LatencyScale.of(source.cost_s) for source in sources)
    x, y = training_rows(sources, columns, scales)
    fallbacks: list[str] = []
    for jitter in JITTER:
        try:
            with one_thread():
                gp = _fit(torch.from_numpy(x), torch.from_numpy(y), config, jitter)
        except ArithmeticError as error:
            fallbacks.append(f"pre-training with jitter {jitter:g} failed: {error}")
        else:
            fixed = descriptor_columns(sources, columns)
            return Pretrained(
                mean=MeanPath.of(gp),
                columns=columns,
                scales=scales,
                names=tuple(source.name for source in sources),
                fixed=fixed,
                descriptors=np.stack([columns(s.encoding[:1])[0, fixed] for s in sources]),
                fallbacks=tuple(fallbacks),
            )
    raise ArithmeticError("; ".join(fallbacks))


def descriptor_columns(sources: Sequence[SourceTask], scale: ColumnScale) -> NDArray[np.intp]:
    """Positions among the kept columns of those that are constant within every source."""
    spread = np.stack([np.ptp(scale(source.encoding), axis=0) for source in sources])
    return np.flatnonzero((spread < 1e-9).all(axis=0))


def training_rows(
    sources: Sequence[SourceTask], columns: ColumnScale, scales: Sequence[LatencyScale]
) -> tuple[FloatArray, FloatArray]:
    """All rows that have a latency: scaled encodings (n × kept) and targets (n,)."""
    x, y = [], []
    for source, scale in zip(sources, scales, strict=True):
        ok = np.isfinite(source.cost_s)
        x.append(columns(source.encoding[ok]))
        y.append(scale(source.cost_s[ok]))
    return np.concatenate(x), np.concatenate(y)


def _fit(x: torch.Tensor, y: torch.Tensor, config: PretrainConfig, jitter: float) -> LatencyGP:
    rng = stream(config.seed, "pretrain")
    chosen = rng.permutation(len(x))[: config.inducing]
    steps = min(max(config.steps, config.passes * len(x) // config.batch), config.most_steps)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        gp = _begin(x[chosen], config)
        adam = Adam(gp.parameters(), config.learning_rate, steps)
        for _ in range(steps):
            rows = torch.from_numpy(rng.integers(len(x), size=min(config.batch, len(x))))
            noise = torch.randn(config.hidden, len(rows), dtype=x.dtype)
            adam.step(-evidence_lower_bound(gp, x[rows], y[rows], len(x), noise, jitter))
    gp.eval()
    return gp


def _begin(inducing: torch.Tensor, config: PretrainConfig) -> LatencyGP:
    """A deep GP whose q(u) is near its prior."""
    gp = LatencyGP(inducing, config.hidden)
    gp.double()
    gp.train()
    with gpytorch.settings.num_likelihood_samples(1):
        gp(inducing)  # GPyTorch sets q(u) when it is first called
    return gp
