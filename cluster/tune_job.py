"""Tunes one network on the cluster it is submitted to; arguments are those of `dgtl tune`.

    ray submit cluster/aws.yaml cluster/tune_job.py -- NETWORK --target cuda --history s3://…

The first `--history` is the one this job shares: it learns from it and adds its measurements.
Others are only learned from. Relative paths are in the home folder of the head.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from dgtl_ray.cli import app


def tune_arguments(given: Sequence[str]) -> list[str]:
    """What `dgtl` is called with."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--history", action="append", default=[])
    known, others = parser.parse_known_args(given)
    shared, learned = known.history[:1], known.history[1:]
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
