"""Which relax operators compute each element from the same element of their arguments."""

_UNARY = (
    "abs", "astype", "ceil", "clip", "erf", "exp", "floor", "log", "logical_not", "negative",
    "nn.gelu", "nn.gelu_tanh", "nn.leakyrelu", "nn.relu", "nn.relu6", "nn.silu", "nn.softplus",
    "round", "rsqrt", "sigmoid", "sign", "sqrt", "square", "tanh",
)  # fmt: skip
_BROADCASTING = (
    "add", "divide", "equal", "floor_divide", "greater", "greater_equal", "less", "less_equal",
    "logical_and", "logical_or", "maximum", "minimum", "multiply", "not_equal", "power", "subtract",
    "where",
)  # fmt: skip

# Every tensor among the arguments is broadcast to the shape of the result.
ELEMENTWISE = frozenset(f"relax.{name}" for name in (*_UNARY, *_BROADCASTING))
