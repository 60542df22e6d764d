"""Turns of a search are divided alike, however many are asked for at a time."""

import pytest

from dgtl_ray.search.turns import of_length, split


@pytest.mark.parametrize("start", range(20))
def test_a_batch_has_its_shares(start: int) -> None:
    """Quarters exactly, any other within one."""
    batch = range(start, start + 16)
    assert [len(part) for part in split(batch, 0.25, 0.25)] == [4, 4, 8]
    assert [len(part) for part in split(batch, 0.0, 1.0)] == [0, 16, 0]
    for n in (16, 32):
        part, left = split(range(start, start + n), 0.37)
        assert abs(len(part) - 0.37 * n) < 1
        assert len(part) + len(left) == n


@pytest.mark.parametrize("shares", [(0.25,), (0.25, 0.25), (0.37, 0.5), (0.0, 1.0)])
def test_single_turns_add_up_to_a_batch(shares: tuple[float, ...]) -> None:
    batch = split(range(20, 84), *shares)
    singly = [split(range(k, k + 1), *shares) for k in range(20, 84)]
    for part, single in zip(batch, zip(*singly, strict=True), strict=True):
        assert [turn for turns in single for turn in turns] == list(part)


def test_what_is_left_is_divided_alike() -> None:
    deeper = 0
    for k in range(64):
        _, left = split(range(k, k + 1), 0.25)
        deeper += len(split(left, 0.5)[0])
    assert deeper == 24


def test_a_share_that_falls_has_its_turns() -> None:
    asked = range(16, 400)
    got = sum(len(split(range(k, k + 1), 1 - 8 / k)[1]) for k in asked)
    assert got == pytest.approx(sum(8 / k for k in asked), abs=4)


def test_nothing_is_divided_into_nothing() -> None:
    assert not any(split(range(7, 7), 0.25, 0.25))


def test_turns_of_others_are_added() -> None:
    assert of_length(range(3, 5), 4) == range(3, 7)
