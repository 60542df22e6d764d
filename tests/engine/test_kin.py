"""What layers that are alike are told of each other."""

from dataclasses import replace

from dgtl_ray.core.measurement import Measurement, Status
from dgtl_ray.engine.kin import Kin
from dgtl_ray.space import DesignSpace
from dgtl_ray.testing.measurements import example_measurement


def relative(space: DesignSpace) -> DesignSpace:
    """Another program with the same knobs."""
    sketches = tuple(replace(sketch, instructions="[]") for sketch in space.sketches)
    return DesignSpace(kind=space.kind, sketches=sketches, limits=space.limits)


def rows(*costs_ms: tuple[str, float | None]) -> list[Measurement]:
    """Measurements of configurations; failed where they have no cost."""
    return [
        example_measurement(
            trial,
            config=config,
            cost_s=cost and cost / 1e3,
            status=Status.OK if cost else Status.RUN_ERROR,
        )
        for trial, (config, cost) in enumerate(costs_ms)
    ]


def family_of(spaces: list[DesignSpace]) -> list[DesignSpace]:
    """Three layers that are kin, and one that is not."""
    large = max(spaces, key=lambda space: space.size)
    other = next(space for space in spaces if space.knob_names != large.knob_names)
    return [large, relative(large), relative(large), other]


def told(kin: Kin, layer: int, measured: list[Measurement]) -> None:
    for row in measured:
        kin.learn(layer, row)


def test_layers_with_the_same_knobs_tell_each_other_of_their_fastest(
    spaces: list[DesignSpace],
) -> None:
    family = family_of(spaces)
    assert family[0].key != family[1].key
    kin = Kin(family)
    told(kin, 0, rows(("b", 2.1), ("a", 2.0), ("slow", 9.0), ("broken", None)))
    told(kin, 1, rows(("c", 1.0), ("a", 1.1)))
    told(kin, 3, rows(("d", 1.0)))
    assert kin.tips(0) == ["c", "a"]
    assert kin.tips(1) == ["a", "b"]
    assert kin.tips(2) == ["a", "c", "b"]
    assert kin.tips(3) == []
    told(kin, 0, rows(("", 1.0)))  # nothing is nearly as fast as the default schedule
    assert kin.tips(1) == []


def test_in_whatever_order_it_learns_it_knows_the_fastest(spaces: list[DesignSpace]) -> None:
    measured = rows(*((f"{k}", 1.0 + k / 100) for k in range(9)), ("8", 0.99), ("3", 2.0))
    there, back = Kin(family_of(spaces)), Kin(family_of(spaces))
    told(there, 0, measured)
    told(back, 0, measured[::-1])
    assert there.tips(1) == back.tips(1) == ["8", "0", "1", "2"]


def test_layers_without_a_choice_have_nothing_to_tell(spaces: list[DesignSpace]) -> None:
    single = DesignSpace(
        kind="cpu",
        sketches=tuple(replace(sketch, knobs=()) for sketch in spaces[0].sketches[:1]),
        limits=spaces[0].limits,
    )
    assert single.size == 1
    kin = Kin([single, single])
    told(kin, 1, rows(("a", 1.0)))
    assert kin.tips(0) == []
