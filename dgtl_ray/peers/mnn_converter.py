"""MNN's converter without its wrapper: `python -m dgtl_ray.peers.mnn_converter ARGS…`.

The program `mnnconvert` also imports a logger that runs `pip install` for a package that it misses,
in whatever environment `pip` belongs to, and reports each conversion to a server. Neither may
happen on a user's machine; what converts is a function of MNN's extension module.
"""

import sys
from importlib import import_module

if __name__ == "__main__":
    # MNN's, though it lies at the top level.
    import_module("_tools").mnnconvert(sys.argv)
