"""What can go wrong with one schedule."""

from dgtl_ray.core.errors import DgtlError


class ScheduleError(DgtlError):
    """A schedule cannot be applied to its program; the text names the step that failed."""
