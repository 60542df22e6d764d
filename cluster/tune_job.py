"""Tunes one network on the cluster it is submitted to; arguments are those of `dgtl tune`.

    ray submit cluster/aws.yaml cluster/tune_job.py -- NETWORK --target cuda --history s3://…

The first address that `--history` names is the history that this job shares: it learns from it and
adds its measurements. Others, `builtin` and `none` mean what they do to `dgtl tune`. Relative paths
are in the home folder of the head.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from dgtl_ray.cli import app

# What `--history` of `dgtl tune` takes beside addresses: nothing can be added there.
_WORDS = ("none", "builtin")


def tune_arguments(given: Sequence[str]) -> list[str]:
    """What `dgtl` is called with."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--history", action="append", default=[])
    known, others = parser.parse_known_args(given)
    addresses = [uri for uri in known.history if uri not in _WORDS]
    shared, learned = addresses[:1], addresses[1:]
    learned += [word for word in known.history if word in _WORDS]
    options = [*(("--record", uri) for uri in shared), *(("--history", uri) for uri in learned)]
    named = [word for option in options for word in option]
    return ["tune", *others, *named, "--address", "auto"]


def main() -> None:
    """Tune."""
    # A submitted job runs in a folder that is cleared away.
    os.chdir(Path.home())
    app(tune_arguments(sys.argv[1:]))


if __name__ == "__main__":
    main()
