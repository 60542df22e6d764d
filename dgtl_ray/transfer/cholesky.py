"""Cholesky factors that exist: a ladder of jitter."""

import torch

# Added to the diagonal, step by step, until a factorisation succeeds.
JITTER = (1e-6, 1e-5, 1e-4, 1e-3)


def factor(k: torch.Tensor) -> tuple[torch.Tensor, float]:
    """The lower Cholesky factors of k (… × n × n), and the least jitter that made them possible.

    Raises:
        ArithmeticError: None did.
    """
    eye = torch.eye(k.shape[-1], dtype=k.dtype)
    for jitter in JITTER:
        root, failed = torch.linalg.cholesky_ex(k + jitter * eye)
        if not bool(failed.any()):
            return root, jitter
    raise ArithmeticError(f"a covariance of {k.shape[-1]} rows is not positive definite")
