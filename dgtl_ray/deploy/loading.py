"""Loading a saved module. It needs neither torch nor TVM's front ends."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tvm
from numpy.typing import NDArray

from dgtl_ray.core.errors import DeployError, InputError
from dgtl_ray.deploy.cuda import take_machine_code
from dgtl_ray.deploy.devices import check_library, open_device, thread_count
from dgtl_ray.deploy.layout import FILES, LIBRARY, METADATA, WEIGHTS, sha256
from dgtl_ray.deploy.metadata import NOT_VERIFIED, ModuleMetadata
from dgtl_ray.deploy.running import NetworkRunner
from dgtl_ray.deploy.weights_file import read_weights
from dgtl_ray.measure.scratch import loadable_folder
from dgtl_ray.measure.thread_pool import ThreadPool
from dgtl_ray.storage import Storage, is_uri

Array = NDArray[Any]


class TunedModule:
    """A saved network on this machine's device: call it with the network's inputs.

    Any thread may call it; calls from several run one after the other. Modules run side by side,
    each on threads of its own.

    Attributes:
        metadata: What it was made from.
    """

    def __init__(self, runner: NetworkRunner, metadata: ModuleMetadata) -> None:
        self.metadata = metadata
        self._runner = runner

    def __call__(self, *inputs: Any) -> Array | tuple[Array, ...]:
        """One inference, NumPy out.

        Args:
            inputs: One for each of the network's: NumPy arrays, or anything with `__dlpack__`
                (torch tensors…), which is used in place where its memory allows.

        Returns:
            The output, or a tuple where the network has several. NumPy arrays speak DLPack too
            (`torch.from_dlpack(output)`); `run` gives tensors that stay on the device.

        Raises:
            InputError: Not one input for each, or a wrong shape or dtype.
        """
        return self._runner(*inputs)

    def run(self, *inputs: Any) -> tuple[Any, ...]:
        """One inference; all outputs as DLPack tensors on the device, nothing copied back."""
        return self._runner.run(*inputs)

    @property
    def runner(self) -> NetworkRunner:
        """The network below, for those who time it."""
        return self._runner


def load(directory: Path | str, *, threads: int | None = None) -> TunedModule:
    """Load a saved module to run it here.

    Loading runs code of the directory: load only what you trust.

    Args:
        directory: Where it is: a path, or an address that Arrow knows (`s3://…`).
        threads: How many run it on a CPU, the caller's among them; as many as it was tuned for
            where it is not given, and no more than the processors that this process may use.

    Raises:
        InputError: There is no module, it is damaged, it has another format version, or `threads`
            is less than one.
        DgtlError: No folder for temporary files is one from which libraries may be loaded.
        DeviceError: It was built for another kind of device.
        DeployError: It failed verification, or was not verified yet.
    """
    if not is_uri(directory):
        return _load(Path(directory), threads)
    with tempfile.TemporaryDirectory(prefix="dgtl-") as scratch:
        Storage(directory).download(Path(scratch))
        return _load(Path(scratch), threads)


def load_unverified(directory: Path) -> TunedModule:
    """As `load`, whatever the metadata say of the answers: for whoever compares them.

    Raises:
        InputError: There is no module, it is damaged, or it has another format version.
        DgtlError: No folder for temporary files is one from which libraries may be loaded.
        DeviceError: It was built for another kind of device.
    """
    return _open(directory, read_metadata(directory), None)


def _load(directory: Path, threads: int | None) -> TunedModule:
    metadata = read_metadata(directory)
    if metadata.fault == NOT_VERIFIED:
        raise DeployError(
            f"{directory} was not verified yet: resume the run that compiled it (--resume)"
        )
    if metadata.fault:
        raise DeployError(
            f"{directory} does not give the answers of {metadata.network}: {metadata.fault}. It "
            "failed verification, and is kept for whoever looks into that"
        )
    return _open(directory, metadata, threads)


def _open(directory: Path, metadata: ModuleMetadata, threads: int | None) -> TunedModule:
    check_library(directory / LIBRARY)
    device = open_device(metadata.target)
    if device != tvm.cpu():
        take_machine_code()
    _check_files(directory, metadata.files)
    pool = ThreadPool(thread_count(metadata.target, threads))
    runner = NetworkRunner(
        _load_library(directory / LIBRARY, pool),
        pool,
        read_weights(directory / WEIGHTS, device),
        device=device,
        input_names=metadata.input_names,
        inputs=metadata.inputs,
    )
    return TunedModule(runner, metadata)


def read_metadata(directory: Path) -> ModuleMetadata:
    """What a saved module says of itself, without loading it.

    Raises:
        InputError: There is no module, or it has another format version.
    """
    missing = [name for name in FILES if not (directory / name).is_file()]
    if missing:
        raise InputError(f"{directory} is no saved module: {', '.join(missing)} missing")
    try:
        return ModuleMetadata.from_json((directory / METADATA).read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {directory / METADATA}: {error}") from error
    except InputError as error:
        raise InputError(f"cannot load {directory}: {error}") from error


def _check_files(directory: Path, digests: Mapping[str, str]) -> None:
    for name in (LIBRARY, WEIGHTS):
        if sha256(directory / name) != digests.get(name):
            raise InputError(
                f"{directory / name} is damaged (its SHA-256 is not the one in {METADATA}): "
                "copy or save the module again"
            )


def _load_library(path: Path, pool: ThreadPool) -> Any:
    """The library, loaded from a path of its own.

    A path that was loaded before would give the old library, whatever the file holds now.
    """
    with tempfile.TemporaryDirectory(prefix="dgtl-", dir=loadable_folder()) as scratch:
        copy = Path(shutil.copy(path, scratch))
        return pool.load(copy)
