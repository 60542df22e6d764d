"""Between torch's tensors and NumPy's arrays, bfloat16 included, which NumPy alone has not.

Either way values are copied: a network may write into what it is given, and into what it gave.
"""

from typing import Any

import ml_dtypes
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_array(tensor: Tensor) -> NDArray[Any]:
    """The tensor's values."""
    tensor = tensor.detach()
    if tensor.dtype == torch.bfloat16:
        bits: NDArray[Any] = np.array(tensor.contiguous().view(torch.int16).numpy())
        return bits.view(ml_dtypes.bfloat16)
    return np.array(tensor.numpy())


def to_tensor(array: NDArray[Any]) -> Tensor:
    """The array's values."""
    array = np.array(array, order="C")
    if array.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)
