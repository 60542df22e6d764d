"""Transformers over tokens."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from dgtl_ray.bench.zoo.parts import (
    SEED,
    Attention,
    Built,
    Mlp,
    finished,
    join_heads,
    split_heads,
)

_VOCABULARY = 50
_WIDTH = 24
_HEADS = 4
_TOKENS = 10


def _ids() -> Tensor:
    return torch.randint(0, _VOCABULARY, (1, _TOKENS))


def _mask() -> Tensor:
    """1 where there is a token, 0 where there is none."""
    return (torch.arange(_TOKENS) < _TOKENS - 3).long()[None]


class _EncoderLayer(nn.Module):
    """Norms behind the residuals."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = Attention(_WIDTH, _HEADS)
        self.mlp = Mlp(_WIDTH, 4 * _WIDTH, nn.GELU())
        self.norms = nn.ModuleList([nn.LayerNorm(_WIDTH, eps=1e-12) for _ in range(2)])

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Tokens in, tokens out."""
        first, second = self.norms
        x = first(x + self.attention(x, bias))
        result: Tensor = second(x + self.mlp(x))
        return result


class _Bert(nn.Module):
    """Ids, a mask and segments → tokens and the pooled first one."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(_VOCABULARY, _WIDTH, padding_idx=0)
        self.places = nn.Embedding(_TOKENS, _WIDTH)
        self.segments = nn.Embedding(2, _WIDTH)
        self.norm = nn.LayerNorm(_WIDTH, eps=1e-12)
        self.layers = nn.ModuleList(_EncoderLayer() for _ in range(2))
        self.pooler = nn.Linear(_WIDTH, _WIDTH)

    def forward(self, ids: Tensor, mask: Tensor, segments: Tensor) -> tuple[Tensor, Tensor]:
        """N × tokens each."""
        places = torch.arange(ids.shape[1])[None]
        x = self.norm(self.words(ids) + self.places(places) + self.segments(segments))
        bias = (1.0 - mask[:, None, None].to(x.dtype)) * torch.finfo(x.dtype).min
        for layer in self.layers:
            x = layer(x, bias)
        return x, torch.tanh(self.pooler(x[:, 0]))


def bert() -> Built:
    """Devlin et al., 2019."""
    torch.manual_seed(SEED)
    segments = (torch.arange(_TOKENS) > _TOKENS // 2).long()[None]
    return finished(_Bert(), _ids(), _mask(), segments)


class _DistilBert(nn.Module):
    """No segments, no pooler; hidden tokens by `masked_fill`, a classifier on the first."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(_VOCABULARY, _WIDTH)
        self.places = nn.Parameter(torch.randn(1, _TOKENS, _WIDTH))
        self.norm = nn.LayerNorm(_WIDTH, eps=1e-12)
        self.attention = Attention(_WIDTH, _HEADS)
        self.mlp = Mlp(_WIDTH, 4 * _WIDTH, nn.GELU())
        self.norms = nn.ModuleList([nn.LayerNorm(_WIDTH, eps=1e-12) for _ in range(2)])
        self.head = nn.Sequential(nn.Linear(_WIDTH, _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, 2))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """N × tokens each → logits."""
        x = self.norm(self.words(ids) + self.places)
        x = self.norms[0](x + self._attend(x, mask))
        x = self.norms[1](x + self.mlp(x))
        result: Tensor = self.head(x[:, 0])
        return result

    def _attend(self, x: Tensor, mask: Tensor) -> Tensor:
        """Attention written out."""
        of = self.attention
        q, k, v = (split_heads(part(x), of.heads) for part in (of.query, of.key, of.value))
        logits = (q / q.shape[-1] ** 0.5) @ k.transpose(-1, -2)
        hidden = (mask == 0)[:, None, None].expand_as(logits)
        weights = logits.masked_fill(hidden, torch.finfo(x.dtype).min).softmax(-1)
        result: Tensor = of.out(join_heads(weights @ v))
        return result


def distilbert() -> Built:
    """Sanh et al., 2019."""
    torch.manual_seed(SEED)
    return finished(_DistilBert(), _ids(), _mask())


class _Gpt2(nn.Module):
    """Causal attention from one projection, GELU by tanh, logits by the embedding's weights."""

    _seen: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(_VOCABULARY, _WIDTH)
        self.places = nn.Embedding(_TOKENS, _WIDTH)
        self.norms = nn.ModuleList([nn.LayerNorm(_WIDTH) for _ in range(3)])
        self.project = nn.Linear(_WIDTH, 3 * _WIDTH)
        self.out = nn.Linear(_WIDTH, _WIDTH)
        self.mlp = Mlp(_WIDTH, 4 * _WIDTH, nn.GELU(approximate="tanh"))
        self.register_buffer("_seen", torch.tril(torch.ones(_TOKENS, _TOKENS)).bool()[None, None])

    def forward(self, ids: Tensor) -> Tensor:
        """N × tokens → N × tokens × vocabulary."""
        x = self.words(ids) + self.places(torch.arange(ids.shape[1]))
        x = x + self._attend(self.norms[0](x))
        x = x + self.mlp(self.norms[1](x))
        return self.norms[2](x) @ self.words.weight.T  # type: ignore[no-any-return]

    def _attend(self, x: Tensor) -> Tensor:
        q, k, v = (split_heads(part, _HEADS) for part in self.project(x).split(_WIDTH, 2))
        logits = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        seen = torch.where(self._seen, logits, torch.finfo(x.dtype).min)
        result: Tensor = self.out(join_heads(seen.softmax(-1) @ v))
        return result


def gpt2() -> Built:
    """Radford et al., 2019."""
    torch.manual_seed(SEED)
    return finished(_Gpt2(), _ids())


class _RootMeanSquareNorm(nn.Module):
    """Zhang and Sennrich, 2019."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.rand(_WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        """Along the last axis."""
        return self.scale * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5))


class _Llama(nn.Module):
    """Rotary positions, two heads of keys and values for four of queries, SwiGLU."""

    _speed: Tensor

    def __init__(self) -> None:
        super().__init__()
        self._size = _WIDTH // _HEADS
        self.words = nn.Embedding(_VOCABULARY, _WIDTH)
        self.norms = nn.ModuleList(_RootMeanSquareNorm() for _ in range(3))
        self.query = nn.Linear(_WIDTH, _WIDTH, bias=False)
        self.key = nn.Linear(_WIDTH, 2 * self._size, bias=False)
        self.value = nn.Linear(_WIDTH, 2 * self._size, bias=False)
        self.out = nn.Linear(_WIDTH, _WIDTH, bias=False)
        self.gate = nn.Linear(_WIDTH, 3 * _WIDTH, bias=False)
        self.up = nn.Linear(_WIDTH, 3 * _WIDTH, bias=False)
        self.down = nn.Linear(3 * _WIDTH, _WIDTH, bias=False)
        self.head = nn.Linear(_WIDTH, _VOCABULARY, bias=False)
        self.register_buffer("_speed", 1e4 ** (-torch.arange(0, self._size, 2) / self._size))

    def forward(self, ids: Tensor) -> Tensor:
        """N × tokens → N × tokens × vocabulary."""
        x = self.words(ids)
        x = x + self._attend(self.norms[0](x))
        y = self.norms[1](x)
        x = x + self.down(functional.silu(self.gate(y)) * self.up(y))
        result: Tensor = self.head(self.norms[2](x))
        return result

    def _attend(self, x: Tensor) -> Tensor:
        q = self._turned(split_heads(self.query(x), _HEADS))
        k = self._turned(split_heads(self.key(x), 2)).repeat_interleave(2, 1)
        v = split_heads(self.value(x), 2).repeat_interleave(2, 1)
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        result: Tensor = self.out(join_heads(mixed))
        return result

    def _turned(self, x: Tensor) -> Tensor:
        """Pairs of numbers turned by an angle that grows with the position (Su et al., 2021)."""
        at = torch.arange(x.shape[2], dtype=x.dtype)
        angle = torch.outer(at, self._speed).repeat(1, 2)
        left, right = x.chunk(2, -1)
        return x * angle.cos() + torch.cat([-right, left], -1) * angle.sin()


def llama() -> Built:
    """Touvron et al., 2023, with grouped queries (Ainslie et al., 2023)."""
    torch.manual_seed(SEED)
    return finished(_Llama(), _ids())


class _T5(nn.Module):
    """A bias of relative positions in buckets, shared by the layers; no scale of the logits."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(_VOCABULARY, _WIDTH)
        self.attentions = nn.ModuleList(Attention(_WIDTH, _HEADS, bias=False) for _ in range(2))
        self.norms = nn.ModuleList(_RootMeanSquareNorm() for _ in range(5))
        self.up = nn.ModuleList(nn.Linear(_WIDTH, 2 * _WIDTH, bias=False) for _ in range(2))
        self.down = nn.ModuleList(nn.Linear(2 * _WIDTH, _WIDTH, bias=False) for _ in range(2))
        self.bias = nn.Embedding(8, _HEADS)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """N × tokens each → N × tokens × width."""
        x = self.words(ids)
        places = torch.arange(ids.shape[1])
        bias = self.bias(self._bucket(places[None] - places[:, None])).permute(2, 0, 1)[None]
        bias = bias + (1.0 - mask[:, None, None].to(x.dtype)) * -1e9
        for k in range(len(self.attentions)):
            x = x + self._attend(self.attentions[k], self.norms[2 * k](x), bias)
            x = x + self.down[k](functional.relu(self.up[k](self.norms[2 * k + 1](x))))
        result: Tensor = self.norms[4](x)
        return result

    @staticmethod
    def _attend(of: Any, x: Tensor, bias: Tensor) -> Tensor:
        q, k, v = (split_heads(part(x), of.heads) for part in (of.query, of.key, of.value))
        weights = (q @ k.transpose(3, 2) + bias).float().softmax(-1)
        result: Tensor = of.out(join_heads(weights @ v))
        return result

    @staticmethod
    def _bucket(apart: Tensor) -> Tensor:
        """4 buckets a side: near ones for each distance, farther ones by its logarithm."""
        side = (apart > 0).long() * 4
        distance = apart.abs()
        far = 2 + (torch.log(distance.clamp(min=1).float() / 2) * 2).long()
        return side + torch.where(distance < 2, distance, far.clamp(max=3))


def t5_encoder() -> Built:
    """Raffel et al., 2020."""
    torch.manual_seed(SEED)
    return finished(_T5(), _ids(), _mask())
