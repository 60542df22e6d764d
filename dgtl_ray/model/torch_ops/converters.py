"""Every converter of ours, by the name of torch's operator."""

from dgtl_ray.model.torch_ops import (
    arithmetic,
    copies,
    indexing,
    normalising,
    pooling,
    products,
    reductions,
    resampling,
    scattering,
)
from dgtl_ray.model.torch_ops.call import Converter

CONVERTERS: dict[str, Converter] = {
    **arithmetic.CONVERTERS,
    **copies.CONVERTERS,
    **indexing.CONVERTERS,
    **normalising.CONVERTERS,
    **pooling.CONVERTERS,
    **products.CONVERTERS,
    **reductions.CONVERTERS,
    **resampling.CONVERTERS,
    **scattering.CONVERTERS,
}
