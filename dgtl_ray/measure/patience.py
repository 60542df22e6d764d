"""How long a build may take, by what others took."""

from collections import deque
from statistics import median

# What takes so many times as long as others do is code that is unrolled beyond measure. Of 1,800
# builds of ResNet-18 none took 8 s and gave a kernel less than six times slower than the best.
_FACTOR = 20.0
_LEAST_S = 6.0
_TELLING = 3
_REMEMBERED = 64


class Patience:
    """Grows with the builds that succeed, on a slow machine or a busy one, too.

    Args:
        most_s: Of a build, in any case; the limit while little is known.
    """

    def __init__(self, most_s: float) -> None:
        self._most_s = most_s
        self._took_s: deque[float] = deque(maxlen=_REMEMBERED)

    @property
    def limit_s(self) -> float:
        """Of the next build."""
        took_s = list(self._took_s)
        if len(took_s) < _TELLING:
            return self._most_s
        return min(self._most_s, max(_LEAST_S, _FACTOR * median(took_s)))

    def learn(self, build_s: float) -> None:
        """Take note of a build that succeeded."""
        self._took_s.append(build_s)
