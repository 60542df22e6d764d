"""Numbers as people read them."""

from math import isfinite


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
