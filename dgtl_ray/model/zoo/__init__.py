"""The built-in networks, in plain torch: ImageNet shapes, batch 1, seeded random weights.

Weights decide nothing about speed, and random ones need no download; they are scaled so that
activations neither vanish nor explode, and batch norms hold statistics that matter when folded.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

SEED = 0
INPUT_SHAPE = (1, 3, 224, 224)

_MODULES: Mapping[str, str] = {
    "resnet18": "dgtl_ray.model.zoo.resnet18",
    "mobilenet_v1": "dgtl_ray.model.zoo.mobilenet_v1",
    "vgg16": "dgtl_ray.model.zoo.vgg16",
    "alexnet": "dgtl_ray.model.zoo.alexnet",
}
NAMES = tuple(_MODULES)


def build(name: str) -> "tuple[nn.Module, tuple[Tensor, ...]]":
    """The network called `name` (one of `NAMES`), in eval mode, and inputs (1 × 3 × 224 × 224)."""
    import torch

    from dgtl_ray.model.zoo.weights import fill

    factory: Callable[[], nn.Module] = import_module(_MODULES[name]).build
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        module = fill(factory()).eval()
        return module, (torch.randn(INPUT_SHAPE),)
