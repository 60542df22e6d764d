"""The modules that verification rejects."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dgtl_ray.cli import app
from dgtl_ray.core.errors import DeployError, InputError
from dgtl_ray.deploy import CompiledNetwork, ModuleMetadata, load, note_fault, verify
from dgtl_ray.model import Network


def test_a_wrong_module_does_not_pass(compiled: CompiledNetwork, network: Network) -> None:
    def wrong(*inputs: Any) -> Any:
        logits, features = compiled(*inputs)
        return logits, features * 1.01

    verification = verify(wrong, network)
    assert verification.max_relative_error == pytest.approx(0.01, rel=0.01)
    assert not verification.ok
    assert verification.fault().startswith("output 1 on ")
    right = verify(compiled, network)
    assert right.ok
    assert right.fault() == ""
    assert right.max_relative_error < 1e-5


def test_other_shapes_do_not_pass(compiled: CompiledNetwork, network: Network) -> None:
    verification = verify(lambda *inputs: tuple(y.ravel() for y in compiled(*inputs)), network)
    assert "has shape [10] instead of [1, 10]" in verification.fault()


def test_another_number_of_outputs_is_an_error(compiled: CompiledNetwork, network: Network) -> None:
    with pytest.raises(InputError, match="gives 1 outputs, in its framework 2"):
        verify(lambda *inputs: compiled(*inputs)[0], network)


def test_what_failed_is_no_module(saved: Path, tmp_path: Path) -> None:
    load(saved)
    note_fault(saved, "output 0 is 1 instead of 2")
    with pytest.raises(DeployError, match=r"instead of 2\. It failed verif"):
        load(saved)
    saved.rename(tmp_path / "rejected")
    result = CliRunner().invoke(app, ["run", str(tmp_path)])
    assert result.exit_code == 2
    assert "output 0 is 1 instead of 2. It failed verification" in result.output


def test_the_fault_is_in_the_metadata(describe: Callable[..., ModuleMetadata]) -> None:
    assert ModuleMetadata.from_json(describe(fault="wrong").to_json()).fault == "wrong"
