"""Random weights that keep activations sane."""

import torch
from torch import nn


@torch.no_grad()
def fill(module: nn.Module) -> nn.Module:
    """Fill every layer of `module` from torch's global stream; returns `module`."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                layer.bias.uniform_(-0.1, 0.1)
        elif isinstance(layer, nn.BatchNorm2d):
            _fill_batch_norm(layer)
    return module


def _fill_batch_norm(layer: nn.BatchNorm2d) -> None:
    """Scale, shift, mean and variance all away from their defaults, so that folding is tested."""
    layer.weight.uniform_(0.5, 1.0)
    layer.bias.uniform_(-0.2, 0.2)
    if layer.running_mean is not None and layer.running_var is not None:
        layer.running_mean.uniform_(-0.2, 0.2)
        layer.running_var.uniform_(0.8, 1.5)
