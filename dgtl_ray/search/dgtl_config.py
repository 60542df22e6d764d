"""How `dgtl` searches."""

from dataclasses import dataclass, field

from dgtl_ray.transfer.pretraining import PretrainConfig
from dgtl_ray.transfer.target_gp import Tuning


@dataclass(frozen=True, kw_only=True)
class DgtlConfig:
    """How the search goes.

    Attributes:
        tuning_set: Configurations of the first stage.
        standing: Random configurations that stay in the pool during the whole search.
        representative_share: Part of the tuning set, where there is history, that represents the
            whole space.
        escape_share: Part of the trials that a model gets, however unlikely it has become; the one
            with history gets less of it the more is measured.
        local_share: Part of the trials, after the tuning set, that are neighbours of the fastest;
            while a source ranks what was measured.
        bred_share: Part of the trials, otherwise, that is bred as evolutionary search does.
        tip_share: Part of the trials that may be configurations which were fast in a task alike.
        opinion_share: Of what the model with history chooses then, the part that it leaves to
            single sources.
        selected: Let the model choose the tuning set; it is drawn at random otherwise.
        transferred_prior: Learn the prior of hyperparameters from history, too.
        tuning: How the model with history is tuned to the target.
        guard: Let a model without history share each batch.
        cost_aware: Choose by improvement per second that a trial takes, not by improvement alone.
        pretrain: How the deep GP is pre-trained, where that has not been done before.
    """

    tuning_set: int = 16
    standing: int = 8000
    representative_share: float = 0.25
    escape_share: float = 0.5
    local_share: float = 0.25
    bred_share: float = 0.25
    tip_share: float = 0.25
    opinion_share: float = 0.5
    selected: bool = True
    transferred_prior: bool = True
    tuning: Tuning = Tuning.MAP
    guard: bool = True
    cost_aware: bool = False
    pretrain: PretrainConfig = field(default_factory=PretrainConfig)

    def __post_init__(self) -> None:
        if self.tuning_set < 2:
            raise ValueError(f"tuning_set is {self.tuning_set}; it must be 2 or more")
        if self.standing < 1:
            raise ValueError(f"standing is {self.standing}; it must be 1 or more")
        shares = ("representative_share", "escape_share", "local_share", "bred_share", "tip_share")
        for name in shares:
            if not 0 <= getattr(self, name) <= 0.5:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be from 0 to 0.5")
        if not 0 <= self.opinion_share <= 1:
            raise ValueError(f"opinion_share is {self.opinion_share}; it must be from 0 to 1")
