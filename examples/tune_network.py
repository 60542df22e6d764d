"""Tune a network of your own for this machine's CPU, then run what came out.

python examples/tune_network.py [FOLDER [TRIALS]]
"""

import sys

import torch
from torch import nn

import dgtl_ray


def network() -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    """Two convolutions and a classifier; any `torch.nn.Module` with static shapes will do."""
    layers = nn.Sequential(
        nn.Conv2d(3, 32, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 64, kernel_size=3, stride=2, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
    )
    return layers.eval(), (torch.randn(1, 3, 32, 32),)


def main(folder: str = "runs/example", trials: str = "100") -> None:
    module, inputs = network()
    tuner = dgtl_ray.Tuner(
        module,
        example_inputs=inputs,
        tune_config=dgtl_ray.TuneConfig(num_samples=int(trials)),
        run_config=dgtl_ray.RunConfig(storage_path=folder, name="tuned"),
    )
    grid = tuner.fit()
    for result in grid:
        print(f"{result.task:32s} {result.metrics['gflops'] or 0:8.1f} GFLOP/s")
    print("tuned", grid.summary.latency_s["tuned"], "s; untuned", grid.summary.latency_s["untuned"])

    tuned = dgtl_ray.load(grid.module_path)
    with torch.no_grad():
        expected = module(*inputs).numpy()
    print("largest difference", abs(tuned(*inputs) - expected).max())


if __name__ == "__main__":
    main(*sys.argv[1:])
