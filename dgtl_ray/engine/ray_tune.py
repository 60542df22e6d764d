"""What Ray Tune keeps for a whole process."""

from ray.tune.utils.log import Verbosity, set_verbosity


def let_reporters_show() -> None:
    """Its reporters show what one setting lets them; a run before this one may have changed it."""
    set_verbosity(Verbosity.V3_TRIAL_DETAILS)
