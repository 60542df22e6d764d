"""Gradient-boosted trees that score configurations: the cost model of AutoTVM and CHAMELEON."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.errors import MissingExtraError
from dgtl_ray.core.roles import FloatArray

Features = NDArray[np.float32]


class Objective(StrEnum):
    """What the trees are fitted to."""

    RANK = "rank:pairwise"  # which of two configurations is faster
    REGRESSION = "reg:squarederror"  # speed relative to the fastest


@dataclass(frozen=True, kw_only=True)
class Boosting:
    """How many trees are grown: until a measure of the top's order stops to rise.

    Attributes:
        top: Configurations at the top whose order counts.
        patience: Rounds without a rise that end the fit.
        rounds: At most.
    """

    top: int
    patience: int = 20
    rounds: int = 8000


class BoostedTrees:
    """A fitted model; higher scores are faster.

    Args:
        objective: What it is fitted to.
        groups: Features (n × columns) and speeds (n,) of each task; a pair of configurations is
            compared within its task only. A speed is 1 for a task's fastest, 0 for a failure.
        boosting: When to stop.
        seed: Of the choice of pairs.
        margins: For each group the scores (n,) that the trees start from, None for 0.

    Raises:
        MissingExtraError: XGBoost is not installed.
    """

    def __init__(
        self,
        objective: Objective,
        groups: Sequence[tuple[Features, FloatArray]],
        boosting: Boosting,
        seed: int,
        margins: Sequence[FloatArray] | None = None,
    ) -> None:
        xgboost = import_xgboost()
        data = xgboost.DMatrix(
            np.concatenate([features for features, _ in groups]),
            np.concatenate([speed for _, speed in groups]),
            nthread=1,
        )
        if objective is Objective.RANK:
            data.set_group([len(speed) for _, speed in groups])
        if margins is not None:
            data.set_base_margin(np.concatenate(margins))
        self._booster = xgboost.train(
            _parameters(objective, seed),
            data,
            num_boost_round=boosting.rounds,
            evals=[(data, "train")],
            custom_metric=lambda scores, seen: (
                "recall",
                average_recall(seen.get_label(), scores, boosting.top),
            ),
            maximize=True,
            early_stopping_rounds=boosting.patience,
            verbose_eval=False,
        )

    def score(self, features: Features, margin: FloatArray | None = None) -> FloatArray:
        """Scores (n,) of feature vectors (n × columns), on top of `margin` (n,) if given."""
        scores: FloatArray = self._booster.inplace_predict(
            features, predict_type="margin", base_margin=margin
        ).astype(np.float64)
        return scores


def import_xgboost() -> Any:
    """XGBoost.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import xgboost
    except ImportError as error:
        raise MissingExtraError("a search with boosted trees", "baselines") from error
    return xgboost


def speeds(cost_s: FloatArray) -> FloatArray:
    """Speeds (n,) relative to the fastest, from latencies in seconds; 0 where they are NaN."""
    if not np.isfinite(cost_s).any():
        return np.zeros(len(cost_s))
    return np.nan_to_num(np.nanmin(cost_s) / cost_s)


def average_recall(speed: NDArray[np.float32], scores: NDArray[np.float32], top: int) -> float:
    """How much of the true first n is among the n that score highest, averaged over n ≤ top."""
    rank = np.empty(len(speed), dtype=np.intp)
    rank[np.argsort(-speed, kind="stable")] = np.arange(len(speed))
    ranks = rank[np.argsort(-scores, kind="stable")][:top]
    # Row n of the triangle asks which of the n highest scores truly are among the first n.
    counts = np.arange(1, len(ranks) + 1)
    hits = np.tril(ranks[None, :] < counts[:, None]).sum(axis=1)
    return float(np.mean(hits / counts))


def _parameters(objective: Objective, seed: int) -> dict[str, Any]:
    """AutoTVM's parameters; pairs are drawn over the whole list, as XGBoost did in its day."""
    parameters: dict[str, Any] = {
        "objective": str(objective),
        "max_depth": 3,
        "gamma": 1e-4,
        "min_child_weight": 1,
        "eta": 0.3,
        "lambda": 1.0,
        "base_score": 0.0,
        "disable_default_eval_metric": 1,
        "nthread": 1,
        "seed": seed,
    }
    if objective is Objective.RANK:
        parameters |= {"lambdarank_pair_method": "mean", "lambdarank_num_pair_per_sample": 32}
    return parameters
