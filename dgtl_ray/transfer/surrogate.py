"""The target's models: one that knows history, and one that guards against it."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.core.roles import FloatArray, IntArray
from dgtl_ray.transfer.evidence import Observed
from dgtl_ray.transfer.guard import ALL_SOURCES, NO_SOURCES, Expert, trusted
from dgtl_ray.transfer.kernel import Layout, Prior
from dgtl_ray.transfer.points import Points, PointTable
from dgtl_ray.transfer.pretraining import PretrainConfig, Pretrained, pretrain
from dgtl_ray.transfer.relatedness import Consensus, Relatedness, relatedness
from dgtl_ray.transfer.scaling import ColumnScale, LatencyScale, Warp
from dgtl_ray.transfer.source_model import SourceModel
from dgtl_ray.transfer.success import PastSuccess
from dgtl_ray.transfer.target_gp import TargetGP, Tuning, tune
from dgtl_ray.transfer.transfer_prior import transfer_prior
from dgtl_ray.transfer.usable import usable

# Hyperparameters are tuned on at most so many measurements; all of them make the posterior.
_TUNED_ON = 160
# Configurations beside the standing pool that are kept as the models see them.
_MOST_BESIDE = 16_000
# Without history nothing is fitted to fewer measurements.
_LEAST_ALONE = 8


class Surrogate:
    """Models of one task, tuned anew whenever there is more to learn from.

    Args:
        encode: Tells rows (n × (1 + knobs)) as the deep GP does (n × columns).
        rows: The standing pool.
        sources: History.
        guard: Whether a model without history stands beside the one with, which is heard only
            while it is not in doubt.
        transferred_prior: Whether hyperparameters' prior is learned from sources, too.
        tuning: How hyperparameters of the model with history are tuned.
        pretrained: The deep GP of the sources, where it was made before: then all are usable.
        config: How it is made otherwise.

    Attributes:
        layout: Of the hyperparameters without history.
        past_success: What history says of a configuration's chance to run, where there is any.
        fallbacks: What numerical trouble was met, and what was done without.
    """

    def __init__(
        self,
        encode: Callable[[IntArray], NDArray[np.float32]],
        rows: IntArray,
        sources: Sequence[SourceTask],
        *,
        guard: bool = True,
        transferred_prior: bool = True,
        tuning: Tuning = Tuning.MAP,
        pretrained: Pretrained | None = None,
        config: PretrainConfig | None = None,
    ) -> None:
        encoding = encode(rows)
        self._encode = encode
        self._scale = ColumnScale.of(encoding) if len(rows) else _no_columns()
        self._knobs = np.flatnonzero((rows != rows[:1]).any(axis=0))
        self.layout = Layout(features=len(self._scale.kept), knobs=len(self._knobs))
        self._rough = replace(self.layout, smooth=False)
        self._guard = guard
        self._transferred_prior = transferred_prior
        self._tuning = tuning
        self._alone = Prior.vague(self.layout)
        self._informed: Prior | None = None
        self._sources: SourceModel | None = None
        self.past_success: PastSuccess | None = None
        self.fallbacks: list[str] = []
        self._table = PointTable(self._see, most=len(rows) + _MOST_BESIDE)
        good = sources if pretrained else usable(sources)
        if good and len(rows):
            try:
                self._learn(good, pretrained or pretrain(good, config), encoding, rows)
            except ArithmeticError as error:
                self.fallbacks.append(f"history is not used: {error}")

    def relatedness(self, points: Points, cost_s: FloatArray) -> tuple[Relatedness, ...]:
        """How related each source turned out to be, by latencies (n,) measured at points."""
        if self._sources is None:
            return ()
        asked = self._sources.asked
        names = [self._sources.pretrained.names[k] for k in asked]
        return relatedness(names, points.sources[:, : len(asked)].numpy(), cost_s)

    def heard(self, points: Points, cost_s: FloatArray) -> bool:
        """Whether history has a say, by latencies (n,) measured at points."""
        if self._sources is None:
            return False
        asked = points.sources[:, : len(self._sources.asked)].numpy()
        return not (self._guard and self._consensus.in_doubt(asked, cost_s))

    def points(self, rows: IntArray) -> Points:
        """Configurations (n × (1 + knobs)) as the models see them."""
        return self._table(rows)

    def experts(self, points: Points, cost_s: FloatArray) -> list[Expert]:
        """Tuned models of those that are heard, the one with history first.

        There is none where there is nothing to learn from.
        """
        found: list[Expert | None] = []
        if self._informed is not None and self.heard(points, cost_s):
            found.append(self._informed_expert(self._informed, points, cost_s))
        if len(points) >= _LEAST_ALONE and (self._guard or not found):
            found.append(self._alone_expert(points.without_sources(), cost_s))
        usable_ones = [expert for expert in found if expert is not None]
        return trusted(usable_ones) if len(usable_ones) > 1 else usable_ones

    def opinions(self, whole: Expert) -> list[Expert]:
        """What each source by itself makes of the measurements, the most trusted first.

        The model with history believes in an average of the sources. Where the target takes after
        one of them, that one's second choices are lost in the average.

        Args:
            whole: The model with all history; its θ is theirs.
        """
        count = whole.model.data.points.sources.shape[1]
        found = [self._opinion(whole, slice(k, k + 1)) for k in range(count if count > 1 else 0)]
        ranked = trusted([expert for expert in found if expert is not None])
        return sorted(ranked, key=lambda expert: -expert.share)

    def predict(self, experts: Sequence[Expert], points: Points) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation (n,) of log-latency: the experts' mixture."""
        means, variances, shares = [], [], []
        for expert in experts:
            mean, std = expert.predict(points)
            means.append(mean)
            variances.append(std**2)
            shares.append(expert.share)
        mixed = np.average(means, axis=0, weights=shares)
        second = np.average(np.array(variances) + np.square(means), axis=0, weights=shares)
        return mixed, np.sqrt(np.maximum(second - mixed**2, 1e-12))

    def _learn(
        self,
        sources: Sequence[SourceTask],
        model: Pretrained,
        encoding: NDArray[np.float32],
        rows: IntArray,
    ) -> None:
        prior, asked = self._alone, SourceModel(model, encoding[0])
        if self._transferred_prior:
            prior = transfer_prior(self._rough, self._scale, sources, asked, self._alone)
        self._spread = float(np.mean([scale.spread for scale in model.scales]))
        self.past_success = PastSuccess(sources, self._scale)
        self._informed, self._sources = prior, asked
        expected = self.points(rows).sources[:, : len(asked.asked)]
        self._consensus = Consensus.of(expected.numpy())

    def _see(self, rows: IntArray) -> Points:
        encoding = self._encode(rows)
        nothing = np.zeros((len(rows), 0))
        expected = nothing if self._sources is None else self._sources.expectations(encoding)
        return Points(
            features=torch.from_numpy(self._scale(encoding)),
            knobs=torch.from_numpy(np.ascontiguousarray(rows[:, self._knobs])),
            sources=torch.from_numpy(expected),
        )

    def _informed_expert(self, prior: Prior, points: Points, cost_s: FloatArray) -> Expert | None:
        logs = np.log(cost_s)
        centre = float(logs.mean()) if len(logs) else 0.0
        scale = LatencyScale(centre=centre, spread=self._spread)
        if self._tuning is Tuning.LIKELIHOOD:
            prior = prior.flat()
        tuned = self._tuning is not Tuning.NONE
        return self._expert(
            self._rough, points, cost_s, prior, scale, ALL_SOURCES, Warp(), tuned=tuned
        )

    def _alone_expert(self, points: Points, cost_s: FloatArray) -> Expert | None:
        warp = Warp.of(cost_s)
        scale = LatencyScale.of_logs(warp(cost_s))
        return self._expert(self.layout, points, cost_s, self._alone, scale, NO_SOURCES, warp)

    def _opinion(self, whole: Expert, sources: slice) -> Expert | None:
        data = whole.model.data
        alike = Observed(points=data.points.told_of(sources), y=data.y)
        try:
            model = TargetGP(self._rough, whole.model.theta, alike)
        except ArithmeticError as error:
            self.fallbacks.append(f"the opinion of a source is left out: {error}")
            return None
        return replace(whole, model=model, sources=sources)

    def _expert(
        self,
        layout: Layout,
        points: Points,
        cost_s: FloatArray,
        prior: Prior,
        scale: LatencyScale,
        sources: slice,
        warp: Warp,
        *,
        tuned: bool = True,
    ) -> Expert | None:
        """A model of the measurements; None, and recorded, where numerics do not allow it."""
        y = scale.standard(warp(cost_s))
        data = Observed(points=points, y=torch.from_numpy(y))
        theta = self._tuned(layout, prior, data) if tuned and len(y) else prior.mean
        try:
            model = TargetGP(layout, theta, data)
        except ArithmeticError as error:
            self.fallbacks.append(f"a model is left out: {error}")
            return None
        return Expert(
            model=model,
            sources=sources,
            share=1.0,
            best=float(y.min()) if len(y) else None,
            scale=scale,
            warp=warp,
        )

    def _tuned(self, layout: Layout, prior: Prior, data: Observed) -> torch.Tensor:
        """θ of prior and measurements; of the prior alone where numerics do not allow it."""
        some = torch.from_numpy(_spread_over(len(data.y), _TUNED_ON))
        try:
            return tune(layout, prior, [Observed(points=data.points[some], y=data.y[some])])
        except ArithmeticError as error:
            self.fallbacks.append(f"hyperparameters stay as they were: {error}")
            return prior.mean


def _spread_over(n: int, most: int) -> NDArray[np.intp]:
    """Up to `most` indices of `n` that are ranked: the fastest half, then evenly from the rest."""
    if n <= most:
        return np.arange(n)
    half = most // 2
    return np.concatenate(
        [np.arange(half), half + np.linspace(0, n - half - 1, most - half).astype(np.intp)]
    )


def _no_columns() -> ColumnScale:
    empty = np.zeros(0)
    return ColumnScale(kept=np.zeros(0, dtype=np.intp), mean=empty, std=empty)
