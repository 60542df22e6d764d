"""Networks that a check must tell apart, as `package.module:factory` finds them."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn


class Formula(nn.Module):
    """A dense layer, and any formula over it and its output."""

    def __init__(self, formula: Callable[..., Any]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.dense = nn.Linear(8, 8)
        self.rows = nn.Embedding(50, 8)
        self.formula = formula

    def forward(self, x: torch.Tensor) -> Any:
        return self.formula(self, x)


def _of(formula: Callable[..., Any]) -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    torch.manual_seed(0)
    return Formula(formula), (torch.randn(4, 8),)


def dropout() -> Any:
    return _of(lambda m, x: nn.functional.dropout(m.dense(x), 0.5, training=True))


def noise() -> Any:
    return _of(lambda m, x: m.dense(x) + torch.randn(x.shape))


def logarithm() -> Any:
    return _of(lambda m, x: torch.log(x).sum(1) + 0 * m.dense(x).sum(1))


def parts() -> Any:
    """An output whose second half is a thousand times smaller than its first."""
    return _of(lambda m, x: torch.cat([1000 * m.dense(x), torch.tanh(m.dense(x))], 1))


def embedding() -> Any:
    return Formula(lambda m, x: m.dense(m.rows(x))), (torch.zeros(1, 64, dtype=torch.int64),)


def nothing_beside() -> Any:
    return _of(lambda m, x: (m.dense(x), None))


def named() -> Any:
    return _of(lambda m, x: {"logits": m.dense(x), "nested": (m.dense(x), [x + 1])})


def keywords() -> Any:
    return _of(lambda m, x: m.dense(x))[0], {"x": torch.randn(4, 8)}
