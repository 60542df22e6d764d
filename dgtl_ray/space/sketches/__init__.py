"""Reads design spaces from TVM's sketches and applies configurations: the only part with TVM."""

from dgtl_ray.space.sketches.errors import ScheduleError
from dgtl_ray.space.sketches.read import read_design_space
from dgtl_ray.space.sketches.replay import apply_schedule
from dgtl_ray.space.sketches.scheduled import Preparation, Scheduled

__all__ = ["Preparation", "ScheduleError", "Scheduled", "apply_schedule", "read_design_space"]
