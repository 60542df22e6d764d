"""What a check of a network found."""

from dataclasses import asdict, dataclass
from typing import Any

from dgtl_ray.core.closeness import Closeness


@dataclass(frozen=True, kw_only=True)
class OutputCheck:
    """One output on one input.

    Attributes:
        output: Its position.
        draw: What the input was.
        closeness: How far it is from the framework's own answer.
    """

    output: int
    draw: str
    closeness: Closeness


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """Whether an imported network gives its framework's own answers.

    Attributes:
        network: Its name.
        outputs: Each output on each input.
        notes: What else the user should know: a reference that is not finite, quantisation.
        culprit: The first operator whose answer differs, where that was looked for; "" if not.
        other_ways: Why no other way in gives right answers, in words, where they were tried.
        seconds: What the check took.
    """

    network: str
    outputs: tuple[OutputCheck, ...]
    notes: tuple[str, ...] = ()
    culprit: str = ""
    other_ways: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether all answers are right."""
        return all(check.closeness.ok for check in self.outputs)

    @property
    def worst(self) -> OutputCheck:
        """The answer that is furthest off, as a multiple of what is allowed."""
        return max(self.outputs, key=lambda check: check.closeness.excess)

    @property
    def error(self) -> float:
        """Largest error of any output, relative to that output's largest value."""
        return max((check.closeness.error for check in self.outputs), default=0.0)

    def message(self) -> str:
        """In one line what is wrong, and where."""
        worst, by = self.worst, ""
        if self.culprit:
            by = f" The first operator whose answer differs is {self.culprit}."
        others = "".join(f"; {why}" for why in self.other_ways)
        return (
            f"{self.network}: imported, it does not give its framework's answers.{by} Output "
            f"{worst.output} on {worst.draw} {worst.closeness.worst}{others}"
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "network": self.network,
            "ok": self.ok,
            "largest_relative_error": self.error,
            "culprit": self.culprit,
            "notes": list(self.notes),
            "seconds": self.seconds,
            "outputs": [asdict(check) for check in self.outputs],
        }
