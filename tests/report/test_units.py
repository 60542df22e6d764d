import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgtl_ray.core.errors import InputError
from dgtl_ray.report.units import count, duration, gigaflops, microseconds, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("8m", 480.0), ("90s", 90.0), ("1h30m", 5400.0), ("45", 45.0), ("1.5m", 90.0), ("0", 0.0)],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "-5m", "8 minutes", "m", "5x", "1m1h", "nan"])
def test_a_misspelt_duration_is_refused_with_the_way_to_write_it(text: str) -> None:
    with pytest.raises(InputError, match="8m, 90s or 1h30m"):
        parse_duration(text)


@given(st.integers(0, 3599))
def test_what_is_shown_can_be_read_back(seconds: int) -> None:
    assert parse_duration(duration(seconds)) == seconds


def test_unknown_numbers_are_shown_as_such() -> None:
    assert duration(None) == "?"
    assert microseconds(None) == ""
    assert gigaflops(1e9, None) == ""


def test_large_counts_are_short() -> None:
    assert count(2.312e8) == "2.3e8"
    assert count(512) == "512"
