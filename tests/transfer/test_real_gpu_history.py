"""Real measurements of a GPU: what other networks' layers teach of ResNet-18's."""

from pathlib import Path
from statistics import median

import numpy as np

from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.history import ParquetHistory, SourceQuery, read_sources
from dgtl_ray.space.encoding.encoder import column_names
from dgtl_ray.transfer.pretraining import PretrainConfig, Pretrained, pretrain
from dgtl_ray.transfer.relatedness import rank_correlation
from dgtl_ray.transfer.source_model import SourceModel
from dgtl_ray.transfer.usable import usable

HISTORY = Path(__file__).parents[2] / "examples" / "histories" / "h100"
NETWORK = "resnet18"


def test_layers_of_three_networks_rank_those_of_a_fourth() -> None:
    query = SourceQuery(kind="cuda", columns=len(column_names("cuda")))
    sources = usable(read_sources([ParquetHistory(str(HISTORY))], query))
    layers = [source for source in sources if source.name.startswith(NETWORK)]
    others = [source for source in sources if not source.name.startswith(NETWORK)]
    assert len(layers) > 15
    assert len(others) > 30
    model = pretrain(others, PretrainConfig(steps=150))
    found = [_correlation(model, layer) for layer in layers]
    assert median(found) > 0.4
    assert np.mean(np.array(found) > 0.2) > 0.8


def _correlation(model: Pretrained, layer: SourceTask) -> float:
    ran = np.isfinite(layer.cost_s)
    expected = SourceModel(model, layer.encoding[0]).expectations(layer.encoding[ran])
    correlation = rank_correlation(expected.mean(axis=1), layer.cost_s[ran])
    assert correlation is not None
    return correlation
