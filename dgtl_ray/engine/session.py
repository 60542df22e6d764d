"""A Ray cluster to run on: one of our own on this machine, or one that is there."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from dgtl_ray.core.errors import InputError


@contextmanager
def ray_session(address: str, num_cpus: int | None = None) -> Iterator[None]:
    """Connect to `address`; `local` starts a cluster on this machine and ends it afterwards.

    A Ray that the caller has already connected is used as it is, and left running.

    Raises:
        InputError: No cluster answers at `address`.
    """
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Ray would hide the GPUs from actors that ask for none; the device actor asks by itself.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # Ray would run workers at niceness 15: beside any other program a device seems to hang.
    os.environ.setdefault("RAY_worker_niceness", "0")
    local = address == "local"
    try:
        ray.init(
            address=address,
            num_cpus=num_cpus if local else None,
            include_dashboard=False if local else None,
            log_to_driver=False,
            logging_level=logging.ERROR,
            configure_logging=True,
        )
    except (ConnectionError, ValueError) as error:
        raise InputError(f"no Ray cluster at {address!r}: {error}") from error
    try:
        yield
    finally:
        ray.shutdown()
