import numpy as np
import torch

from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.core.roles import FloatArray
from dgtl_ray.testing.measurements import EXAMPLE_DEVICE
from dgtl_ray.transfer.pretraining import PretrainConfig, pretrain


def composed(x: FloatArray) -> FloatArray:
    """A function of a function: nearly a step across a curved line, flat on either side."""
    inner = x[:, 0] + 0.6 * np.sin(3.0 * x[:, 1])
    result: FloatArray = np.tanh(12.0 * inner) + 0.3 * np.tanh(12.0 * (inner - 0.8))
    return result


def error(hidden: int, seed: int) -> float:
    """Root mean square error on new rows, after learning from 150."""
    rng = np.random.default_rng(seed)
    x, new = rng.uniform(-1.5, 1.5, size=(150, 2)), rng.uniform(-1.5, 1.5, size=(500, 2))
    source = SourceTask(
        name="composed",
        encoding=x.astype(np.float32),
        cost_s=np.exp(composed(x)),
        device=EXAMPLE_DEVICE,
        task_key="composed",
    )
    config = PretrainConfig(steps=250, inducing=40, hidden=hidden, batch=150, seed=seed)
    model = pretrain((source,), config)
    inputs = torch.from_numpy(model.columns(new.astype(np.float32)))
    mean = model.mean(inputs, np.arange(0), torch.zeros(1, 0).double())[:, 0]
    scale = model.scales[0]
    told = scale.centre + scale.spread * mean.numpy()
    return float(np.sqrt(np.square(told - composed(new)).mean()))


def test_depth_recovers_a_composed_function_better() -> None:
    deep = [error(hidden=2, seed=seed) for seed in range(2)]
    shallow = [error(hidden=0, seed=seed) for seed in range(2)]
    assert np.mean(deep) < 0.9 * np.mean(shallow)
