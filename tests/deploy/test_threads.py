"""A loaded module among others' threads."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from dgtl_ray.core.errors import InputError
from dgtl_ray.deploy import load
from dgtl_ray.model import Network


def test_several_threads_call_one_module(saved: Path, network: Network) -> None:
    module = load(saved, threads=2)
    inputs = [network.example_inputs(seed) for seed in range(8)]
    expected = [module(*arrays) for arrays in inputs]
    with ThreadPoolExecutor(8) as callers:
        for _ in range(20):
            for found, right in zip(
                callers.map(lambda arrays: module(*arrays), inputs), expected, strict=True
            ):
                np.testing.assert_array_equal(found[0], right[0])
                np.testing.assert_array_equal(found[1], right[1])


def test_modules_with_different_counts_run_side_by_side(saved: Path, network: Network) -> None:
    modules = [load(saved, threads=threads) for threads in (1, 3, 2)]
    inputs = network.example_inputs()
    expected = modules[0](*inputs)
    with ThreadPoolExecutor(3) as callers:
        for _ in range(50):
            for found in callers.map(lambda module: module(*inputs), modules):
                np.testing.assert_array_equal(found[0], expected[0])


def test_the_processs_own_threads_stay_as_they_are(saved: Path, network: Network) -> None:
    before = torch.get_num_threads(), os.sched_getaffinity(0), os.environ.copy()
    load(saved, threads=3)(*network.example_inputs())
    assert (torch.get_num_threads(), os.sched_getaffinity(0), os.environ.copy()) == before


def test_no_threads_are_refused(saved: Path) -> None:
    with pytest.raises(InputError, match="one thread or more, not 0"):
        load(saved, threads=0)
