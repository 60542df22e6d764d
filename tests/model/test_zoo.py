"""The built-in networks are the ones of the literature."""

from importlib import import_module

import pytest
import torch

from dgtl_ray.model import zoo

PARAMETERS = {
    "resnet18": 11_689_512,
    "mobilenet_v1": 4_231_976,
    "vgg16": 138_357_544,
    "alexnet": 61_100_840,
}


@pytest.mark.parametrize("name", zoo.NAMES)
def test_has_its_parameters_and_classes(name: str) -> None:
    with torch.device("meta"):
        module = import_module(f"dgtl_ray.model.zoo.{name}").build().eval()
        outputs = module(torch.empty(zoo.INPUT_SHAPE))
    assert sum(parameter.numel() for parameter in module.parameters()) == PARAMETERS[name]
    assert outputs.shape == (1, 1000)


def test_weights_are_seeded_and_keep_activations_sane() -> None:
    state = torch.random.get_rng_state()
    module, inputs = zoo.build("mobilenet_v1")
    again, same_inputs = zoo.build("mobilenet_v1")
    with torch.no_grad():
        logits = module(*inputs)
        assert torch.equal(logits, again(*same_inputs))
    assert 0.01 < float(logits.std()) < 100
    assert torch.equal(torch.random.get_rng_state(), state)
