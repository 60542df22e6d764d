"""Pre-trained models on disk: safe tensors beside JSON, named after what they were trained on."""

import hashlib
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.knowledge import PackedModel, SourceTask
from dgtl_ray.transfer.mean_path import MeanPath
from dgtl_ray.transfer.pretraining import PretrainConfig, Pretrained, pretrain
from dgtl_ray.transfer.scaling import ColumnScale, LatencyScale

_LOG = logging.getLogger(__name__)

FORMAT = 2
TENSORS, FACTS = "model.safetensors", "model.json"


def content_key(sources: Sequence[SourceTask], config: PretrainConfig) -> str:
    """Hash of everything that pre-training depends on."""
    told = hashlib.sha256(json.dumps([FORMAT, asdict(config)]).encode())
    for source in sources:
        told.update(np.ascontiguousarray(source.encoding).tobytes())
        told.update(np.ascontiguousarray(source.cost_s).tobytes())
    return told.hexdigest()[:16]


def pack(model: Pretrained) -> PackedModel:
    """A model as text and bytes."""
    arrays = {f"columns.{name}": value for name, value in asdict(model.columns).items()}
    arrays |= {"fixed": model.fixed, "descriptors": model.descriptors}
    tensors = model.mean.tensors() | {
        name: torch.from_numpy(value) for name, value in arrays.items()
    }
    facts = {
        "format": FORMAT,
        "names": model.names,
        "scales": [asdict(scale) for scale in model.scales],
        "fallbacks": model.fallbacks,
    }
    return PackedModel(facts=json.dumps(facts, indent=1), tensors=to_bytes(tensors))


def unpack(packed: PackedModel) -> Pretrained:
    """The model that `pack` was given.

    Raises:
        InputError: It was packed by another version, or is damaged.
    """
    try:
        facts = json.loads(packed.facts)
        if facts["format"] != FORMAT:
            raise InputError(f"a model of format {facts['format']}: pre-train it anew")
        return _rebuilt(facts, from_bytes(packed.tensors))
    except (ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise InputError(f"no pre-trained model: {error}") from error


def save(model: Pretrained, folder: Path) -> None:
    """Write a model into a folder, which is made."""
    write(pack(model), folder)


def write(packed: PackedModel, folder: Path) -> None:
    """Write a packed model into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    put(packed.tensors, folder / TENSORS)
    # The facts come last: where they are, there is a model.
    put(packed.facts.encode(), folder / FACTS)


def put(content: bytes, file: Path) -> None:
    """Write a file, which has its name once it is whole."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    temporary.write_bytes(content)
    temporary.replace(file)


def load(folder: Path) -> Pretrained:
    """Read a model that `save` wrote.

    Raises:
        InputError: There is none, or it cannot be read.
    """
    return unpack(read(folder))


def read(folder: Path) -> PackedModel:
    """The packed model in a folder, whole.

    Raises:
        InputError: There is none, or it cannot be read.
    """
    try:
        facts, tensors = (folder / FACTS).read_text(), (folder / TENSORS).read_bytes()
        packed = PackedModel(facts=facts, tensors=tensors)
        unpack(packed)
    except (OSError, ValueError, InputError) as error:
        raise InputError(f"{folder}: no pre-trained model can be read there: {error}") from error
    return packed


def pretrain_once(
    sources: Sequence[SourceTask], cache: Path, config: PretrainConfig | None = None
) -> Pretrained:
    """The model of these sources: from the cache where it was made before, else made and kept.

    Where the cache cannot be written it is made all the same, and again the next time.
    """
    config = config or PretrainConfig()
    folder = cache / content_key(sources, config)
    if (kept := _kept(folder)) is not None:
        return kept
    model = pretrain(sources, config)
    try:
        save(model, folder)
    except OSError as error:
        _LOG.warning("the pre-trained model is not kept for other runs: %s", error)
    return model


def _kept(folder: Path) -> Pretrained | None:
    """The model in a folder of the cache, None where there is none that can be read."""
    try:
        return load(folder) if (folder / FACTS).exists() else None
    except (OSError, InputError) as error:
        _LOG.warning("pre-training anew: %s", error)
        return None


def _rebuilt(facts: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Pretrained:
    own = ("columns.kept", "columns.mean", "columns.std", "fixed", "descriptors")
    kept, middle, std, fixed, descriptors = (tensors[name].numpy() for name in own)
    mean = {name: value for name, value in tensors.items() if name not in own}
    return Pretrained(
        mean=MeanPath.of_tensors(mean),
        columns=ColumnScale(kept=kept, mean=middle, std=std),
        scales=tuple(LatencyScale(**scale) for scale in facts["scales"]),
        names=tuple(facts["names"]),
        fixed=fixed,
        descriptors=descriptors,
        fallbacks=tuple(facts["fallbacks"]),
    )
