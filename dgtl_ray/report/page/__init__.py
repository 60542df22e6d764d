"""Figures of a run, and one page of all of them; their names are in `dgtl_ray.report`."""
