"""Networks of torch's operators, imported so that they give torch's own answers.

TVM has a converter for most operators that `torch.export` leaves. Here are ours, for those it has
none for or converts to other numbers, and the rules that hold for all: what a converter returns
has the shape and dtype that torch has, and what cannot be converted is named with its place in
the user's source.
"""

from dgtl_ray.model.torch_ops.importer import RandomNetworkError, import_exported

__all__ = ["RandomNetworkError", "import_exported"]
