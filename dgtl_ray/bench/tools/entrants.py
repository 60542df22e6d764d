"""The networks that are compared with other runtimes, by the names that users give them."""

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dgtl_ray.core.errors import DgtlError, InputError
from dgtl_ray.model.specs import SpecKind, classify
from dgtl_ray.peers import KeptNetwork, keep_network

# Networks that are not built in: exported to ONNX by torch, and tuned from there.
EXPORTED: Mapping[str, str] = {
    "resnet50": "dgtl_ray.bench.tools.resnet50:resnet50",
    "squeezenet": "dgtl_ray.bench.tools.squeezenet:squeezenet",
    "vit_tiny": "dgtl_ray.bench.tools.transformers:vit_tiny",
    "bert_small": "dgtl_ray.bench.tools.transformers:bert_small",
}


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """A network.

    Attributes:
        name: What tables call it.
        spec: What is tuned.
        torch_spec: What PyTorch loads, "" where there is only an ONNX file.
        kept: What other runtimes take.
    """

    name: str
    spec: str
    torch_spec: str
    kept: KeptNetwork


def enter_all(networks: Sequence[str], folder: Path) -> list[Entrant]:
    """Enter networks, whose names are distinct: their runs are kept under these.

    Raises:
        DgtlError: Two have one name, or see `enter`.
    """
    entrants = [enter(network, folder) for network in networks]
    for name, count in Counter(entrant.name for entrant in entrants).items():
        if count > 1:
            raise InputError(f"{count} networks are called {name}: run them one by one")
    return entrants


def enter(network: str, folder: Path) -> Entrant:
    """Export a network, unless it is kept in the folder already.

    Args:
        network: Built-in name, one of `EXPORTED`, ONNX file, or `package.module:factory`.
        folder: Keeps what other runtimes take.

    Raises:
        DgtlError: There is no such network, or it cannot be exported.
    """
    if network in EXPORTED:
        kept = keep_network(EXPORTED[network], folder)
        if kept.why_no_onnx:
            raise DgtlError(f"{network} cannot be exported: {kept.why_no_onnx}")
        file = folder / f"{network}.onnx"
        shutil.copyfile(kept.onnx, file)
        return Entrant(name=network, spec=str(file), torch_spec=EXPORTED[network], kept=kept)
    is_file = classify(network) is SpecKind.ONNX
    return Entrant(
        name=Path(network).stem if is_file else network,
        spec=network,
        torch_spec="" if is_file else network,
        kept=keep_network(network, folder),
    )
