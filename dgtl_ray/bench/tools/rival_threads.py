"""As many threads for TVM's own tuner as for ours."""

import os

from dgtl_ray.core.cores import available_cores


def all_cores() -> dict[str, str]:
    """This process's environment, in which TVM times on every core that may be used.

    By itself it takes half of what an x86 machine says it has, as if each were a hyperthread.
    """
    return {**os.environ, "TVM_NUM_THREADS": str(available_cores())}
