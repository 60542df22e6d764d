"""A layer's models are made when it is asked, whatever it was told before."""

from collections.abc import Sequence

import numpy as np
import pytest

from dgtl_ray.core.knowledge import Knowledge
from dgtl_ray.core.measurement import Stage, Status
from dgtl_ray.core.roles import Proposer
from dgtl_ray.engine import layer
from dgtl_ray.engine.layer import Candidate, Layer, LayerSetup, Order, Outcome
from dgtl_ray.search import ProposerContext, make_proposer
from dgtl_ray.space.parameters.reading import read_parameters
from dgtl_ray.testing.fakes import FAKE_DEVICE

SPACE = read_parameters({"x": list(range(32)), "y": list(range(32))})
POOL = SPACE.sample(40, np.random.default_rng(0))
CONFIGS = [SPACE.config_of(row) for row in POOL]
COSTS_S = 1e-3 * (1.0 + POOL[:, 1].astype(np.float64))


def outcomes(first: int, last: int) -> Sequence[Outcome]:
    """What came of some of the configurations."""
    return [
        Outcome(config=CONFIGS[k], cost_s=float(COSTS_S[k]), status=Status.OK, spent_s=0.1)
        for k in range(first, last)
    ]


def told(search: str) -> Layer:
    """One that was told of all configurations, and asked for nothing."""
    setup = LayerSetup(task_key="layer", space=SPACE, search=search, seed=0, device=FAKE_DEVICE)
    found = Layer(setup, Knowledge())
    found.observe(outcomes(0, 20))
    found.reserve(CONFIGS[20:25])
    found.again([Candidate.bare(config, Stage.SEARCH) for config in CONFIGS[25:40]])
    found.observe(outcomes(20, 30))
    return found


def undeferred(search: str, context: ProposerContext) -> Proposer:
    """A proposer that was told the same at once."""
    proposer = make_proposer(search, context)
    status, spent_s = [Status.OK] * 20, np.full(20, 0.1)
    proposer.observe(POOL[:20], COSTS_S[:20], status, spent_s)
    proposer.reserve(POOL[20:25])
    proposer.reserve(POOL[25:40])
    proposer.observe(POOL[20:30], COSTS_S[20:30], status[:10], spent_s[:10])
    return proposer


@pytest.mark.parametrize("search", ["random", "evolutionary"])
def test_what_is_proposed_does_not_hang_on_when_models_are_made(
    search: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[ProposerContext] = []

    def make(name: str, context: ProposerContext) -> Proposer:
        made.append(context)
        return make_proposer(name, context)

    monkeypatch.setattr(layer, "make_proposer", make)
    asked = told(search)
    assert made == []
    proposed = asked.propose(Order(count=8))
    assert len(made) == 1
    expected = undeferred(search, made[0]).propose(8).pool
    assert [one.config for one in proposed] == [SPACE.config_of(row) for row in expected]
    asked.observe(outcomes(30, 40))
    asked.propose(Order(count=8))
    assert len(made) == 1
