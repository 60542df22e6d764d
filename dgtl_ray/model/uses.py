"""How often a relax function reads each of its variables."""

from collections import Counter
from typing import Any

from tvm import relax


def count_uses(function: Any) -> Counter[Any]:
    """How often each variable is read."""
    uses: Counter[Any] = Counter()

    def count(expr: Any) -> None:
        if isinstance(expr, relax.Call | relax.Tuple):
            fields = expr.args if isinstance(expr, relax.Call) else expr.fields
            uses.update(field for field in fields if isinstance(field, relax.Var))
        elif isinstance(expr, relax.TupleGetItem | relax.SeqExpr):
            uses[expr.tuple_value if isinstance(expr, relax.TupleGetItem) else expr.body] += 1

    relax.analysis.post_order_visit(function, count)
    return uses
