"""What is hidden is not found, for a while, by one thread."""

import sys
import threading
from importlib import import_module

import pytest

from dgtl_ray.core.hiding import hidden

NAME = "this"  # of the standard library, and imported by nobody


def test_hidden_packages_are_not_found_for_a_while() -> None:
    sys.modules.pop(NAME, None)
    before = list(sys.meta_path)
    with hidden(NAME):
        with pytest.raises(ModuleNotFoundError, match="hidden"):
            import_module(NAME)
        other = threading.Thread(target=import_module, args=(NAME,))
        other.start()
        other.join()
        assert NAME in sys.modules
        import_module(NAME)  # it is there already
    assert sys.meta_path == before
    del sys.modules[NAME]
    import_module(NAME)
