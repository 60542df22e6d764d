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


def test_layers_with_the_same_knobs_tell_each_other_of_their_fastest(
    spaces: list[DesignSpace],
) -> None:
    large = max(spaces, key=lambda space: space.size)
    other = next(space for space in spaces if space.knob_names != large.knob_names)
    measured = [
        rows(("", 1.0), ("b", 2.1), ("a", 2.0), ("slow", 9.0), ("broken", None)),
        rows(("c", 1.0), ("a", 1.1)),
        [],
        rows(("d", 1.0)),
    ]
    family = [large, relative(large), relative(large), other]
    assert family[0].key != family[1].key
    kin = Kin(family, lambda layer: measured[layer])
    assert kin.tips(0) == ["c", "a"]
    assert kin.tips(1) == []
    assert kin.tips(2) == ["c", "a"]
    assert kin.tips(3) == []
    measured[0] = rows(("b", 2.1), ("a", 2.0), ("slow", 9.0), ("broken", None))
    assert kin.tips(1) == ["a", "b"]
    assert kin.tips(2) == ["a", "c", "b"]


def test_layers_without_a_choice_have_nothing_to_tell(spaces: list[DesignSpace]) -> None:
    single = DesignSpace(
        kind="cpu",
        sketches=tuple(replace(sketch, knobs=()) for sketch in spaces[0].sketches[:1]),
        limits=spaces[0].limits,
    )
    assert single.size == 1
    assert Kin([single, single], lambda _layer: rows(("a", 1.0))).tips(0) == []
