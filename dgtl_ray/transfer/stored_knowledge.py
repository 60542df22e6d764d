"""What was learned, in a folder: the model, and beside it the measurements of its sources."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.knowledge import Knowledge, PackedModel, SourceTask
from dgtl_ray.transfer import checkpoint

ROWS, NAMES = "sources.safetensors", "sources.json"
# What the facts of a model call the hash of its sources.
_SOURCES = "sources"


def require_model_folder(folder: Path) -> None:
    """Refuse a folder that holds other things than a model.

    Raises:
        InputError: It does, or it is no folder.
    """
    if folder.is_file():
        raise InputError(f"{folder} is a file: choose a folder for the model")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / checkpoint.FACTS).exists():
        raise InputError(f"{folder} holds other things than a model: choose another folder")


def save_knowledge(known: Knowledge, folder: Path) -> None:
    """Write sources and their model into a folder, which is made; what was there is replaced.

    Raises:
        InputError: It cannot be written.
    """
    if known.model is None:
        raise ValueError("there is no model to save")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = json.dumps([_facts(s) for s in known.sources], indent=1)
        checkpoint.put(to_bytes(_tensors(known)), folder / ROWS)
        checkpoint.put(names.encode(), folder / NAMES)
        checkpoint.write(_bound(known.model, known.sources), folder)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror}") from error


def load_knowledge(folder: Path) -> Knowledge:
    """What `save_knowledge` wrote.

    Raises:
        InputError: There is no such folder, or it cannot be read, or its model is of other sources.
    """
    model = checkpoint.read(folder)
    try:
        facts = json.loads((folder / NAMES).read_text())
        tensors = from_bytes((folder / ROWS).read_bytes())
        sources = tuple(_source(one, tensors, k) for k, one in enumerate(facts))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise InputError(f"{folder}: its sources cannot be read: {error}") from error
    try:
        return Knowledge(sources=sources, model=_unbound(model, sources))
    except InputError as error:
        raise InputError(f"{folder}: {error}") from error


def _bound(model: PackedModel, sources: Sequence[SourceTask]) -> PackedModel:
    """The model with the hash of its sources among its facts."""
    facts = json.loads(model.facts) | {_SOURCES: _hash(sources)}
    return replace(model, facts=json.dumps(facts, indent=1))


def _unbound(model: PackedModel, sources: Sequence[SourceTask]) -> PackedModel:
    """The model that `_bound` was given; one from before hashes were kept is as it is.

    Raises:
        InputError: Its sources are others.
    """
    facts = json.loads(model.facts)
    held = facts.pop(_SOURCES, None)
    if held is None:
        return model
    if held != _hash(sources):
        raise InputError(
            "the model there was made of other sources than those beside it: make it anew with dgtl"
            " pretrain"
        )
    return replace(model, facts=json.dumps(facts, indent=1))


def _hash(sources: Sequence[SourceTask]) -> str:
    told = hashlib.sha256(json.dumps([_facts(source) for source in sources]).encode())
    for source in sources:
        told.update(np.ascontiguousarray(source.encoding).tobytes())
        told.update(np.ascontiguousarray(source.cost_s).tobytes())
    return told.hexdigest()[:16]


def _tensors(known: Knowledge) -> dict[str, NDArray[Any]]:
    encodings = {f"{k}.encoding": source.encoding for k, source in enumerate(known.sources)}
    costs = {f"{k}.cost_s": source.cost_s for k, source in enumerate(known.sources)}
    return {name: np.ascontiguousarray(rows) for name, rows in (encodings | costs).items()}


def _facts(source: SourceTask) -> dict[str, Any]:
    return {"name": source.name, "task_key": source.task_key, "device": asdict(source.device)}


def _source(facts: dict[str, Any], tensors: dict[str, NDArray[Any]], k: int) -> SourceTask:
    return SourceTask(
        name=facts["name"],
        encoding=tensors[f"{k}.encoding"],
        cost_s=tensors[f"{k}.cost_s"],
        device=DeviceDescriptor(**facts["device"]),
        task_key=facts["task_key"],
    )
