"""`python -m dgtl_ray` is `dgtl`."""

from dgtl_ray.cli import app

app()
