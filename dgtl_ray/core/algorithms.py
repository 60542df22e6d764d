"""Ways of computing a layer that users can ask for by name."""

from dgtl_ray.core.errors import InputError

DIRECT, WINOGRAD, MATMUL, ATTENTION = "direct", "winograd", "matmul", "attention"
ALGORITHMS = (DIRECT, WINOGRAD, MATMUL, ATTENTION)


def parse_algorithms(text: str) -> tuple[str, ...]:
    """Names separated by commas, each once, in the order of `ALGORITHMS`.

    Raises:
        InputError: One is unknown, or there is none.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in ALGORITHMS]
    if unknown or not names:
        raise InputError(
            f"algorithms: {', '.join(map(repr, unknown)) or 'none'} given; choose from "
            f"{', '.join(ALGORITHMS)}"
        )
    return tuple(name for name in ALGORITHMS if name in names)
