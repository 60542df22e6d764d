"""A user's own parameters as a design space."""

import json
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.roles import IntArray
from dgtl_ray.space import TableSpace
from dgtl_ray.space.parameters import choice, randint, read_parameters, steps, tile
from dgtl_ray.space.parameters.product import ProductSpace
from dgtl_ray.space.parameters.restrictions import read_restriction
from tests.space.conftest import DEVICES


def configs(space: TableSpace) -> list[dict[str, Any]]:
    return [json.loads(space.config_of(row)) for row in space.rows]


def table(parameters: dict[str, Any], *restrictions: Any) -> TableSpace:
    space = read_parameters(parameters, restrictions)
    assert isinstance(space, TableSpace)
    return space


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_tiles_are_all_factorings_in_every_order() -> None:
    levels = tile(12, parts=3).levels
    expected = {x for x in product(range(1, 13), repeat=3) if np.prod(x) == 12}
    assert set(levels) == expected
    assert len(levels) == len(expected)


def test_values_are_told_in_every_spelling() -> None:
    space = table({"a": choice([1, 2]), "b": [True, False], "c": range(2), "d": 7, "e": (1, "x")})
    assert space.size == 2 * 2 * 2 * 1 * 2
    assert {config["d"] for config in configs(space)} == {7}


def test_numpy_numbers_are_numbers() -> None:
    assert choice(np.array([1, 2], dtype=np.int16)).levels == (1, 2)


def test_ranges() -> None:
    assert randint(1, 9, 4).levels == (1, 5)
    assert steps(1.0, 100.0, count=3, log=True).levels == pytest.approx((1.0, 10.0, 100.0))


def test_ray_tunes_domains_are_understood() -> None:
    from ray import tune

    space = table(
        {
            "choice": tune.choice(["a", "b"]),
            "randint": tune.randint(1, 4),
            "quniform": tune.quniform(0.0, 1.0, 0.25),
            "qrandint": tune.qrandint(8, 16, 4),
            "grid": tune.grid_search([1, 2]),
        }
    )
    levels = {knob.name: knob.levels for knob in space.knobs}
    assert levels == {
        "choice": ("a", "b"),
        "randint": (1, 2, 3),
        "quniform": (0.0, 0.25, 0.5, 0.75, 1.0),
        "qrandint": (8, 12, 16),
        "grid": (1, 2),
    }
    rates = read_parameters({"lr": tune.loguniform(1e-4, 1e-1)}).knobs[0].levels
    assert len(rates) == 64
    assert (rates[0], rates[-1]) == pytest.approx((1e-4, 1e-1))
    with pytest.raises(InputError, match="computes values"):
        read_parameters({"f": tune.sample_from(lambda _: 1)})
    with pytest.raises(InputError, match="no bounds"):
        read_parameters({"n": tune.randn(0, 1)})


def test_ray_tunes_whole_numbers_end_before_their_upper_bound() -> None:
    from ray import tune

    for domain, least, most in (
        (tune.randint(0, 10_000), 0, 9_999),
        (tune.lograndint(1, 10_000), 1, 9_999),
        (tune.qrandint(1, 4, 1), 1, 3),
    ):
        levels = read_parameters({"n": domain}).knobs[0].levels
        assert (levels[0], levels[-1]) == (least, most)


def test_ray_tunes_wide_ranges_keep_their_scale() -> None:
    from ray import tune

    def levels(domain: Any) -> Any:
        return np.array(read_parameters({"n": domain}).knobs[0].levels)

    whole = levels(tune.lograndint(1, 4096))
    assert (whole[0], whole[-1]) == (1, 4095)
    assert np.median(whole) < 200
    rates = levels(tune.qloguniform(1e-4, 1e-1, 5e-5))
    assert len(rates) <= 64
    assert np.median(rates) < 0.02
    np.testing.assert_allclose(rates / 5e-5, np.round(rates / 5e-5))
    fine = levels(tune.quniform(0, 1, 1e-6))
    assert (len(fine), fine[0], fine[-1]) == (64, 0, 1)
    np.testing.assert_allclose(fine / 1e-6, np.round(fine / 1e-6))


@contextmanager
def at_most(megabytes: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < megabytes * 1e6
    finally:
        tracemalloc.stop()


def test_values_are_counted_before_they_are_written_out() -> None:
    with at_most(20):
        for count in (2**31, 2**70):
            with pytest.raises(InputError, match="are searched"):
                randint(0, count)
            with pytest.raises(InputError, match="'a': a parameter has"):
                read_parameters({"a": range(count)})
        with pytest.raises(InputError, match="are searched"):
            steps(0, 1, count=2**31)


def test_no_more_values_are_made_than_can_be_searched() -> None:
    with pytest.raises(InputError, match="are searched"):
        choice(str(k) for k in range(10**12))
    with pytest.raises(InputError, match="are searched"):
        tile(2**9, parts=12)


def test_equal_values_of_other_kinds_are_values_of_their_own() -> None:
    assert str(choice([1, 0.5, 1.0, True, 1]).levels) == "(1, 0.5, 1.0, True)"
    space = table({"a": [1, 0.5, 1.0, True]})
    assert sorted(map(str, space.knobs[0].levels)) == ["0.5", "1", "1.0", "True"]
    for row in space.rows:
        np.testing.assert_array_equal(space.row_of(space.config_of(row)), row)
    assert table({"a": [0.5, 2.0]}).holds("", '{"a": 2}')


def test_min_and_max_of_one_parameter_are_those_of_its_parts() -> None:
    found = configs(table({"t": tile(12)}, "min(t) != 1 and max(t) < 6"))
    assert found == [{"t": [3, 4]}, {"t": [4, 3]}]
    for text in ("min(x) > 1", "max(3) > 1"):
        with pytest.raises(InputError, match="cannot be judged: min and max of one value"):
            read_parameters({"x": [1, 2]}, [text])


def test_names_that_are_no_identifiers_are_told_as_they_are() -> None:
    values: dict[str, Any] = {"opt/lr": [0.01, 1.0], "opt": [4], "lr": [2], "t-size": tile(4)}
    found = configs(table(values, "opt/lr < 0.1 and opt / lr == 2 and t-size[0] == 4"))
    assert found == [{"opt/lr": 0.01, "opt": 4, "lr": 2, "t-size": [4, 1]}]
    texts = table({"a-b": ["a-b", "c"], "a": [5], "b": [5]}, "a-b == 'a-b' and a - b == 0")
    assert [config["a-b"] for config in configs(texts)] == ["a-b"]
    with pytest.raises(InputError, match=r"opt/lr\(1\)"):
        read_restriction("opt/lr(1) > 2", ["opt/lr"])
    with pytest.raises(InputError, match="'block' is no parameter"):
        read_restriction("block + 1 > 2", ["block-size"])


def test_a_parameter_of_very_many_texts_is_told_by_some_of_them() -> None:
    names = [f"pass {k}" for k in range(20_000)]
    space = table({"p": names})
    assert len(space.columns) < 200
    with at_most(50):
        told = space.encode(space.rows[[0, 1, 63, 64, 19_999]], DEVICES["cpu"])
    features = dict(zip(space.columns, told.T.tolist(), strict=True))
    assert features["p is pass 1"] == [0, 1, 0, 0, 0]
    assert features["p is another"] == [0, 0, 0, 1, 1]


def test_numbers_among_very_many_texts_are_told_as_numbers() -> None:
    space = table({"p": [*range(100), *"ab"]})
    features = dict(zip(space.columns, space.encode(space.rows, DEVICES["cpu"]).T, strict=True))
    np.testing.assert_array_equal(features["p is a number"], [1] * 100 + [0] * 2)
    np.testing.assert_allclose(features["p scaled"][:100], np.arange(100) / 99, rtol=1e-6)
    assert features["p is b"].tolist() == [0] * 101 + [1]
    assert not features["p is another"].any()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x * y <= 8", lambda x, y, _t, _n: x * y <= 8),
        ("2 <= x < y", lambda x, y, _t, _n: 2 <= x < y),
        ("x in [1, 4] and y not in (1,)", lambda x, y, _t, _n: x in [1, 4] and y != 1),
        ("not (x % 2 == 0 or y == 3)", lambda x, y, _t, _n: not (x % 2 == 0 or y == 3)),
        ("x % 2", lambda x, _y, _t, _n: x % 2),
        ("t[0] * x == 4", lambda x, _y, t, _n: t[0] * x == 4),
        (
            "n == 'row' or max(x, y) - min(x, y) < 2",
            lambda x, y, _t, n: n == "row" or abs(x - y) < 2,
        ),
        ("x // y >= 2 and x / y != 3", lambda x, y, _t, _n: x // y >= 2 and x / y != 3),
        ("x ** 2 + -y > abs(-3)", lambda x, y, _t, _n: x**2 - y > 3),
        ("10 ** 20 > x > 2 ** -1", lambda x, _y, _t, _n: 10**20 > x > 2**-1),
    ],
)
def test_restrictions_mean_what_python_means(text: str, expected: Any) -> None:
    values: dict[str, Any] = {
        "x": [1, 2, 3, 4],
        "y": [1, 2, 3],
        "t": tile(4),
        "n": ["row", "column"],
    }
    found = [tuple(config.values()) for config in configs(table(values, text))]
    options = product(values["x"], values["y"], tile(4).levels, values["n"])
    assert sorted(found, key=str) == sorted(
        ((*xy, json.loads(json.dumps(t)), n) for *xy, t, n in options if expected(*xy, t, n)),
        key=str,
    )


def test_a_function_restricts_as_in_kernel_tuner() -> None:
    space = table({"x": [1, 2, 3], "y": [1, 2, 3]}, lambda p: p["x"] + p["y"] == 4)
    assert [(c["x"], c["y"]) for c in configs(space)] == [(1, 3), (2, 2), (3, 1)]


def holds_in_python(condition: Any, *values: Any) -> bool:
    try:
        return bool(condition(*values))
    except ZeroDivisionError:
        return False


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x / y >= 4", lambda x, y: x / y >= 4),
        ("x // y != 1", lambda x, y: x // y != 1),
        ("not x % y == 1", lambda x, y: x % y != 1),
        ("y == 0 or x / y >= 2", lambda x, y: y == 0 or x / y >= 2),
        ("x / y >= 2 or y == 0", lambda x, y: x / y >= 2 or y == 0),
        ("y != 0 and not x / y >= 2", lambda x, y: y != 0 and not x / y >= 2),
        ("1 <= y < 5 / y", lambda x, y: 1 <= y < 5 / y),
        ("x ** -y < 1", lambda x, y: x**-y < 1),
        ("x not in [1 / y, 2]", lambda x, y: x not in [1 / y, 2]),
    ],
)
def test_where_python_would_divide_by_zero_nothing_is_allowed(text: str, expected: Any) -> None:
    found = {(c["x"], c["y"]) for c in configs(table({"x": range(5), "y": range(3)}, text))}
    everything = product(range(5), range(3))
    assert found == {xy for xy in everything if holds_in_python(expected, *xy)}


def test_parts_of_a_parameter_may_be_texts() -> None:
    orders = [("n", "k"), ("k", "n"), ("k", 2)]
    found = configs(table({"order": orders}, "order[0] == 'k'", "order[1] != 2"))
    assert found == [{"order": ["k", "n"]}]


def test_a_parameter_may_be_called_like_a_function() -> None:
    found = configs(table({"max": [1, 2, 3], "min": [1, 2]}, "max < 3 and max(max, min) == min"))
    assert [(c["max"], c["min"]) for c in found] == [(1, 1), (1, 2), (2, 2)]
    with pytest.raises(InputError, match="'abs' is no parameter"):
        read_restriction("abs < 2", ["x"])


def test_a_function_is_given_the_values_themselves() -> None:
    """Whole numbers, not the floats that text calculates with, and True itself."""
    space = table(
        {"block": [1, 2, 3, 4], "use": [True, False], "n": [1, 2]},
        lambda p: p["block"] & (p["block"] - 1) == 0,
        lambda p: p["use"] is True and len(range(p["n"])) == 2,
    )
    assert [tuple(c.values()) for c in configs(space)] == [(k, True, 2) for k in (1, 2, 4)]


def test_a_restriction_is_asked_about_what_those_before_it_allow() -> None:
    space = table({"n": range(5)}, "n > 0", lambda p: 4 % p["n"] == 0)
    assert [c["n"] for c in configs(space)] == [1, 2, 4]


def test_a_function_that_fails_is_named_with_the_configuration() -> None:
    def fits(config: dict[str, Any]) -> bool:
        return bool(config["y"] > 0)

    with pytest.raises(InputError, match=r"'fits' failed for .'x': 1.: KeyError"):
        read_parameters({"x": [1, 2]}, [fits])


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').getpid() > 0",
        "x.__class__ == 1",
        "(lambda: x)() > 1",
        "[x for x in (1, 2)]",
        "x is 1",
        "x <",
        "z > 1",
        "open('f') == 1",
        "x" * 3000,
    ],
)
def test_nothing_but_conditions_is_read(text: str) -> None:
    with pytest.raises(InputError, match=r"restriction|part of|compares"):
        read_restriction(text, ["x"])


def test_restrictions_that_allow_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="allow no configuration"):
        read_parameters({"x": [1, 2]}, ["x > 2"])
    with pytest.raises(InputError, match="cannot be judged"):
        read_parameters({"x": ["a", "b"]}, ["x * 2.5 > 2"])
    with pytest.raises(InputError, match="cannot be judged"):
        read_parameters({"x": [1, 2]}, ["abs(x, 1) > 0"])
    with pytest.raises(InputError, match="allow no configuration"):
        read_parameters({"x": [1, 2]}, ["1 > 2"])


def test_a_function_may_be_left_with_nothing_to_judge() -> None:
    with pytest.raises(InputError, match="allow no configuration"):
        read_parameters({"x": [1, 2]}, ["x > 2", lambda p: p["x"] > 0])


def test_what_is_no_parameter_is_named() -> None:
    broken: list[dict[str, Any]] = [{"a": object()}, {"a": []}, {"a": {"nested": [1]}}, {}]
    for wrong in broken:
        with pytest.raises(InputError, match="parameter"):
            read_parameters(wrong)


def large() -> ProductSpace:
    space = read_parameters(
        {f"k{k}": range(1, 33) for k in range(8)}, ["k0 == k1", "k2 * k3 == 32", "k4 > k5"]
    )
    assert isinstance(space, ProductSpace)
    return space


def test_a_large_space_is_drawn_from(rng: np.random.Generator) -> None:
    space = large()
    pool = space.sample(500, rng)
    assert len(np.unique(pool, axis=0)) == len(pool) == 500
    assert space.feasible(pool).all()
    moved = space.mutate(pool, rng)
    assert space.feasible(moved).all()
    assert (moved != pool).any(axis=1).mean() > 0.9
    assert space.feasible(space.crossover(pool[:250], pool[250:], rng)).all()
    assert np.isfinite(space.encode(pool, DEVICES["cpu"])).all()


def test_rows_outside_a_large_space_are_not_feasible() -> None:
    outside = np.array([[0, 32, 0, 0, 0, 0, 0, 0, 0], [0, 0, 1, 0, 31, 1, 0, 0, 0]], dtype=np.int32)
    assert not large().feasible(outside).any()


def test_a_restriction_that_comes_late_leaves_a_large_space_whole() -> None:
    space = read_parameters({f"k{k}": range(1, 33) for k in range(8)}, ["k6 * k7 == 32"])
    assert isinstance(space, ProductSpace)
    config = {f"k{k}": 5 + k for k in range(6)} | {"k6": 4, "k7": 8}
    assert space.holds("", json.dumps(config))
    assert not space.holds("", json.dumps(config | {"k7": 9}))


def test_a_function_restricts_a_large_space(rng: np.random.Generator) -> None:
    space = read_parameters({f"k{k}": range(32) for k in range(5)}, [lambda p: p["k0"] < p["k1"]])
    assert isinstance(space, ProductSpace)
    pool = space.sample(20, rng)
    assert len(pool) == 20
    assert space.feasible(space.crossover(pool, pool[::-1], rng)).all()
    assert space.feasible(pool[:0]).shape == (0,)


def sparse() -> ProductSpace:
    """One combination in thousands is allowed, and none differs from another in one knob."""
    space = read_parameters({name: range(1, 257) for name in "abcd"}, ["a * b == c * d"])
    assert isinstance(space, ProductSpace)
    return space


@pytest.mark.parametrize("seed", range(5))
def test_a_sparse_large_space_is_drawn_from(seed: int) -> None:
    space, rng = sparse(), np.random.default_rng(seed)
    pool = space.sample(20, rng)
    assert len(np.unique(pool, axis=0)) == 20
    for row in pool[:10]:
        moved = space.mutate(row[None], rng)
        assert space.feasible(moved).all()
        assert (moved != row).any()


def test_more_is_drawn_of_a_sparse_large_space_than_is_found_at_once(
    rng: np.random.Generator,
) -> None:
    """Six powers of two with one product: one in a thousand is allowed."""
    powers = [2**k for k in range(16)]
    product_of_all = " * ".join(f"t{k}" for k in range(6))
    space = read_parameters({f"t{k}": powers for k in range(6)}, [f"{product_of_all} == 2 ** 15"])
    assert isinstance(space, ProductSpace)
    pool = space.sample(500, rng)
    assert len(np.unique(pool, axis=0)) == len(pool) == 500
    assert space.feasible(pool).all()


def test_what_was_drawn_directly_is_kept(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although more is wanted, and putting it together finds none."""
    space = read_parameters({f"k{k}": range(100) for k in range(4)}, ["k2 == k3"])
    none = np.zeros((0, 4), dtype=np.int32)
    monkeypatch.setattr("dgtl_ray.space.parameters.product.combine", lambda *_, **__: none)
    pool = space.sample(1000, rng)
    assert 10 < len(pool) < 1000
    assert space.feasible(pool).all()


def test_a_restricted_large_space_is_drawn_from_everywhere(rng: np.random.Generator) -> None:
    values = {"a": range(64), "b": range(64), "c": range(64), "d": range(4096)}
    space = read_parameters(values, ["a + b < 32"])
    assert isinstance(space, ProductSpace)
    pool = space.sample(2000, rng)
    assert len(pool) == 2000
    assert_spread(pool[:, 1:4])


def assert_spread(rows: IntArray) -> None:
    counts = np.unique(rows, axis=0, return_counts=True)[1]
    assert len(counts) > 1000
    assert counts.max() < 20


def test_what_is_put_together_begins_everywhere(rng: np.random.Generator) -> None:
    """Where so little is allowed that uniform draws give next to nothing."""
    values = {"a": range(64), "b": range(64), "c": range(64), "d": range(4096)}
    space = read_parameters(values, ["a == b"])
    assert_spread(space.sample(2000, rng)[:, 1:4])


@pytest.mark.parametrize("order", [("x", "kind"), ("kind", "x")])
def test_a_restriction_waits_for_the_one_that_guards_it(order: tuple[str, ...]) -> None:
    values = {"x": ["a", 2, 3], "kind": ["text", "number"]}
    guarded = ("kind == 'number' and x != 'a'", "x * 2.5 > 6")
    found = configs(table({name: values[name] for name in order}, *guarded))
    assert found == [{"x": 3, "kind": "number"}]


def test_what_is_asked_of_every_row_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    space = large()
    config = space.config_of(space.sample(1, np.random.default_rng(0))[0])
    assert len(space.key) == 16
    monkeypatch.setattr("dgtl_ray.space.table_knob.as_column", None)
    monkeypatch.setattr("dgtl_ray.space.knob_space.hashlib", None)
    assert space.holds(space.key, config)


@given(seed=st.integers(0, 2**32 - 1))
def test_configurations_survive_their_text(seed: int) -> None:
    space = table({"t": tile(24, parts=3), "l": ["a", "b"], "u": [0.5, 2]}, "t[2] > 1")
    (row,) = space.sample(1, np.random.default_rng(seed))
    np.testing.assert_array_equal(space.row_of(space.config_of(row)), row)
    assert space.holds("", space.config_of(row))
    assert not space.holds("", '{"t": [24, 1, 1], "l": "a", "u": 0.5}')


def test_tuples_of_numbers_are_told_part_by_part() -> None:
    space = table({"t": tile(8)})
    assert space.columns[:4] == (
        "t log2 of part 0",
        "t zero bits of part 0",
        "t log2 of part 1",
        "t zero bits of part 1",
    )
    told = space.encode(space.rows, DEVICES["cpu"])[:, :4]
    np.testing.assert_array_equal(told[:, 0] + told[:, 2], 3)
