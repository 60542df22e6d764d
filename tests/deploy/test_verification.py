"""The error that is reported, and the modules that it rejects."""

from typing import Any

import numpy as np
import pytest

from dgtl_ray.core.errors import DeployError
from dgtl_ray.deploy import CompiledNetwork, verify
from dgtl_ray.deploy.verification import relative_error
from dgtl_ray.model import Network


@pytest.mark.parametrize(
    ("output", "reference", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([1.0, 2.5], [1.0, -2.0], 2.25),
        ([0.1, 4.0], [0.0, 4.0], 0.025),
        ([0.0], [0.0], 0.0),
        ([1.0], [0.0], np.inf),
        ([np.nan], [1.0], np.inf),
        ([1.0], [np.inf], np.inf),
        ([], [], 0.0),
    ],
)
def test_relative_error(output: list[float], reference: list[float], expected: float) -> None:
    error = relative_error(np.array(output, "float32"), np.array(reference, "float32"))
    assert error == pytest.approx(expected, rel=1e-5)


def test_a_wrong_module_does_not_pass(compiled: CompiledNetwork, network: Network) -> None:
    def wrong(*inputs: Any) -> Any:
        logits, features = compiled(*inputs)
        return logits, features * 1.01

    verification = verify(wrong, network)
    assert verification.max_relative_error == pytest.approx(0.01, rel=0.01)
    assert not verification.ok
    assert verify(wrong, network, rtol=0.1).ok


def test_other_shapes_are_an_error(compiled: CompiledNetwork, network: Network) -> None:
    with pytest.raises(DeployError, match=r"outputs have shapes \[\(1, 10\)\]"):
        verify(lambda *inputs: compiled(*inputs)[0], network)
