"""Devices, toolchain and doctor."""

from pathlib import Path

import pytest
import tvm

from dgtl_ray.core.errors import DeviceError
from dgtl_ray.measure import cpu, describe_device, diagnose, host, toolchain
from dgtl_ray.measure.cpu import describe_cpu
from dgtl_ray.measure.gpu import describe_gpu, runs_code_for
from dgtl_ray.measure.known_gpus import KNOWN_GPUS, find_known_gpu, gpu_called


def test_the_cpu_makes_sense(target: str) -> None:
    device = describe_device(target)
    assert device.kind == "cpu"
    assert device.name
    assert 0.5 < device.clock_ghz < 10
    expected = device.cores * device.clock_ghz * device.vector_lanes * 4
    assert device.peak_gflops == pytest.approx(expected, rel=1e-2)
    assert 0.5 < device.bandwidth_gb_s < 5000
    assert device.shared_memory_bytes < device.cache_bytes
    assert describe_device(target) is device


@pytest.mark.parametrize(("mcpu", "lanes"), [("znver4", 16), ("znver3", 8), ("core2", 4)])
def test_vectors_are_as_long_as_the_targets(mcpu: str, lanes: int) -> None:
    """Not as this machine's: a cluster's driver describes the processors of its nodes."""
    device = describe_cpu(tvm.target.Target({"kind": "llvm", "mcpu": mcpu, "num-cores": 2}))
    assert device.vector_lanes == lanes


@pytest.mark.parametrize(
    ("info", "processor"),
    [
        ({"model name": "AMD EPYC", "cpu family": "26", "model": "2"}, "26-2"),
        ({"CPU implementer": "0x41", "CPU part": "0xd0c"}, "0x41-0xd0c"),
        ({}, ""),
    ],
)
def test_generations_of_one_name_are_told_apart(
    info: dict[str, str], processor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "cpu_info", lambda: info)
    assert host.host_processor() == processor


@pytest.mark.parametrize(("cores", "last_level_mb"), [(96, 384), (8, 32), (9, 64)])
def test_the_last_level_is_all_caches_that_the_process_can_use(
    cores: int, last_level_mb: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 96 cores each eight share one."""
    for core in range(96):
        first = core // 8 * 8
        for level, size, sharers in ((1, "48K", core), (3, "32768K", f"{first}-{first + 7}")):
            folder = tmp_path / f"cpu{core}" / "cache" / f"index{level}"
            folder.mkdir(parents=True)
            told = {"level": level, "type": "Data", "size": size, "shared_cpu_list": sharers}
            for name, text in told.items():
                (folder / name).write_text(f"{text}\n")
    monkeypatch.setattr(cpu, "_CPUS", tmp_path)
    monkeypatch.setattr(cpu, "allowed_cores", lambda: set(range(cores)))
    assert cpu.cache_sizes_bytes.__wrapped__() == (48 << 10, last_level_mb << 20)


def test_another_kind_of_target_is_refused() -> None:
    with pytest.raises(DeviceError, match=r"opencl.*llvm"):
        describe_device('{"kind": "opencl"}')


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA H100 PCIe", "H100 PCIe"),
        ("NVIDIA H200", "H200"),
        ("NVIDIA A100-SXM4-80GB", "A100-SXM4-80GB"),
        ("NVIDIA A100-SXM4-40GB", "A100"),
        ("Tesla V100-SXM2-16GB", "V100"),
        ("Tesla T4", "T4"),
        ("NVIDIA L4", "L4"),
        ("NVIDIA GeForce RTX 2080 Ti", "RTX 2080 Ti"),
        ("NVIDIA GeForce RTX 3090", "RTX 3090"),
        ("NVIDIA L40S", None),
        ("NVIDIA RTX A4000", "A4000"),
        ("convolution_MI250X", "MI250X"),
        ("NVIDIA GeForce RTX 3090 of tomorrow", "RTX 3090"),
        ("", None),
    ],
)
def test_known_gpus(name: str, known: str | None) -> None:
    assert find_known_gpu(name) == (KNOWN_GPUS[known] if known else None)


def test_a_known_gpu_that_is_not_here() -> None:
    device = gpu_called("AMD Radeon PRO W6600")
    assert (device.vendor, device.cores, device.vector_lanes) == ("amd", 28, 32)
    assert device.kind == "rocm"


def test_nothing_is_claimed_of_an_unknown_gpu() -> None:
    device = gpu_called("Thing 3000")
    assert (device.name, device.vendor, device.kind) == ("Thing 3000", "unknown", "unknown")
    assert min(device.cores, device.peak_gflops, device.cache_bytes, device.vector_lanes) > 0


@pytest.mark.parametrize(
    ("arch", "capability", "runs"),
    [
        ("sm_90", "9.0", True),
        ("sm_90a", "9.0", True),
        ("sm_80", "8.6", True),
        ("sm_86", "8.0", False),
        ("sm_80", "9.0", False),
        ("sm_120", "12.0", True),
        ("compute_90", "9.0", False),
    ],
)
def test_machine_code_runs_on_its_own_generation(arch: str, capability: str, runs: bool) -> None:
    assert runs_code_for(arch, capability) is runs


class MadeUpGpu:
    """What TVM tells of a GPU."""

    exist = True
    device_name = "NVIDIA A40"
    compute_version = "8.6"
    multi_processor_count = 84
    max_clock_rate = 1_740_000
    max_shared_memory_per_block = 49152
    l2_cache_size_bytes = 6 << 20
    warp_size = 32


def test_a_gpu_that_cannot_run_the_targets_code_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import tvm

    monkeypatch.setattr(tvm, "cuda", lambda _index: MadeUpGpu())
    assert describe_gpu("sm_86").key == "cuda/NVIDIA A40/84"
    with pytest.raises(DeviceError, match=r"sm_90.*NVIDIA A40.*8\.6: choose the target cuda"):
        describe_gpu("sm_90")


def test_toolchain() -> None:
    versions = toolchain()
    assert {"dgtl_ray", "tvm", "llvm", "python", "platform"} <= set(versions)
    assert all(versions.values())
    assert int(versions["llvm"]) > 10


def test_diagnosis_names_what_is_there() -> None:
    found = {finding.what: finding for finding in diagnose()}
    assert found["TVM"].ok
    assert found["linker"].ok
    assert "×" in found["CPU cores"].found
    assert all(finding.needed_for for finding in found.values())


def test_diagnosis_of_a_bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: None)
    linker = next(finding for finding in diagnose() if finding.what == "linker")
    assert not linker.ok
    assert linker.found == "not found"
    assert "install" in linker.advice


def test_diagnosis_of_a_broken_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_name: str) -> str:
        raise OSError("the disk is on fire")

    monkeypatch.setattr("shutil.which", broken)
    linker = next(finding for finding in diagnose() if finding.what == "linker")
    assert "the disk is on fire" in linker.found
    assert not linker.ok


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("always [madvise] never\n", "to those who ask, as this program does"),
        ("[always] madvise never\n", "to all"),
        ("always madvise [never]\n", "not found"),
        (None, "not found"),
    ],
)
def test_diagnosis_of_huge_pages(
    told: str | None, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "enabled"
    if told is not None:
        file.write_text(told)
    monkeypatch.setattr("dgtl_ray.measure.doctor.HUGE_PAGES", file)
    pages = next(finding for finding in diagnose() if finding.what == "huge pages")
    assert (pages.found, pages.ok) == (found, found != "not found")
    assert pages.ok or "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled" in pages.advice
