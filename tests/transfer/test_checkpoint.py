import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.testing.spaces import GridSpace
from dgtl_ray.transfer.checkpoint import FACTS, TENSORS, content_key, load, pretrain_once, save
from dgtl_ray.transfer.pretraining import PretrainConfig, Pretrained
from dgtl_ray.transfer.source_model import SourceModel
from tests.transfer.conftest import QUICK, source

Sources = tuple[SourceTask, ...]


def test_a_saved_model_answers_the_same(
    tmp_path: Path, sources: Sources, pretrained: Pretrained
) -> None:
    save(pretrained, tmp_path / "model")
    again = load(tmp_path / "model")
    row = sources[0].encoding
    one, two = (SourceModel(m, row[0]).expectations(row) for m in (pretrained, again))
    np.testing.assert_array_equal(one, two)
    assert (again.names, again.scales) == (pretrained.names, pretrained.scales)


def test_only_safe_tensors_and_json_are_written(tmp_path: Path, pretrained: Pretrained) -> None:
    save(pretrained, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {TENSORS, FACTS}


def test_the_cache_is_named_after_the_content(sources: Sources) -> None:
    key = content_key(sources, QUICK)
    other = (sources[0], source(GridSpace(), cores=16))
    assert key == content_key(sources, QUICK)
    assert key != content_key(other, QUICK)
    assert key != content_key(sources, PretrainConfig())


def test_what_was_trained_once_is_read(tmp_path: Path, sources: Sources) -> None:
    config = PretrainConfig(steps=2, inducing=8, hidden=1)
    first = pretrain_once(sources, tmp_path, config)
    file = tmp_path / content_key(sources, config) / TENSORS
    written = file.stat().st_mtime_ns
    again = pretrain_once(sources, tmp_path, config)
    assert file.stat().st_mtime_ns == written
    row = sources[0].encoding
    one, two = (SourceModel(m, row[0]).expectations(row) for m in (first, again))
    np.testing.assert_array_equal(one, two)


def test_a_damaged_cache_is_made_anew(
    tmp_path: Path, sources: Sources, caplog: pytest.LogCaptureFixture
) -> None:
    config = PretrainConfig(steps=2, inducing=8, hidden=1)
    pretrain_once(sources, tmp_path, config)
    folder = tmp_path / content_key(sources, config)
    whole = (folder / TENSORS).read_bytes()
    (folder / TENSORS).write_bytes(whole[:100])
    pretrain_once(sources, tmp_path, config)
    assert (folder / TENSORS).read_bytes() == whole
    assert "pre-training anew" in caplog.text


def test_a_cache_that_cannot_be_written_costs_no_model(
    tmp_path: Path, sources: Sources, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    config = PretrainConfig(steps=2, inducing=8, hidden=1)
    model = pretrain_once(sources, tmp_path / "file" / "models", config)
    assert model.names == tuple(source.name for source in sources)
    assert "not kept" in caplog.text


def test_what_is_no_model_is_refused(tmp_path: Path, pretrained: Pretrained) -> None:
    with pytest.raises(InputError, match="no pre-trained model"):
        load(tmp_path)
    save(pretrained, tmp_path)
    (tmp_path / TENSORS).write_bytes(b"nothing")
    with pytest.raises(InputError, match="no pre-trained model"):
        load(tmp_path)


@pytest.mark.slow
def test_a_process_of_layers_does_without_pytorchs_compiler(
    tmp_path: Path, pretrained: Pretrained
) -> None:
    save(pretrained, tmp_path / "model")
    script = (
        "import sys; from pathlib import Path; from dgtl_ray.search import import_proposer;"
        "import_proposer('dgtl'); from dgtl_ray.transfer.checkpoint import load;"
        "load(Path(sys.argv[1])); print({'sympy', 'torch._dynamo'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "model")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "set()"


@pytest.mark.slow
def test_pre_training_does_without_pytorchs_compiler() -> None:
    script = (
        "import sys; from tests.transfer.conftest import QUICK, source;"
        "from dgtl_ray.testing.spaces import GridSpace;"
        "from dgtl_ray.transfer.pretraining import pretrain;"
        "pretrain((source(GridSpace(), cores=4),), QUICK); print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
