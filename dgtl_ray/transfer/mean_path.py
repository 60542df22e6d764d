"""A trained deep GP's mean, for one descriptor of a source after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from dgtl_ray.transfer.cholesky import JITTER, factor
from dgtl_ray.transfer.deep_gp import LatencyGP, Layer
from dgtl_ray.transfer.kernel import nearly_squared_distance

# Rows worked on at a time: their distances to inducing inputs stay in the cache.
_CHUNK = 512


class MeanPath:
    """E f(x) where the first layer follows its mean.

    What is asked of several sources differs in the descriptor's columns alone. Squared distances
    to inducing inputs are sums over columns, so the others' part is worked out once for all.

    Args:
        first: Outputs of the first layer; a shallow GP has none.
        last: The second layer's.
    """

    def __init__(self, first: Sequence["Output"], last: "Output") -> None:
        self._first, self._last = list(first), last
        inputs = len(last.narrowness) - len(self._first)
        self._inputs = np.arange(inputs)
        self._hidden = torch.arange(inputs, inputs + len(self._first))

    @classmethod
    def of(cls, gp: LatencyGP) -> Self:
        """Of a trained deep GP."""
        with torch.no_grad():
            first = [] if gp.first is None else _outputs(gp.first)
            return cls(first, _outputs(gp.last)[0])

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, torch.Tensor]) -> Self:
        """What `tensors` told; GPyTorch's modules, which take seconds to import, are not needed."""
        count = len({name.partition(".")[0] for name in tensors})
        *first, last = [
            Output(**{field.name: tensors[f"{k}.{field.name}"] for field in fields(Output)})
            for k in range(count)
        ]
        return cls(first, last)

    def tensors(self) -> dict[str, torch.Tensor]:
        """All that it is made of, by name."""
        return {
            f"{k}.{field.name}": getattr(output, field.name).detach().clone()
            for k, output in enumerate([*self._first, self._last])
            for field in fields(Output)
        }

    def __call__(
        self, x: torch.Tensor, fixed: NDArray[np.intp], descriptors: torch.Tensor
    ) -> torch.Tensor:
        """Means (n × d) at x (n × inputs), its descriptor replaced by each of d.

        Args:
            x: Rows.
            fixed: Positions of the descriptor's columns among the inputs; there may be none.
            descriptors: What these columns are, shape (d × fixed).
        """
        free = torch.from_numpy(np.setdiff1d(self._inputs, fixed))
        with torch.no_grad():
            told = [self._parts(one[None], torch.from_numpy(fixed)) for one in descriptors]
            means = [
                self._means(self._parts(some[:, free], free), told)
                for some in torch.split(x, _CHUNK)
            ]
        return torch.cat(means)

    def _parts(self, x: torch.Tensor, columns: torch.Tensor) -> list["_Part"]:
        """Of each output, the last layer's in the end."""
        return [output.part(x, columns) for output in (*self._first, self._last)]

    def _means(self, known: list["_Part"], told: list[list["_Part"]]) -> torch.Tensor:
        answers = [self._mean(known, descriptor) for descriptor in told]
        rows = known[-1].linear
        return torch.stack(answers, dim=1) if answers else rows.new_zeros(len(rows), 0)

    def _mean(self, known: list["_Part"], descriptor: list["_Part"]) -> torch.Tensor:
        *first, last = [a.plus(b) for a, b in zip(known, descriptor, strict=True)]
        if self._first:
            latent = [output.mean(part) for output, part in zip(self._first, first, strict=True)]
            last = last.plus(self._last.part(torch.stack(latent, dim=1), self._hidden))
        return self._last.mean(last)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Part:
    """What some columns add to an output's squared distances (n × m) and linear mean (n,)."""

    squared: torch.Tensor
    linear: torch.Tensor

    def plus(self, other: "_Part") -> "_Part":
        """Of both sets of columns; one row stands for all."""
        return _Part(squared=self.squared + other.squared, linear=self.linear + other.linear)


@dataclass(frozen=True, kw_only=True, eq=False)
class Output:
    """One output of a layer: c + bᵀ x + Σ_j w_j M(|x/ℓ − z_j/ℓ|²), M Matérn-5/2.

    Attributes:
        constant: c.
        slope: b, shape (inputs,).
        narrowness: 1/ℓ of each input.
        inducing: z_j/ℓ, shape (m × inputs).
        weights: w, with the kernel's variance in it, shape (m,).
    """

    constant: torch.Tensor
    slope: torch.Tensor
    narrowness: torch.Tensor
    inducing: torch.Tensor
    weights: torch.Tensor

    def part(self, x: torch.Tensor, columns: torch.Tensor) -> _Part:
        """Of those columns, whose values are x (n × columns)."""
        at = x * self.narrowness[columns]
        squared = nearly_squared_distance(at, self.inducing[:, columns])
        return _Part(squared=squared, linear=x @ self.slope[columns])

    def mean(self, whole: _Part) -> torch.Tensor:
        """Its mean (n,)."""
        root = (5.0 * whole.squared).sqrt_()
        correlation = (root / 3.0 + 1.0).mul_(root).add_(1.0).mul_(root.neg_().exp_())
        return self.constant + whole.linear + correlation @ self.weights


def _outputs(layer: Layer) -> list[Output]:
    """Those of a layer with K_ZZ = L Lᵀ and whitened v ~ q(v) = N(m, S): w = L⁻ᵀ m."""
    strategy, kernel = layer.variational_strategy, layer.covar_module
    q, inducing = strategy.variational_distribution, strategy.inducing_points
    k, inputs = kernel(inducing).to_dense(), inducing.shape[-1]
    eye = torch.eye(k.shape[-1], dtype=k.dtype)
    root, _ = factor(k + (strategy.jitter_val - JITTER[0]) * eye)
    inverse = torch.linalg.solve_triangular(root, eye.expand_as(root), upper=False)
    solved = inverse.mT @ q.mean.unsqueeze(-1)
    narrowness = 1.0 / kernel.base_kernel.lengthscale.reshape(inputs)
    scaled = (inducing * narrowness).reshape(-1, *inducing.shape[-2:])
    weights = (kernel.outputscale * solved.squeeze(-1)).reshape(len(scaled), -1)
    slope, constant = _linear(layer, len(scaled), inputs)
    return [
        Output(
            constant=constant[k],
            slope=slope[k],
            narrowness=narrowness,
            inducing=scaled[k],
            weights=weights[k],
        )
        for k in range(len(scaled))
    ]


def _linear(layer: Layer, outputs: int, inputs: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The prior mean's slope (outputs × inputs) and constant (outputs,)."""
    at = torch.cat([torch.zeros(1, inputs), torch.eye(inputs)]).double()
    values = layer.mean_module(at.expand(outputs, *at.shape)).reshape(outputs, inputs + 1)
    return values[:, 1:] - values[:, :1], values[:, 0]
