"""Recurrent networks, and one over sound."""

import torch
from torch import Tensor, nn

from dgtl_ray.bench.zoo.parts import SEED, Built, finished

_VOCABULARY = 40
_TOKENS = 8


class _LstmClassifier(nn.Module):
    """Two layers in both directions; the last step decides."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(_VOCABULARY, 12)
        self.lstm = nn.LSTM(12, 10, num_layers=2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(20, 3)

    def forward(self, ids: Tensor) -> Tensor:
        """N × tokens → N × 3 logits."""
        steps, _ = self.lstm(self.words(ids))
        result: Tensor = self.head(steps[:, -1])
        return result


def lstm_classifier() -> Built:
    """Hochreiter and Schmidhuber, 1997."""
    torch.manual_seed(SEED)
    return finished(_LstmClassifier(), torch.randint(0, _VOCABULARY, (1, _TOKENS)))


class _GruTagger(nn.Module):
    """An answer for each step, and the last state."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(6, 12, batch_first=True)
        self.norm = nn.LayerNorm(12)
        self.head = nn.Linear(12, 4)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """N × steps × 6 and 1 × N × 12 → N × steps × 4 and 1 × N × 12."""
        steps, last = self.gru(x, state)
        return self.head(self.norm(steps)).log_softmax(-1), last


def gru() -> Built:
    """Cho et al., 2014."""
    torch.manual_seed(SEED)
    return finished(_GruTagger(), torch.randn(1, _TOKENS, 6), torch.randn(1, 1, 12))


class _Wav2Vec(nn.Module):
    """Strided convolutions over samples, the first one's output normed over time."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, 16, 10, 5, bias=False)
        self.norm = nn.GroupNorm(16, 16)
        self.rest = nn.ModuleList(
            [nn.Conv1d(16, 16, 3, 2, bias=False), nn.Conv1d(16, 16, 2, 2, bias=False)]
        )
        self.activation = nn.GELU()
        self.last = nn.LayerNorm(16)
        self.project = nn.Linear(16, 12)

    def forward(self, samples: Tensor) -> Tensor:
        """N × samples → N × frames × 12."""
        x = self.activation(self.norm(self.first(samples[:, None])))
        for layer in self.rest:
            x = self.activation(layer(x))
        result: Tensor = self.project(self.last(x.transpose(1, 2)))
        return result


def wav2vec() -> Built:
    """Baevski et al., 2020: the feature extractor."""
    torch.manual_seed(SEED)
    return finished(_Wav2Vec(), torch.randn(1, 400))
