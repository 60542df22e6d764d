import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.search import ProposerContext, make_proposer, proposer_names
from dgtl_ray.testing.measurements import EXAMPLE_DEVICE
from dgtl_ray.testing.spaces import GridSpace

CONTEXT = ProposerContext(space=GridSpace(), seed=0, task_key="task", device=EXAMPLE_DEVICE)


def test_makes_every_proposer_it_names() -> None:
    for name in proposer_names():
        assert len(make_proposer(name, CONTEXT).propose(3)) == 3
    assert list(proposer_names()) == sorted(proposer_names())


def test_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="unknown search 'luck'; choose one of: autotvm"):
        make_proposer("luck", CONTEXT)
