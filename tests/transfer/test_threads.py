"""One thread inside, as many as before after."""

import numpy as np
import pytest
import scipy.linalg
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from dgtl_ray.transfer.threads import one_thread


def of_blas() -> list[int]:
    """Threads of NumPy's and SciPy's linear algebra."""
    assert np.__version__
    assert scipy.linalg.__name__
    return [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]


@pytest.mark.parametrize("fails", [False, True])
def test_one_thread_inside_and_as_many_as_before_after(fails: bool) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with threadpool_limits(2, user_api="blas"):
            try:
                with one_thread():
                    assert torch.get_num_threads() == 1
                    assert set(of_blas()) == {1}
                    if fails:
                        raise ArithmeticError
            except ArithmeticError:
                assert fails
            assert torch.get_num_threads() == 2
            assert set(of_blas()) == {2}
    finally:
        torch.set_num_threads(before)
