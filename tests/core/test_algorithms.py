"""Names of algorithms, as users give them."""

import pytest

from dgtl_ray.core.algorithms import ALGORITHMS, parse_algorithms
from dgtl_ray.core.errors import InputError


def test_names_come_in_one_order_each_once() -> None:
    assert parse_algorithms("matmul, direct,matmul") == ("direct", "matmul")
    assert parse_algorithms(",".join(ALGORITHMS)) == ALGORITHMS


@pytest.mark.parametrize(("text", "told"), [("winograd,fft", "'fft'"), ("", "none")])
def test_unknown_names_are_refused_with_those_that_are_known(text: str, told: str) -> None:
    with pytest.raises(InputError, match=f"{told} given; choose from direct, winograd, matmul"):
        parse_algorithms(text)
