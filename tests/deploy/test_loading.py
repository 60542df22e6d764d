"""Modules that can be loaded, and those that are refused."""

import json
import platform
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tvm
from tvm.target import codegen

from dgtl_ray.core import instruction_sets
from dgtl_ray.core.errors import DeviceError, InputError
from dgtl_ray.deploy import CompiledNetwork, ModuleMetadata, load, save_module
from dgtl_ray.deploy.devices import open_device
from dgtl_ray.deploy.layout import LIBRARY, METADATA, WEIGHTS
from dgtl_ray.measure.thread_pool import ThreadPool
from dgtl_ray.model import default_cuda_json

on_x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="names x86-64 CPUs")


def _edit_metadata(directory: Path, **changes: Any) -> None:
    path = directory / METADATA
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_directory_without_a_module(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is no saved module: metadata\.json, module\.so"):
        load(tmp_path)


@pytest.mark.parametrize("name", [LIBRARY, WEIGHTS, METADATA])
def test_a_missing_file_is_named(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(InputError, match=f"{name} missing"):
        load(saved)


@pytest.mark.parametrize("name", [LIBRARY, WEIGHTS])
def test_a_torn_file_is_named(saved: Path, name: str) -> None:
    content = (saved / name).read_bytes()
    (saved / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=f"{name} is damaged"):
        load(saved)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format_version": 1}', "\x00"])
def test_metadata_that_is_none(saved: Path, text: str) -> None:
    (saved / METADATA).write_text(text)
    with pytest.raises(InputError, match="metadata"):
        load(saved)


def test_another_format_version(saved: Path) -> None:
    _edit_metadata(saved, format_version=99)
    with pytest.raises(InputError, match="format version 99, this program reads 1"):
        load(saved)


def test_a_module_for_a_gpu_without_one(
    compiled: CompiledNetwork, describe: Callable[..., ModuleMetadata], tmp_path: Path
) -> None:
    save_module(compiled, tmp_path / "gpu", describe(target=default_cuda_json("sm_999")))
    with pytest.raises(DeviceError, match=r"built for cuda \(sm_999\) and this"):
        load(tmp_path / "gpu")


def test_a_module_for_another_generation_of_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    class MadeUpGpu:
        exist = True
        compute_version = "9.0"

    monkeypatch.setattr(tvm, "cuda", MadeUpGpu)
    assert isinstance(open_device(default_cuda_json("sm_90")), MadeUpGpu)
    with pytest.raises(DeviceError, match=r"\(sm_80\) and this GPU is sm_90: tune for this GPU"):
        open_device(default_cuda_json("sm_80"))


def test_a_library_is_loaded_from_where_that_is_allowed(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.setattr("dgtl_ray.deploy.loading.loadable_folder", lambda: place)
    load_library = ThreadPool.load
    loaded: list[Path] = []

    def noting(pool: ThreadPool, path: Path) -> Any:
        loaded.append(path.parent.parent)
        return load_library(pool, path)

    monkeypatch.setattr(ThreadPool, "load", noting)
    load(saved)
    assert loaded == [place]
    assert list(place.iterdir()) == []


@on_x86
def test_a_cpu_that_lacks_instructions(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _edit_metadata(saved, target='{"kind": "llvm", "mcpu": "haswell"}')
    monkeypatch.setattr(codegen, "llvm_get_system_cpu", lambda: "nehalem")
    with pytest.raises(DeviceError, match=r"cpu haswell and this machine's is nehalem.* avx2"):
        load(saved)


@on_x86
def test_a_cpu_with_more_instructions_will_do(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _edit_metadata(saved, target='{"kind": "llvm", "mcpu": "nehalem"}')
    monkeypatch.setattr(codegen, "llvm_get_system_cpu", lambda: "haswell")
    assert load(saved).metadata.network == "SmallNet"


@on_x86
def test_a_cpu_that_is_not_let_use_what_its_name_promises(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _edit_metadata(saved, target='{"kind": "llvm", "mcpu": "skylake-avx512"}')
    monkeypatch.setattr(codegen, "llvm_get_system_cpu", lambda: "skylake-avx512")
    flags = frozenset(instruction_sets._KERNEL_NAMES.values()) - {"avx512f"}
    monkeypatch.setattr(instruction_sets, "kernel_flags", lambda: flags)
    with pytest.raises(DeviceError, match="skylake-avx512, which lacks avx512f: tune for this"):
        load(saved)


def test_a_library_for_another_processor(saved: Path) -> None:
    content = bytearray((saved / LIBRARY).read_bytes())
    struct.pack_into("<H", content, 18, 243)
    (saved / LIBRARY).write_bytes(content)
    with pytest.raises(DeviceError, match="built for riscv and this machine is"):
        load(saved)


def test_it_runs_without_torch(saved: Path) -> None:
    program = f"""
import sys
sys.modules["torch"] = None
import numpy as np
import dgtl_ray
module = dgtl_ray.load({str(saved)!r})
outputs = module(*(np.ones(spec.shape, spec.dtype) for spec in module.metadata.inputs))
print([output.shape for output in outputs])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "[(1, 10), (1, 16)]\n", done.stderr
