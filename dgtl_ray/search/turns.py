"""Who has which turn of a search, however many trials are asked for at a time."""

from itertools import pairwise


def split(turns: range, *shares: float) -> list[range]:
    """Divide consecutive turns of a search: a part for each share, and then what is left.

    A turn is the number of a trial: those known when it is asked for. A share of each batch,
    rounded, is nothing at all where batches hold one trial. So each turn has its owner, whatever
    batch it is in: turn k's is the one in whose part of the interval from 0 to 1 the k-th number
    of van der Corput's sequence lies (0, 1/2, 1/4, 3/4, 1/8, …). The first share's part is the
    uppermost, what is left comes lowest, and has turn 0. Any 2^m turns in a row have one of these
    numbers in each 2^m-th of the interval: quarters and halves are exact, and all others nearly.
    Nor does a share stand still that falls as 1/k does, as the whole part of k times it would.

    Each part is numbered among its owner's turns, as if shares had always been these: it can be
    divided further, and small batches together are divided as a large one is.

    Args:
        turns: Those of one batch, or of one part of it.
        shares: Of the turns; together at most 1.
    """
    bounds = [1.0]
    for share in shares:
        bounds.append(bounds[-1] - share)
    parts = []
    for upper, lower in pairwise([*bounds, 0.0]):
        start, stop = (_below(upper, k) - _below(lower, k) for k in (turns.start, turns.stop))
        parts.append(range(start, stop))
    return parts


def of_length(turns: range, n: int) -> range:
    """As many as `n` turns from the first of some on: where others could not use theirs."""
    return range(turns.start, turns.start + n)


def _below(bound: float, k: int) -> int:
    """How many of the first `k` numbers of van der Corput's sequence lie below a bound.

    Its numbers at even places are half of the sequence itself, those at odd places are the same
    and 1/2.
    """
    if k < 1 or bound <= 0:
        return 0
    if k == 1 or bound >= 1:
        return k
    odd = k // 2
    if bound <= 0.5:
        return _below(2 * bound, k - odd)
    return k - odd + _below(2 * bound - 1, odd)
