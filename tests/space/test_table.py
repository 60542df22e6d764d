"""Finite tables as design spaces."""

from itertools import product

import numpy as np
import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.roles import IntArray
from dgtl_ray.space import TableKnob, TableSpace
from dgtl_ray.space.encoded_table import EncodedTableSpace
from dgtl_ray.space.table_knob import signed_log2, zero_bits
from tests.space.conftest import DEVICES

KNOBS = (
    TableKnob.of("block", [16, 32, 48, 64, 96]),
    TableKnob.of("tile", [1, 2, 3]),
    TableKnob.of("flag", [0, 1]),
    TableKnob.of("layout", ["row", "column"]),
    TableKnob.of("fixed", [15]),
)


def every_row() -> IntArray:
    levels = [range(len(knob.levels)) for knob in KNOBS]
    return np.array(list(product(*levels)), dtype=np.int32)


@pytest.fixture
def space() -> TableSpace:
    """All but the corner where block and tile are large."""
    rows = every_row()
    return TableSpace(KNOBS, rows[rows[:, 0] + rows[:, 1] < 6])


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_samples_are_distinct_rows(space: TableSpace, rng: np.random.Generator) -> None:
    pool = space.sample(20, rng)
    assert pool.shape == (20, space.width)
    assert len(np.unique(pool, axis=0)) == 20
    assert space.feasible(pool).all()
    assert len(space.sample(10_000, rng)) == space.size == 56


def test_what_is_not_in_the_table_is_not_feasible(space: TableSpace) -> None:
    outside = np.array([[0, 4, 2, 0, 0, 0], [0, 9, 0, 0, 0, 0], [0, -1, 0, 0, 0, 0]])
    assert not space.feasible(outside.astype(np.int32)).any()
    np.testing.assert_array_equal(space.index_of(space.rows), np.arange(space.size))


def test_neighbours_differ_in_one_knob(space: TableSpace, rng: np.random.Generator) -> None:
    pool = np.repeat(space.rows, 20, axis=0)
    moved = space.mutate(pool, rng)
    assert space.feasible(moved).all()
    assert ((moved != pool).sum(axis=1) == 1).all()
    step = np.abs(moved - pool).max(axis=1)[(moved != pool)[:, 1]]
    assert (step == 1).mean() > 0.5, "adjacent levels are preferred"
    assert (step > 1).any(), "and others are reached"


def test_a_sparse_table_has_near_neighbours(rng: np.random.Generator) -> None:
    """No two rows of a diagonal differ in one knob alone."""
    knobs = [TableKnob.of(name, range(50)) for name in "ab"]
    space = TableSpace(knobs, np.arange(50, dtype=np.int32)[:, None].repeat(2, axis=1))
    moved = space.mutate(space.rows, rng)
    assert space.feasible(moved).all()
    assert (moved != space.rows).any(axis=1).all()
    assert np.abs(moved - space.rows).max(axis=1).mean() < 5


class Unlucky(TableSpace):
    """Finds no random row."""

    def _draw(self, n: int, rng: np.random.Generator) -> IntArray:
        return self.rows[:0]


def test_where_nothing_is_drawn_a_row_stays(rng: np.random.Generator) -> None:
    knobs = [TableKnob.of(name, range(5)) for name in "ab"]
    space = Unlucky(knobs, np.arange(5, dtype=np.int32)[:, None].repeat(2, axis=1))
    np.testing.assert_array_equal(space.mutate(space.rows, rng), space.rows)


def test_a_single_row_is_its_own_neighbour(rng: np.random.Generator) -> None:
    space = TableSpace(KNOBS[4:], np.zeros((1, 1), dtype=np.int32))
    np.testing.assert_array_equal(space.mutate(space.rows, rng), space.rows)


def test_children_take_each_knob_from_a_parent(space: TableSpace, rng: np.random.Generator) -> None:
    a, b = space.sample(50, rng), space.sample(50, rng)
    children = space.crossover(a, b, rng)
    assert space.feasible(children).all()
    assert ((children == a) | (children == b)).all()


def test_configurations_survive_json(space: TableSpace) -> None:
    for row in space.rows[::7]:
        np.testing.assert_array_equal(space.row_of(space.config_of(row)), row)


@pytest.mark.parametrize(
    "config",
    [
        "no json",
        "[1]",
        '{"block": 16}',
        '{"block": 17, "tile": 1, "flag": 0, "layout": "row", "fixed": 15}',
        '{"block": 96, "tile": 3, "flag": 0, "layout": "row", "fixed": 15}',
    ],
)
def test_foreign_configurations_are_refused(space: TableSpace, config: str) -> None:
    with pytest.raises(InputError, match=r"is none of this space|not allowed in this space"):
        space.row_of(config)


def test_encoding_tells_alignment_and_levels(space: TableSpace) -> None:
    row = space.row_of('{"block": 48, "tile": 3, "flag": 1, "layout": "column", "fixed": 15}')
    features = space.encode(row[None], DEVICES["cuda"])[0]
    told = dict(zip(space.columns, features.tolist(), strict=True))
    assert told["block log2"] == pytest.approx(np.log2(48))
    assert told["block scaled"] == 0.5
    assert told["block zero bits"] == 4
    assert told["block power of two"] == 0
    assert (told["tile is 2"], told["tile is 3"]) == (0, 1)
    assert (told["layout is row"], told["layout is column"]) == (0, 1)
    assert told["flag scaled"] == 1
    assert told["log2 cores"] == pytest.approx(np.log2(132))
    assert told["vendor nvidia"] == 1


def test_devices_share_columns_but_not_features(space: TableSpace) -> None:
    here, there = (space.encode(space.rows, DEVICES[kind]) for kind in ("cpu", "cuda"))
    assert here.shape == there.shape == (space.size, len(space.columns))
    assert np.isfinite(here).all()
    differing = {space.columns[k] for k in np.flatnonzero((here != there).any(axis=0))}
    assert "log2 bandwidth" in differing
    assert not any(name.startswith(("block", "tile", "layout")) for name in differing)


def test_a_related_space_is_told_in_the_same_columns(space: TableSpace) -> None:
    """Knobs are matched by name, in any order, with levels of their own."""
    other = TableSpace(
        [TableKnob.of("tile", [2, 8]), TableKnob.of("block", [32]), TableKnob.of("depth", [1])],
        np.array([[0, 0, 0], [1, 0, 0]], dtype=np.int32),
    )
    features = space.encode_related(other, other.rows, DEVICES["cuda"])
    told = [dict(zip(space.columns, row.tolist(), strict=True)) for row in features]
    assert [row["tile log2"] for row in told] == [1, 3]
    assert [row["tile is 2"] for row in told] == [1, 0]
    assert [row["block log2"] for row in told] == [5, 5]
    assert [row["flag scaled"] for row in told] == [0, 0], "the other space has no such knob"
    own = space.encode_related(space, space.rows, DEVICES["cpu"])
    np.testing.assert_array_equal(own, space.encode(space.rows, DEVICES["cpu"]))


def test_strange_parts_of_a_related_knob_score_nothing() -> None:
    knob = TableKnob.of("tile", [(2, 4), (4, 2), (8, 1)])
    told = knob.features([(2, 4), ("n", "k"), (2, "k"), (float("inf"), 2), (2, 4, 1), 8])
    assert told[0].tolist() == [1, 1, 2, 2, 1, 0, 0]
    assert not told[1:].any()


def test_recorded_encodings_are_given_back(space: TableSpace) -> None:
    encoding = np.arange(2 * space.size, dtype=np.float32).reshape(-1, 2)
    recorded = EncodedTableSpace(KNOBS, space.rows[:, 1:], encoding=encoding, kind="cpu")
    np.testing.assert_array_equal(
        recorded.encode(recorded.rows[::-1], DEVICES["cpu"]), encoding[::-1]
    )
    assert recorded.columns == ("column 0", "column 1")
    told = recorded.encode_related(recorded, recorded.rows[:3], DEVICES["cpu"])
    np.testing.assert_array_equal(told, encoding[:3])
    with pytest.raises(InputError, match="history in other columns"):
        recorded.encode_related(space, space.rows, DEVICES["cpu"])


def test_rows_must_fit(space: TableSpace) -> None:
    with pytest.raises(ValueError, match=r"allowed is \(n × 5\)"):
        TableSpace(KNOBS, np.zeros((1, 2), dtype=np.int32))
    with pytest.raises(ValueError, match="is in the table twice"):
        TableSpace(KNOBS, np.zeros((2, 5), dtype=np.int32))


def test_key_hangs_on_what_rows_mean(space: TableSpace) -> None:
    same = TableSpace(KNOBS, every_row())
    other = TableSpace([TableKnob.of("x", [1, 2])], np.array([[0]], dtype=np.int32))
    assert space.key == same.key != other.key


@pytest.mark.parametrize(
    ("value", "bits"), [(0, 0), (1, 0), (48, 4), (64, 6), (-8, 3), (0.5, 0), (2.5, 0)]
)
def test_zero_bits(value: float, bits: int) -> None:
    assert zero_bits(value) == bits


def test_logarithms_keep_the_order() -> None:
    values = [-8, -1, 0, 1, 2, 3, 16]
    logs = [signed_log2(value) for value in values]
    assert logs == sorted(set(logs))
