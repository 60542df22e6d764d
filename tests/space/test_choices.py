"""Tables of our own algorithms' knobs."""

import json

import numpy as np
import pytest

from dgtl_ray.space.knobs import Knob
from dgtl_ray.space.sketches.cpu_shape import CpuShape
from dgtl_ray.space.sketches.own.choices import (
    Machine,
    column_rows,
    row_rows,
    step_rows,
    tile_knob,
)

MACHINE = Machine(cpu=CpuShape(lanes=8, registers=16), cores=2)


@pytest.mark.parametrize("total", [1, 4, 49, 196, 3136])
def test_parts_cover_all_rows_and_waste_few(total: int) -> None:
    rows = row_rows(total, MACHINE.parts(total, (4, 16, 64)), total)
    assert rows
    for parts, _, panels, tile in rows:
        size = panels * tile
        assert size <= total <= parts * size
        assert (parts - 1) * size < total
        assert parts * size <= 1.15 * total
        assert tile >= min(4, size)


def test_no_part_holds_more_than_it_may() -> None:
    assert all(panels * rows <= 20 for _, _, panels, rows in row_rows(196, [1, 2, 7, 14], 20))


def test_blocks_of_channels_are_whole_vectors_in_equal_shares() -> None:
    rows = column_rows(96, 8, (1, 2, None))
    assert all(share * blocks * width == 96 for share, blocks, _, width in rows)
    assert all(width % 8 == 0 for *_, width in rows)
    # Each block a part of its own.
    assert (12, 1, 1, 8) in rows


def test_steps_written_out_divide_the_reduction() -> None:
    assert step_rows(6) == [(6, 1), (3, 2)]


@pytest.mark.parametrize(("cores", "parts"), [(1, 1), (2, 2), (24, 24), (64, 32)])
def test_no_more_parts_are_asked_for_than_there_can_be(cores: int, parts: int) -> None:
    """Twelve rows of two vectors, 64 parts, would take 27 registers."""
    machine = Machine(cpu=MACHINE.cpu, cores=cores)
    rows = tile_knob("rows", 0, [(4, 1, 1, 4), (8, 1, 1, 12)])
    columns = tile_knob("channels", 1, [(4, 1, 1, 8), (8, 1, 1, 16), (2, 1, 1, 8)])
    assert machine.register_limits(64, rows, columns).least_parts == parts


def test_without_two_parts_there_is_nothing_to_run_in_parallel() -> None:
    rows, columns = tile_knob("rows", 0, [(1, 1, 1, 4)]), tile_knob("channels", 1, [(1, 1, 1, 8)])
    assert MACHINE.register_limits(8, rows, columns).least_parts == 2


def test_lanes_divide_the_channels() -> None:
    assert [MACHINE.lanes(channels) for channels in (64, 20, 1000)] == [8, 4, 8]


def test_a_table_of_given_rows_survives_json_and_has_near_neighbours() -> None:
    knob = tile_knob("rows", 0, [(8, 1, 1, 4), (4, 1, 2, 4), (1, 1, 8, 4), (2, 1, 2, 8)])
    copy = Knob.from_dict(json.loads(json.dumps(knob.as_dict())))
    np.testing.assert_array_equal(copy.table, knob.table)
    assert knob.neighbours.shape == (4, 3)
    assert (knob.neighbours != np.arange(4)[:, None]).all()
    at = knob.table.tolist().index([8, 1, 1, 4])
    assert knob.table[knob.neighbours[at, 0]].tolist() == [4, 1, 2, 4]


def test_a_table_of_one_row_has_no_other() -> None:
    assert tile_knob("rows", 0, [(1, 1, 1, 1)]).neighbours.tolist() == [[0]]
