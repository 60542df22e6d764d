from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from botorch.acquisition import (
    LogExpectedImprovement,
    qLogExpectedImprovement,
    qUpperConfidenceBound,
)

from dgtl_ray.core.acquisition import ACQUISITIONS, Acquisition
from dgtl_ray.core.errors import InputError
from dgtl_ray.transfer.acquisition import choose_batch, first_batch
from dgtl_ray.transfer.evidence import Observed
from dgtl_ray.transfer.kernel import Layout, Prior
from dgtl_ray.transfer.points import Points
from dgtl_ray.transfer.target_gp import TargetGP

LAYOUT = Layout(features=2, knobs=0)
SIDE = 20


def grid(*favourite: tuple[float, float]) -> Points:
    """A square of points; each source expects a bowl about its favourite place."""
    line = torch.linspace(-1.0, 1.0, SIDE).double()
    features = torch.cartesian_prod(line, line)
    bowls = [((features - torch.tensor(place)) ** 2).sum(1) for place in favourite]
    return Points(
        features=features,
        knobs=torch.zeros(len(features), 0, dtype=torch.int32),
        sources=torch.stack(bowls, dim=1) if bowls else torch.zeros(len(features), 0).double(),
    )


def prior(points: Points) -> TargetGP:
    nothing = points[torch.arange(0)]
    theta = Prior.vague(LAYOUT).mean.clone()
    theta[LAYOUT.feature_variance] = np.log(0.02)
    return TargetGP(LAYOUT, theta, Observed(points=nothing, y=torch.zeros(0).double()))


def first(points: Points, pending: list[int], n: int) -> list[int]:
    asked = points[torch.tensor(pending, dtype=torch.int64)]
    worth = torch.ones(len(points)).double()
    return first_batch(prior(points), points, asked, worth, n, torch.Generator().manual_seed(0))


def nearest(points: Points, picked: list[int], place: tuple[float, float]) -> float:
    away = points.features[torch.tensor(picked)] - torch.tensor(place)
    return float(away.norm(dim=1).min())


def test_the_first_batch_suits_every_source() -> None:
    """Also one that the others outvote: their average is slow where it is fast."""
    places = [(-0.9, -0.9), (0.9, 0.8), (0.8, 0.9), (0.9, 0.9)]
    points = grid(*places)
    picked = first(points, [], 6)
    assert len(set(picked)) == 6
    assert all(nearest(points, picked, place) < 0.2 for place in places)


def test_the_first_batch_does_not_ask_again_for_what_is_pending() -> None:
    points = grid((-0.9, -0.9), (0.9, 0.9))
    lone = first(points, [], 1)
    second = first(points, lone, 1)
    away = (points.features[lone[0]] - points.features[second[0]]).norm()
    assert float(away) > 1.5


def test_nothing_is_worth_asking_for_that_fails() -> None:
    points = grid((-0.9, -0.9), (0.9, 0.9))
    worth = torch.where(points.features[:, 0] > 0, 1.0, 1e-6).double()
    nothing = points[torch.arange(0)]
    noise = torch.Generator().manual_seed(0)
    picked = first_batch(prior(points), points, nothing, worth, 4, noise)
    assert bool((points.features[torch.tensor(picked)][:, 0] > 0).all())


def test_pending_points_are_taken_into_account() -> None:
    """What is near a pending point has less to add."""
    points = grid()
    measured = torch.tensor([0, SIDE - 1, SIDE * (SIDE - 1), SIDE * SIDE - 1])
    y = torch.tensor([0.0, 0.1, 0.2, 0.1]).double()
    theta = Prior.vague(LAYOUT).mean
    model = TargetGP(LAYOUT, theta, Observed(points=points[measured], y=y))
    worth = torch.ones(len(points)).double()

    def ask(pending: list[int]) -> int:
        asked = points[torch.tensor(pending, dtype=torch.int64)]
        noise = torch.Generator().manual_seed(0)
        return choose_batch(model, points, asked, 0.0, worth, 1, noise)[0]

    before = ask([])
    after = ask([before])
    batch = choose_batch(
        model, points, points[measured[:0]], 0.0, worth, 2, torch.Generator().manual_seed(0)
    )
    assert batch[0] == before
    for other in (after, batch[1]):
        assert float((points.features[before] - points.features[other]).norm()) > 0.2


def bowl(points: Points, place: tuple[float, float]) -> TargetGP:
    """Sixteen measurements of a bowl about a place."""
    measured = torch.arange(0, len(points), len(points) // 16)[:16]
    y = ((points.features[measured] - torch.tensor(place)) ** 2).sum(1)
    theta = Prior.vague(LAYOUT).mean
    return TargetGP(LAYOUT, theta, Observed(points=points[measured], y=y))


def asked(
    acquisition: Acquisition, worth: torch.Tensor | None = None, n: int = 4, below: float = 0.0
) -> list[int]:
    """What is chosen where the best is so far below all that was measured."""
    points, place = grid(), (0.3, -0.4)
    model = bowl(points, place)
    worth = torch.ones(len(points)).double() if worth is None else worth
    noise = torch.Generator().manual_seed(3)
    best, pending = float(model.data.y.min()) - below, points[torch.tensor([7])]
    return choose_batch(model, points, pending, best, worth, n, noise, acquisition)


def own(model: Any, best_f: float, pending: torch.Tensor | None) -> qLogExpectedImprovement:
    return qLogExpectedImprovement(model, best_f=best_f, X_pending=pending)


def analytic(model: Any, best_f: float, pending: torch.Tensor | None) -> LogExpectedImprovement:
    return LogExpectedImprovement(model, best_f)


@pytest.mark.parametrize("acquisition", [*ACQUISITIONS, own, analytic])
def test_every_acquisition_finds_the_bowl(acquisition: Acquisition) -> None:
    """The same points each time, each once, most of them near the middle."""
    picked = asked(acquisition)
    assert picked == asked(acquisition)
    assert len(set(picked)) == 4
    assert nearest(grid(), picked, (0.3, -0.4)) < 0.3


@pytest.mark.parametrize("acquisition", [name for name in ACQUISITIONS if name != "mes"])
def test_what_is_likely_to_fail_is_not_asked_for(acquisition: Acquisition) -> None:
    points = grid()
    worth = torch.where(points.features[:, 0] > 0.35, 1.0, 1e-6).double()
    picked = torch.tensor(asked(acquisition, worth))
    assert bool((points.features[picked][:, 0] > 0.35).all())


@pytest.mark.parametrize("acquisition", ["ucb", "thompson", "qlogei"])
def test_a_loss_is_no_smaller_where_little_is_likely_to_run(acquisition: Acquisition) -> None:
    points = grid()
    worth = torch.where(points.features[:, 0] > 0.35, 1.0, 1e-6).double()
    picked = torch.tensor(asked(acquisition, worth, below=10.0))
    assert bool((points.features[picked][:, 0] > 0.35).all())


def test_an_own_function_is_told_the_best_and_what_is_pending() -> None:
    told: list[tuple[float, torch.Tensor | None]] = []

    def spying(model: Any, best_f: float, pending: torch.Tensor | None) -> qUpperConfidenceBound:
        told.append((best_f, pending))
        return qUpperConfidenceBound(model, beta=4.0, X_pending=pending)

    asked(spying)
    ((best_f, pending),) = told
    assert best_f == -float(bowl(grid(), (0.3, -0.4)).data.y.min())
    assert pending is not None
    torch.testing.assert_close(pending, grid()[torch.tensor([7])].flat())


def test_an_own_function_that_makes_none_is_refused() -> None:
    with pytest.raises(InputError, match="returned int"):
        asked(lambda model, best_f, pending: 3)


def test_points_that_look_alike_are_each_taken_once() -> None:
    once = grid()[torch.arange(3)]
    points = replace(once, features=once.features[:1].expand(3, 2).clone())
    model = bowl(grid(), (0.0, 0.0))
    worth, noise = torch.ones(3).double(), torch.Generator().manual_seed(0)
    for acquisition in ("qlogei", own):
        picked = choose_batch(
            model, points, points[torch.arange(0)], 0.0, worth, 3, noise, acquisition
        )
        assert sorted(picked) == [0, 1, 2]
