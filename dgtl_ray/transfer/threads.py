"""Sums in one order, so that results do not depend on the number of threads."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch, NumPy and SciPy compute on one thread inside, on as many as before after.

    A second thread gains nothing on matrices as small as ours, and costs twice the time where
    other programs want its core: OpenBLAS waits for it spinning.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)
