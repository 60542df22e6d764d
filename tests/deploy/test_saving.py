"""A module is saved whole or not at all."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.deploy import (
    CompiledNetwork,
    ModuleMetadata,
    compile_network,
    load,
    save_files,
    save_module,
    saving,
)
from dgtl_ray.deploy.layout import FILES, LIBRARY
from dgtl_ray.measure.cuda_code import machine_codes
from dgtl_ray.measure.cuda_headers import find_cuda_headers
from dgtl_ray.model import Network, TargetSpec, default_cuda_json, parse_target
from tests.deploy.conftest import small_network

Describe = Callable[..., ModuleMetadata]


def test_metadata_round_trip(describe: Describe) -> None:
    metadata = describe(files={"module.so": "00"})
    assert ModuleMetadata.from_json(metadata.to_json()) == metadata


def test_metadata_needs_a_name_for_each_input(describe: Describe) -> None:
    with pytest.raises(InputError, match="1 names for 2 inputs"):
        describe(input_names=("image",))


def test_saved_and_loaded_it_gives_the_same(
    saved: Path, compiled: CompiledNetwork, network: Network
) -> None:
    inputs = network.example_inputs()
    for output, expected in zip(load(saved)(*inputs), compiled(*inputs), strict=True):
        np.testing.assert_array_equal(output, expected)


def test_it_keeps_its_metadata(saved: Path, compiled: CompiledNetwork, describe: Describe) -> None:
    metadata = load(saved).metadata
    assert metadata.history == ("run-1", "run-2")
    assert metadata.outputs == compiled.outputs
    assert metadata.inputs == describe().inputs
    assert sorted(entry.name for entry in saved.iterdir()) == sorted(FILES)


def test_nothing_else_is_left_behind(saved: Path) -> None:
    assert [entry.name for entry in saved.parent.iterdir()] == [saved.name]


def test_a_module_is_replaced_and_then_loads_as_the_new_one(
    saved: Path, network: Network, target: TargetSpec, describe: Describe
) -> None:
    inputs = network.example_inputs()
    before = load(saved)(*inputs)[0]
    save_module(compile_network(small_network(target, seed=1), {}, target), saved, describe())
    assert not np.allclose(load(saved)(*inputs)[0], before)


def test_what_is_no_module_is_never_replaced(
    compiled: CompiledNetwork, describe: Describe, tmp_path: Path
) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match=r"holds thesis\.tex"):
        save_module(compiled, tmp_path, describe())
    assert (tmp_path / "thesis.tex").read_text() == "x"
    with pytest.raises(InputError, match="it is a file"):
        save_module(compiled, tmp_path / "thesis.tex", describe())


def test_a_failed_save_leaves_the_old_module(
    saved: Path,
    compiled: CompiledNetwork,
    describe: Describe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise OSError("No space left on device")

    before = json.loads((saved / "metadata.json").read_text())
    monkeypatch.setattr(saving, "write_weights", full)
    with pytest.raises(InputError, match="No space left"):
        save_module(compiled, saved, describe(history=("run-3",)))
    monkeypatch.undo()
    assert json.loads((saved / "metadata.json").read_text()) == before
    assert [entry.name for entry in saved.parent.iterdir()] == [saved.name]


def test_files_from_elsewhere_replace_a_module_and_nothing_else(
    saved: Path, tmp_path: Path
) -> None:
    files, folder = {file.name: file.read_bytes() for file in saved.iterdir()}, tmp_path / "fetched"
    save_files(files, folder / "module")
    assert load(folder / "module").metadata == load(saved).metadata
    save_files(dict.fromkeys(FILES, b"new"), folder / "module")
    assert {file.read_bytes() for file in (folder / "module").iterdir()} == {b"new"}
    with pytest.raises(InputError, match=r"it holds module; give a new"):
        save_files(files, folder)
    assert [entry.name for entry in folder.iterdir()] == ["module"]


def test_an_unusable_place_is_named(
    compiled: CompiledNetwork, describe: Describe, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot save the module to .*file/module"):
        save_module(compiled, tmp_path / "file" / "module", describe())


@pytest.mark.skipif(find_cuda_headers() is None, reason="no CUDA headers here")
def test_a_module_for_a_gpu_carries_machine_code(
    describe: Describe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_PATH", raising=False)
    monkeypatch.setenv("PATH", without_nvcc(os.environ["PATH"]))
    before = dict(os.environ)
    gpu = parse_target(default_cuda_json("sm_90"))
    compiled = compile_network(small_network(gpu), {}, gpu)
    assert dict(os.environ) == before
    save_module(compiled, tmp_path / "module", describe(target=gpu.json))
    codes = machine_codes((tmp_path / "module" / LIBRARY).read_bytes())
    assert codes
    assert all(code.startswith(b"\x7fELF") for code in codes)


def without_nvcc(path: str) -> str:
    """The folders of a search path that hold no nvcc."""
    return os.pathsep.join(p for p in path.split(os.pathsep) if not (Path(p) / "nvcc").exists())
