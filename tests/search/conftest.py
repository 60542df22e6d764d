import pytest

pytest.register_assert_rewrite("dgtl_ray.testing")
