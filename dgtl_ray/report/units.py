"""Numbers as people read them."""

import re
from math import isfinite

from dgtl_ray.core.errors import InputError

_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0}


def duration(seconds: float | None) -> str:
    """`8m05s`, `42s`, `1h02m`; `?` where it is not known."""
    if seconds is None or not isfinite(seconds):
        return "?"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def microseconds(seconds: float | None) -> str:
    """Latency in µs, four digits at most behind the point; empty where it is not known."""
    return "" if seconds is None else f"{seconds * 1e6:,.1f}"


def gigaflops(flop: float, seconds: float | None) -> str:
    """Speed in GFLOP/s; empty where it is not known."""
    return "" if not seconds else f"{flop / seconds / 1e9:,.1f}"


def count(number: float) -> str:
    """A large count: `1.2e9` from a million on."""
    return (
        f"{number:,.0f}" if number < 1e6 else f"{number:.1e}".replace("e+0", "e").replace("e+", "e")
    )


def gigabytes(size_bytes: float) -> str:
    """Size in GB."""
    return f"{size_bytes / 1e9:.2f} GB"


def parse_duration(text: str) -> float:
    """Seconds of `8m`, `90s`, `1h30m`, `45` (seconds).

    Raises:
        InputError: It is none of these.
    """
    match = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?", text)
    if not text or match is None:
        raise InputError(f"time budget {text!r}: write it as 8m, 90s or 1h30m")
    return sum(
        float(part) * _SECONDS[unit]
        for part, unit in zip(match.groups(), "hms", strict=True)
        if part is not None
    )
