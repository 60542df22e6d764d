"""The float format in which a network is computed."""

from dgtl_ray.core.errors import InputError

# What the network says itself.
OWN = "own"
FLOAT16 = "float16"
BFLOAT16 = "bfloat16"
PRECISIONS = (OWN, FLOAT16)


def parse_precision(text: str) -> str:
    """One of `PRECISIONS`, by its name.

    Raises:
        InputError: There is none of that name.
    """
    if text not in PRECISIONS:
        raise InputError(f"precision is {text!r}: choose one of {', '.join(PRECISIONS)}")
    return text


def in_bfloat16(network: str) -> str:
    """Why a network is refused."""
    return (
        f"{network}: it is in bfloat16, which TVM cannot compile for all that layers do, nor NumPy"
        " keep: give it in float32 (`.float()` in PyTorch), with --precision float16 if half of the"
        " bits do"
    )
