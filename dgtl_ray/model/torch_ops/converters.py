"""Every converter of ours, by the name of torch's operator."""

from dgtl_ray.model.torch_ops import arithmetic, indexing, resampling
from dgtl_ray.model.torch_ops.call import Converter

CONVERTERS: dict[str, Converter] = {
    **arithmetic.CONVERTERS,
    **indexing.CONVERTERS,
    **resampling.CONVERTERS,
}
