"""Targets that users name."""

import json
import platform

import pytest
import tvm
from tvm.target import codegen

from dgtl_ray.core import instruction_sets
from dgtl_ray.core.cores import available_cores
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.instruction_sets import _KERNEL_NAMES
from dgtl_ray.model import default_cuda_json, exact_math, parse_target


def test_cpu_is_this_machine() -> None:
    target = parse_target("cpu")
    attributes = json.loads(target.json)
    assert target.kind == "cpu"
    assert attributes["num-cores"] == available_cores()
    assert attributes["mcpu"]


def test_a_cuda_target_needs_no_gpu_when_it_is_spelt_out() -> None:
    target = parse_target(default_cuda_json("sm_80"))
    assert target.kind == "cuda"
    assert json.loads(target.json)["arch"] == "sm_80"


@pytest.mark.parametrize("text", ["cpu", default_cuda_json(), '{"kind": "llvm"}'])
def test_the_canonical_text_names_the_same_target(text: str) -> None:
    target = parse_target(text)
    assert parse_target(target.json) == target


def test_the_order_of_attributes_does_not_matter() -> None:
    attributes = json.loads(default_cuda_json())
    reordered = json.dumps(dict(reversed(attributes.items())))
    assert parse_target(reordered) == parse_target(default_cuda_json())


def test_exact_math_is_part_of_a_cpu_target() -> None:
    target = parse_target("cpu")
    exact = exact_math(target)
    assert exact != target
    assert parse_target(exact.json) == exact_math(exact) == exact


def test_exact_math_is_nothing_to_cuda() -> None:
    assert exact_math(parse_target(default_cuda_json())) == parse_target(default_cuda_json())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gpu", r"unknown target 'gpu': give cpu, cuda, or a TVM target as JSON"),
        ("{bad", r"not valid JSON"),
        ('{"kind": "metal"}', r"'metal': give one of cuda, llvm"),
        ('{"kind": []}', r"give one of cuda, llvm"),
        ('{"kind": "cuda", "arch": "sm_90"}', r"lacks max_threads_per_block"),
        ('{"kind": "llvm", "cores": 3}', r"TVM rejects the target: .*'cores'"),
        ('{"kind": "llvm", "mcpu": "pdp11"}', r"'pdp11': LLVM knows no such CPU"),
    ],
)
def test_a_bad_target_is_explained(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_target(text)


def test_cuda_without_a_gpu_says_what_to_give(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoDevice:
        exist = False

    monkeypatch.setattr(tvm, "cuda", lambda _index: NoDevice())
    with pytest.raises(InputError, match=r"no CUDA device .*give the target as JSON"):
        parse_target("cuda")


def test_cuda_takes_its_limits_from_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    class Device:
        exist = True
        compute_version = "8.6"
        max_threads_per_block = 512
        max_shared_memory_per_block = 101376
        warp_size = 32

    monkeypatch.setattr(tvm, "cuda", lambda _index: Device())
    attributes = json.loads(parse_target("cuda").json)
    assert attributes["arch"] == "sm_86"
    assert attributes["max_threads_per_block"] == 512
    assert attributes["max_shared_memory_per_block"] == 101376


@pytest.mark.skipif(platform.machine() != "x86_64", reason="names an x86-64 CPU")
def test_this_machine_has_not_what_its_kernel_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    named = {"kind": "llvm", "mcpu": "skylake-avx512"}
    promised = set(map(str, codegen.llvm_get_cpu_features(tvm.target.Target(named))))
    known = {kernel for llvm, kernel in _KERNEL_NAMES.items() if llvm in promised}
    monkeypatch.setattr(codegen, "llvm_get_system_cpu", lambda: "skylake-avx512")
    monkeypatch.setattr(instruction_sets, "kernel_flags", lambda: frozenset(known))
    assert "mattr" not in json.loads(parse_target("cpu").json)
    monkeypatch.setattr(instruction_sets, "kernel_flags", lambda: frozenset(known - {"avx512f"}))
    assert json.loads(parse_target("cpu").json)["mattr"] == ["-avx512f"]
    monkeypatch.setattr(instruction_sets, "kernel_flags", frozenset)
    assert "mattr" not in json.loads(parse_target("cpu").json)
