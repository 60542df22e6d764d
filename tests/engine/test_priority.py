"""Work on devices has the priority that the program has, on real Ray."""

import os

from dgtl_ray.engine.places import find_places
from dgtl_ray.engine.remote import at_place


def test_a_device_is_no_slower_than_the_program_beside_others(ray_cluster: None) -> None:
    assert at_place(find_places("cpu")[0], 60, os.nice, 0) == os.nice(0)
