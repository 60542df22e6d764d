from dgtl_ray.core.roles import Proposer
from dgtl_ray.search import ProposerContext, SearchSpace, make_proposer
from dgtl_ray.search.rivals.annealing import AnnealingConfig
from dgtl_ray.search.rivals.autotvm import AutoTvmConfig, AutoTvmProposer
from dgtl_ray.search.rivals.chameleon import ChameleonConfig, ChameleonProposer
from dgtl_ray.search.rivals.exploration import ExplorationConfig
from dgtl_ray.testing.measurements import EXAMPLE_DEVICE
from dgtl_ray.testing.proposers import ProposerConformance


def context(space: SearchSpace, seed: int) -> ProposerContext:
    return ProposerContext(space=space, seed=seed, task_key="task", device=EXAMPLE_DEVICE)


class TestRandom(ProposerConformance):
    def make(self, space: SearchSpace, seed: int) -> Proposer:
        return make_proposer("random", context(space, seed))


class TestEvolutionary(ProposerConformance):
    def make(self, space: SearchSpace, seed: int) -> Proposer:
        return make_proposer("evolutionary", context(space, seed))


class TestAutoTvm(ProposerConformance):
    """With shorter walks over the model, to be quick."""

    def make(self, space: SearchSpace, seed: int) -> Proposer:
        config = AutoTvmConfig(annealing=AnnealingConfig(chains=32, steps=20))
        return AutoTvmProposer(context(space, seed), config)


class TestChameleon(ProposerConformance):
    """With fewer walks over the model, to be quick."""

    def make(self, space: SearchSpace, seed: int) -> Proposer:
        config = ChameleonConfig(exploration=ExplorationConfig(rounds=2, steps=20))
        return ChameleonProposer(context(space, seed), config)
