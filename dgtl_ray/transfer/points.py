"""Configurations as the target's model sees them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from dgtl_ray.core.roles import FloatArray, IntArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
    """n configurations, each in three tellings.

    Attributes:
        features: Scaled encoding (n × features), float64.
        knobs: Which value each knob takes (n × knobs); no columns where that is not known.
        sources: What the deep GP expects on each source (n × sources); no columns without history.
    """

    features: torch.Tensor
    knobs: torch.Tensor
    sources: torch.Tensor

    @classmethod
    def of_features(cls, features: FloatArray) -> "Points":
        """Configurations of which nothing but their features (n × features) is known."""
        nothing = torch.zeros(len(features), 0)
        return cls(
            features=torch.from_numpy(features), knobs=nothing.int(), sources=nothing.double()
        )

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, chosen: torch.Tensor) -> "Points":
        return Points(
            features=self.features[chosen], knobs=self.knobs[chosen], sources=self.sources[chosen]
        )

    @classmethod
    def of_flat(cls, x: torch.Tensor, features: int, knobs: int) -> "Points":
        """Of rows (n × columns) that `flat` made, by the number of columns of each telling."""
        return cls(
            features=x[:, :features],
            knobs=x[:, features : features + knobs].int(),
            sources=x[:, features + knobs :],
        )

    def flat(self) -> torch.Tensor:
        """The tellings side by side (n × columns): a point as BoTorch takes it."""
        return torch.cat([self.features, self.knobs.double(), self.sources], dim=1)

    def light(self) -> "Points":
        """The same in float32: enough to tell which of many are worth a closer look."""
        return Points(
            features=self.features.float(), knobs=self.knobs, sources=self.sources.float()
        )

    def told_of(self, sources: slice) -> "Points":
        """The same configurations, told what some of the sources expect."""
        return Points(features=self.features, knobs=self.knobs, sources=self.sources[:, sources])

    def without_sources(self) -> "Points":
        """The same configurations, told without history."""
        return self.told_of(slice(0, 0))


def join(first: Points, second: Points) -> Points:
    """The points of both."""
    return Points(
        features=torch.cat([first.features, second.features]),
        knobs=torch.cat([first.knobs, second.knobs]),
        sources=torch.cat([first.sources, second.sources]),
    )


class PointTable:
    """Configurations as the models see them, worked out once for each.

    A search looks at the same ones again and again. What it holds is bounded: a full table begins
    anew with what it is asked for next.

    Args:
        see: Works out rows (n × columns), of which there may be none.
        most: How many it holds before it begins anew.
    """

    def __init__(self, see: Callable[[IntArray], Points], most: int) -> None:
        self._see = see
        self._most = most
        self._place: dict[bytes, int] = {}
        self._points: Points | None = None

    def __call__(self, rows: IntArray) -> Points:
        """The points of rows (n × columns), in their order."""
        if len(self._place) >= self._most:
            self._place, self._points = {}, None
        keys = [row.tobytes() for row in np.ascontiguousarray(rows)]
        new = {key: index for index, key in enumerate(keys) if key not in self._place}
        points = self._points
        if new or points is None:
            found = self._see(rows[list(new.values())])
            places = range(len(self._place), len(self._place) + len(new))
            self._place.update(zip(new, places, strict=True))
            points = found if points is None else join(points, found)
            self._points = points
        return points[torch.tensor([self._place[key] for key in keys], dtype=torch.int64)]
