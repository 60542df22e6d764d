"""What a run is told of its knowledge."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.knowledge import Knowledge, SourceTask
from dgtl_ray.core.measurement import Measurement
from dgtl_ray.core.progress import SilentMonitor
from dgtl_ray.core.task import LayerTask
from dgtl_ray.engine.layer import Transfer
from dgtl_ray.history import ParquetHistory
from dgtl_ray.run import knowledge
from dgtl_ray.run.knowledge import Experience, pretrain_histories, pretrained, transfer_notes
from dgtl_ray.space.encoding.encoder import column_names, earlier_widths
from dgtl_ray.testing.measurements import EXAMPLE_DEVICE, example_measurement
from dgtl_ray.transfer.relatedness import Relatedness

COLUMNS = len(column_names("cpu"))
_SOURCES = (Relatedness(name="conv", correlation=-0.3, measured=16),)


def test_notes_tell_where_history_had_no_say_and_what_was_done_without() -> None:
    transfers = (
        Transfer(sources=_SOURCES, heard=False),
        Transfer(
            sources=_SOURCES, heard=True, fallbacks=("a model is left out", "a model is left out")
        ),
        Transfer(heard=False),
    )
    doubt, fallback = transfer_notes(("first", "second", "third"), transfers)
    assert doubt.endswith("in first")
    assert fallback == "second: a model is left out"


def test_where_nothing_is_to_be_told_there_is_no_note() -> None:
    assert transfer_notes(("only",), (Transfer(sources=_SOURCES),)) == ()


class Notes(SilentMonitor):
    """What was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def note(self, text: str) -> None:
        self.told.append(text)


def task(name: str, rows: int) -> SourceTask:
    rng = np.random.default_rng(rows)
    return SourceTask(
        name=name,
        encoding=rng.normal(size=(rows, 3)).astype(np.float32),
        cost_s=rng.uniform(1e-6, 1e-3, size=rows),
        device=EXAMPLE_DEVICE,
        task_key=name,
    )


def test_a_note_names_the_sources_that_are_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    few = [task(f"few {k}", rows=7) for k in range(7)]
    notes = Notes()
    known = pretrained(Knowledge(sources=(task("enough", rows=20), *few)), notes)
    assert [source.name for source in known.sources] == ["enough"]
    assert notes.told[0].endswith("few 0, few 1, few 2, few 3, few 4, 2 more")


def test_a_model_of_few_rows_is_made_of_few_tasks(tmp_path: Path) -> None:
    """A little of everything would teach nothing."""
    history = str(Path(__file__).parents[2] / "examples" / "histories" / "h100")
    few = pretrain_histories([history], "cuda", tmp_path / "model", SilentMonitor(), rows=64)
    assert sum(len(source.cost_s) for source in few) <= 64
    assert 1 <= len(few) <= 4


def test_without_a_source_that_is_left_out_there_is_no_such_note() -> None:
    notes = Notes()
    assert not pretrained(Knowledge(), notes).sources
    assert notes.told == []


def test_a_model_from_before_there_were_algorithms_is_of_use() -> None:
    """Its sources lack the columns that came later; they are filled up with zeros."""
    columns = len(column_names("cpu"))
    earlier = earlier_widths("cpu")[0]
    old = replace(task("old", rows=9), encoding=np.ones((9, earlier), np.float32))
    experience = Experience(
        stores=(), tasks=(), target="{}", search="dgtl", model=Knowledge(sources=(old,))
    )
    (source,) = experience.learn(EXAMPLE_DEVICE, SilentMonitor()).sources
    assert source.encoding.shape == (9, columns)
    assert not source.encoding[:, earlier:].any()
    assert source.encoding[:, :earlier].all()


def test_a_model_told_in_other_columns_is_refused() -> None:
    model = Knowledge(sources=(task("strange", rows=9),))
    experience = Experience(stores=(), tasks=(), target="{}", search="dgtl", model=model)
    with pytest.raises(InputError, match="columns"):
        experience.learn(EXAMPLE_DEVICE, SilentMonitor())


def measured(key: str, count: int) -> list[Measurement]:
    """Rows of one task, each in another column and slower than the one before."""
    return [
        example_measurement(
            k,
            run_id=key,
            workload_key=key,
            cost_s=1e-3 * (k + 1),
            encoding=tuple(np.eye(COLUMNS)[k].tolist()),
        )
        for k in range(count)
    ]


def store_of(folder: Path, rows: list[Measurement]) -> ParquetHistory:
    store = ParquetHistory(str(folder))
    store.create()
    store.append(rows)
    return store


@pytest.fixture
def ships(tmp_path: Path) -> ParquetHistory:
    return store_of(tmp_path / "ships", measured("ships", 9))


def learned(
    ships: ParquetHistory, recorded: ParquetHistory, model: Knowledge, notes: Notes
) -> Knowledge:
    """What a run of a task `own` starts from, where what ships has a model."""
    own = LayerTask(
        name="own",
        operator="conv2d",
        workload_key="own",
        weight=1,
        flop=1.0,
        args=(),
        program="",
        network="net",
    )
    experience = Experience(
        stores=[ships, recorded],
        tasks=[own],
        target=example_measurement().target,
        search="dgtl",
        model=model,
        beyond=[recorded],
    )
    return experience.learn(EXAMPLE_DEVICE, notes)


@pytest.fixture
def model() -> Knowledge:
    rows = replace(task("ships", rows=9), encoding=np.ones((9, COLUMNS), np.float32))
    return Knowledge(sources=(rows,))


@pytest.mark.parametrize(("key", "count"), [("new", 0), ("own", 20), ("few", 7)])
def test_the_model_is_taken_where_the_record_has_nothing_to_learn_from(
    tmp_path: Path, ships: ParquetHistory, model: Knowledge, key: str, count: int
) -> None:
    notes = Notes()
    recorded = store_of(tmp_path / "recorded", measured(key, count))
    assert learned(ships, recorded, model, notes) is model
    assert notes.told == []


def test_what_the_record_tells_of_other_tasks_is_learned_with_all_else(
    tmp_path: Path, ships: ParquetHistory, model: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knowledge, "pretrained", lambda known, _monitor, *, hasty: known)
    recorded = store_of(tmp_path / "recorded", [*measured("other", 8), *measured("own", 8)])
    found = learned(ships, recorded, model, Notes())
    assert {source.task_key for source in found.sources} == {"ships", "other"}
