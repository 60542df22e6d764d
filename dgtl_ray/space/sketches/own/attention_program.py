"""Attention as a program of a fixed form: what a network's graph is brought to, and sketches read.

softmax(query · keyᵀ + bias) · value, each head by itself (Vaswani et al., 2017, section 3.2.1), the
weights divided by their sum last.
"""

from dataclasses import dataclass
from typing import Any

from tvm import te, tirx

# Names of its computations.
COMPUTATIONS = SCORES, BIASED, PEAK, WEIGHTS, TOTAL, MIXED, RESULT = (
    "attention_scores",
    "attention_biased",
    "attention_peak",
    "attention_weights",
    "attention_total",
    "attention_mixed",
    "attention",
)


@dataclass(frozen=True, kw_only=True)
class AttentionShape:
    """Sizes of an attention.

    Attributes:
        batch: Examples.
        heads: Of each.
        tokens: Queries of a head.
        others: Keys, and values, of a head.
        width: Of a query and of a key.
        out: Width of a value.
        biased: Whether something is added to the scores.
        merged: Whether the heads of a token lie side by side in the result, (batch, tokens,
            heads · out), or one after the other, (batch, heads, tokens, out).
    """

    batch: int
    heads: int
    tokens: int
    others: int
    width: int
    out: int
    biased: bool
    merged: bool


def attention(shape: AttentionShape, operands: list[Any]) -> Any:
    """The result, from query, key, value and perhaps bias, each with batch and heads in front.

    Args:
        shape: Sizes.
        operands: (batch, heads, tokens, width), (…, others, width), (…, others, out), and
            (…, tokens, others).
    """
    query, key, value, *bias = operands
    step = te.reduce_axis((0, shape.width), name="step")
    other = te.reduce_axis((0, shape.others), name="other")
    each = te.reduce_axis((0, shape.others), name="each")
    heads = (shape.batch, shape.heads)
    pairs = (*heads, shape.tokens, shape.others)
    scores = te.compute(
        pairs,
        lambda b, h, i, j: te.sum(query[b, h, i, step] * key[b, h, j, step], axis=step),
        name=SCORES,
    )
    if shape.biased:
        scores = _plus(scores, bias[0], pairs)
    peak = te.compute(
        (*heads, shape.tokens),
        lambda b, h, i: te.max(scores[b, h, i, other], axis=other),
        name=PEAK,
    )
    weights = te.compute(
        pairs, lambda b, h, i, j: tirx.exp(scores[b, h, i, j] - peak[b, h, i]), name=WEIGHTS
    )
    total = te.compute(
        (*heads, shape.tokens),
        lambda b, h, i: te.sum(weights[b, h, i, each], axis=each),
        name=TOTAL,
    )
    return _mixed(shape, weights, value, total)


def _plus(scores: Any, bias: Any, pairs: tuple[int, ...]) -> Any:
    return te.compute(pairs, lambda *at: scores(*at) + bias(*at), name=BIASED)


def _mixed(shape: AttentionShape, weights: Any, value: Any, total: Any) -> Any:
    """The values' weighted means."""
    step = te.reduce_axis((0, shape.others), name="step")
    heads = (shape.batch, shape.heads)
    mixed = te.compute(
        (*heads, shape.tokens, shape.out),
        lambda b, h, i, c: te.sum(weights[b, h, i, step] * value[b, h, step, c], axis=step),
        name=MIXED,
    )
    if not shape.merged:
        return te.compute(
            (*heads, shape.tokens, shape.out),
            lambda b, h, i, c: mixed[b, h, i, c] / total[b, h, i],
            name=RESULT,
        )

    def side_by_side(b: Any, i: Any, c: Any) -> Any:
        head, within = c // shape.out, c % shape.out
        return mixed[b, head, i, within] / total[b, head, i]

    return te.compute(
        (shape.batch, shape.tokens, shape.heads * shape.out), side_by_side, name=RESULT
    )
