"""What the deep GP expects of a configuration on each source."""

import numpy as np
import torch
from numpy.typing import NDArray

from dgtl_ray.core.roles import FloatArray
from dgtl_ray.transfer.pretraining import Pretrained
from dgtl_ray.transfer.threads import one_thread

# Sources that are asked one by one; of more, those with the nearest descriptors.
MOST_ASKED = 8


class SourceModel:
    """A pre-trained deep GP, asked about a configuration as if it ran as each source did.

    A source is known to the deep GP by its descriptor: the columns of the encoding that do not
    vary within any source (device and workload).

    Args:
        pretrained: The deep GP.
        target: One row of the target's encoding (columns,): its descriptor.

    Attributes:
        asked: Which sources answer, the one with the nearest descriptor first.
    """

    def __init__(self, pretrained: Pretrained, target: NDArray[np.float32]) -> None:
        self.pretrained = pretrained
        known, fixed = pretrained.descriptors, pretrained.fixed
        self._mean = pretrained.mean
        asked = pretrained.columns(target[None])[0, fixed]
        away = np.square(known - asked).mean(axis=1) if len(asked) else np.zeros(len(known))
        self.asked = _distinct(known, np.argsort(away, kind="stable"))[:MOST_ASKED]
        # One more column answers for the target's own descriptor, where no source has it.
        self._extrapolates = not np.isclose(away, 0.0, atol=1e-8).any()

    def expectations(self, encoding: NDArray[np.float32], without: int | None = None) -> FloatArray:
        """Standardised log-latencies (n × answers) that the deep GP expects.

        Args:
            encoding: Rows (n × columns) of any task.
            without: A source that is not asked, as if it were unknown; then the row's own
                descriptor is not asked about either.
        """
        x = torch.from_numpy(self.pretrained.columns(encoding))
        fixed, asked = self.pretrained.fixed, [k for k in self.asked if k != without]
        told = torch.from_numpy(self.pretrained.descriptors[asked])
        with one_thread():
            answers = self._mean(x, fixed, told)
            if self._extrapolates and without is None:
                answers = torch.cat([answers, self._mean(x, fixed[:0], told[:1, :0])], dim=1)
        result: FloatArray = answers.numpy()
        return result


def _distinct(known: FloatArray, order: NDArray[np.intp]) -> list[int]:
    """Sources in the given order, each descriptor once."""
    seen: dict[bytes, int] = {}
    for k in order:
        seen.setdefault(np.round(known[k], 6).tobytes(), int(k))
    return list(seen.values())
