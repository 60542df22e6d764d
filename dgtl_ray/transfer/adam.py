"""Adam with a learning rate that falls."""

import math
from collections.abc import Iterable

import torch
from torch.optim.adam import adam


class Adam:
    """Adam by PyTorch's own function: the first step of its class imports PyTorch's compiler.

    That takes four seconds, which somebody waits for. The learning rate falls along half a cosine
    to a hundredth (Loshchilov & Hutter 2017, "SGDR", without restarts).

    Args:
        parameters: What is optimised.
        rate: The learning rate at the start.
        steps: How many there will be.
    """

    def __init__(self, parameters: Iterable[torch.nn.Parameter], rate: float, steps: int) -> None:
        self._parameters: list[torch.Tensor] = [one for one in parameters if one.requires_grad]
        self._means = [torch.zeros_like(one) for one in self._parameters]
        self._squares = [torch.zeros_like(one) for one in self._parameters]
        self._counts = [torch.zeros(()) for _ in self._parameters]
        self._rate, self._steps, self._done = rate, steps, 0

    def step(self, loss: torch.Tensor) -> None:
        """Follow the loss's slope once."""
        slopes = torch.autograd.grad(loss, self._parameters)
        least = self._rate / 100
        share = 0.5 * (1.0 + math.cos(math.pi * self._done / self._steps))
        with torch.no_grad():
            adam(
                self._parameters,
                list(slopes),
                self._means,
                self._squares,
                [],
                self._counts,
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=least + (self._rate - least) * share,
                weight_decay=0.0,
                eps=1e-8,
                maximize=False,
            )
        self._done += 1
