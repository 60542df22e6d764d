import numpy as np
import torch

from dgtl_ray.core.roles import IntArray
from dgtl_ray.transfer.points import Points, PointTable


def rows_of(*values: int) -> IntArray:
    return np.array([[value, -value] for value in values], dtype=np.int32).reshape(-1, 2)


class Worker:
    """Works out points, and remembers of what."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    def __call__(self, rows: IntArray) -> Points:
        self.asked.append(rows[:, 0].tolist())
        return Points.of_features(rows.astype(np.float64))


def seen(table: PointTable, *values: int) -> list[int]:
    points = table(rows_of(*values))
    assert points.features.dtype == torch.float64
    return [int(value) for value in points.features[:, 0]]


def test_each_configuration_is_worked_out_once() -> None:
    worker = Worker()
    table = PointTable(worker, most=100)
    assert seen(table, 3, 1, 2) == [3, 1, 2]
    assert seen(table, 2, 5, 3, 5) == [2, 5, 3, 5]
    assert seen(table, 1, 2) == [1, 2]
    assert [sorted(asked) for asked in worker.asked] == [[1, 2, 3], [5]]


def test_nothing_has_no_points() -> None:
    table = PointTable(Worker(), most=100)
    assert seen(table) == []
    assert seen(table, 1) == [1]
    assert seen(table) == []


def test_a_full_table_begins_anew() -> None:
    worker = Worker()
    table = PointTable(worker, most=3)
    assert seen(table, 1, 2, 3, 4) == [1, 2, 3, 4]
    assert seen(table, 4, 1) == [4, 1]
    assert seen(table, 1, 2) == [1, 2]
    assert [sorted(asked) for asked in worker.asked] == [[1, 2, 3, 4], [1, 4], [2]]
