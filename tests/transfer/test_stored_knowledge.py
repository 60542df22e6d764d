from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.knowledge import Knowledge, SourceTask
from dgtl_ray.transfer.checkpoint import pack, write
from dgtl_ray.transfer.pretraining import Pretrained
from dgtl_ray.transfer.stored_knowledge import (
    NAMES,
    ROWS,
    load_knowledge,
    require_model_folder,
    save_knowledge,
)

Sources = tuple[SourceTask, ...]


def test_what_was_learned_survives_the_disk(
    tmp_path: Path, sources: Sources, pretrained: Pretrained
) -> None:
    known = Knowledge(sources=sources, model=pack(pretrained))
    save_knowledge(known, tmp_path / "model")
    again = load_knowledge(tmp_path / "model")
    assert known.model is not None
    assert again.model is not None
    assert (again.model.facts, again.model.tensors) == (known.model.facts, known.model.tensors)
    for mine, theirs in zip(again.sources, sources, strict=True):
        np.testing.assert_array_equal(mine.encoding, theirs.encoding)
        np.testing.assert_array_equal(mine.cost_s, theirs.cost_s)
        assert (mine.name, mine.device) == (theirs.name, theirs.device)
    kinds = {path.suffix for path in (tmp_path / "model").iterdir()}
    assert kinds == {".json", ".safetensors"}


def test_a_damaged_model_is_refused(
    tmp_path: Path, sources: Sources, pretrained: Pretrained
) -> None:
    save_knowledge(Knowledge(sources=sources, model=pack(pretrained)), tmp_path)
    (tmp_path / ROWS).write_bytes(b"nothing")
    with pytest.raises(InputError, match="its sources cannot be read"):
        load_knowledge(tmp_path)


def test_a_model_beside_the_sources_of_another_is_refused(
    tmp_path: Path, sources: Sources, pretrained: Pretrained
) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    known = Knowledge(sources=sources, model=pack(pretrained))
    save_knowledge(known, mine)
    save_knowledge(replace(known, sources=sources[::-1]), other)
    for name in (ROWS, NAMES):
        (mine / name).write_bytes((other / name).read_bytes())
    with pytest.raises(InputError, match=r"mine: the model there was made of other sources"):
        load_knowledge(mine)


def test_a_model_that_does_not_name_its_sources_is_read(
    tmp_path: Path, sources: Sources, pretrained: Pretrained
) -> None:
    """As those are that were kept by earlier versions."""
    model = pack(pretrained)
    save_knowledge(Knowledge(sources=sources, model=model), tmp_path)
    write(model, tmp_path)
    again = load_knowledge(tmp_path).model
    assert again is not None
    assert again.facts == model.facts


def test_only_a_models_folder_is_written_over(
    tmp_path: Path, sources: Sources, pretrained: Pretrained
) -> None:
    require_model_folder(tmp_path / "new")
    require_model_folder(tmp_path)
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="other things than a model"):
        require_model_folder(tmp_path)
    with pytest.raises(InputError, match="is a file"):
        require_model_folder(tmp_path / "thesis.txt")
    save_knowledge(Knowledge(sources=sources, model=pack(pretrained)), tmp_path / "model")
    require_model_folder(tmp_path / "model")
