"""What devices are called, and which are of one kind."""

from dataclasses import replace

import pytest

from dgtl_ray.core.device import ANY_KIND, DeviceKind, prevalent, processor_of
from dgtl_ray.testing.fakes import FAKE_DEVICE


@pytest.mark.parametrize(
    ("name", "said", "is_meant"),
    [
        ("NVIDIA A100-SXM4-80GB", "A100", True),
        ("NVIDIA A100-SXM4-80GB", "A10", False),
        ("NVIDIA A100-SXM4-80GB", "A100-SXM4", True),
        ("NVIDIA L40", "L4", False),
        ("NVIDIA RTX A4000", "RTX A4000", True),
        ("NVIDIA RTX A4000", "RTX A4", False),
        ("AMD EPYC 9R14", "EPYC", True),
        ("Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz", "Xeon Platinum", True),
        ("AMD EPYC 9R14", "cpu/AMD EPYC 9R14/2", True),
        ("AMD EPYC 9R14", "cpu/AMD EPYC 9R14/24", False),
        ("AMD EPYC 9R14", "", True),
        ("AMD EPYC 9R14", "@", False),
    ],
)
def test_a_device_is_called_by_whole_words_of_its_name(
    name: str, said: str, is_meant: bool
) -> None:
    assert replace(FAKE_DEVICE, name=name).is_called(said) is is_meant


def test_the_prevalent_kind_does_not_depend_on_the_order() -> None:
    old, new = DeviceKind("cpu/a/2", "znver4"), DeviceKind("cpu/a/2", "znver5")
    assert prevalent([old, new, new]) == new
    assert prevalent([old, new]) == prevalent([new, old]) == old
    assert [str(old), str(ANY_KIND)] == ["cpu/a/2 (znver4)", ""]


@pytest.mark.parametrize(
    ("target", "processor"),
    [
        ('{"kind": "llvm", "mcpu": "znver5"}', "znver5"),
        ('{"kind": "cuda", "arch": "sm_90"}', "sm_90"),
        ('{"kind": "llvm"}', ""),
    ],
)
def test_a_target_names_its_processor(target: str, processor: str) -> None:
    assert processor_of(target) == processor
