from dgtl_ray.core.roles import Proposer
from dgtl_ray.search import ProposerContext, SearchSpace, make_proposer
from dgtl_ray.testing.measurements import EXAMPLE_DEVICE
from dgtl_ray.testing.proposers import ProposerConformance


def proposer(name: str, space: SearchSpace, seed: int) -> Proposer:
    context = ProposerContext(space=space, seed=seed, task_key="task", device=EXAMPLE_DEVICE)
    return make_proposer(name, context)


class TestRandom(ProposerConformance):
    def make(self, space: SearchSpace, seed: int) -> Proposer:
        return proposer("random", space, seed)


class TestEvolutionary(ProposerConformance):
    def make(self, space: SearchSpace, seed: int) -> Proposer:
        return proposer("evolutionary", space, seed)
