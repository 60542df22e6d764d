"""A vision transformer and a text encoder, both small, in plain torch with random weights."""

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

_SEED = 0
_DEPTH = 12


class Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self._heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens in, tokens out: N × tokens × width."""
        batch, tokens, width = x.shape
        parts = self.qkv(x).reshape(batch, tokens, 3, self._heads, width // self._heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = scaled_dot_product_attention(q, k, v)
        result: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, tokens, width))
        return result


class Block(nn.Module):
    """Attention and two dense layers with GELU, each with a residual; norms before or after."""

    def __init__(self, width: int, heads: int, *, norm_first: bool) -> None:
        super().__init__()
        self._norm_first = norm_first
        self.attention = Attention(width, heads)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens in, tokens out: N × tokens × width."""
        if self._norm_first:
            x = x + self.attention(self.norm1(x))
            y: Tensor = x + self._dense(self.norm2(x))
            return y
        x = self.norm1(x + self.attention(x))
        z: Tensor = self.norm2(x + self._dense(x))
        return z

    def _dense(self, x: Tensor) -> Tensor:
        result: Tensor = self.down(gelu(self.up(x)))
        return result


class VisionTransformer(nn.Module):
    """Patches of 16×16, a class token, 12 blocks, a classifier (Dosovitskiy et al., 2021)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 16, 16)
        self.token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.positions = nn.Parameter(0.02 * torch.randn(1, 197, width))
        self.blocks = nn.Sequential(*(Block(width, heads, norm_first=True) for _ in range(_DEPTH)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 1000)

    def forward(self, image: Tensor) -> Tensor:
        """N × 3 × 224 × 224 → N × 1000 logits."""
        x = self.patches(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        logits: Tensor = self.head(self.norm(self.blocks(x))[:, 0])
        return logits


class TextEncoder(nn.Module):
    """Embeddings of tokens and positions, 12 blocks (Devlin et al., 2019)."""

    def __init__(self, width: int, heads: int, tokens: int, vocabulary: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(0.02 * torch.randn(1, tokens, width))
        self.norm = nn.LayerNorm(width)
        self.blocks = nn.Sequential(*(Block(width, heads, norm_first=False) for _ in range(_DEPTH)))

    def forward(self, ids: Tensor) -> Tensor:
        """Ids of tokens, N × tokens → N × tokens × width."""
        result: Tensor = self.blocks(self.norm(self.words(ids) + self.positions))
        return result


def vit_tiny() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """12 blocks of width 192 with 3 heads, 197 tokens; an image (1 × 3 × 224 × 224)."""
    torch.manual_seed(_SEED)
    return VisionTransformer(192, 3).eval(), (torch.randn(1, 3, 224, 224),)


def bert_small() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """12 blocks of width 256 with 4 heads, 128 tokens, 30,522 words; ids (1 × 128)."""
    torch.manual_seed(_SEED)
    network = TextEncoder(256, 4, tokens=128, vocabulary=30_522)
    return network.eval(), (torch.randint(0, 30_522, (1, 128)),)
