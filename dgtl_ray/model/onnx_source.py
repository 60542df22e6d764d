"""Networks in ONNX files."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dgtl_ray.core.errors import InputError, MissingExtraError
from dgtl_ray.core.task import TensorSpec
from dgtl_ray.model.source import Array, random_inputs

try:
    import onnx
    from onnx.helper import tensor_dtype_to_np_dtype
except ImportError as error:
    raise MissingExtraError("reading an ONNX file", "onnx") from error


class OnnxSource:
    """An ONNX file whose inputs have fixed shapes."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self._path = path
        self._model = _read(path)
        self._inputs = _inputs(path, self._model)

    def to_relax(self) -> Any:
        """See `Source`."""
        import tvm
        from tvm.relax.frontend.onnx import from_onnx

        shapes = {name: list(spec.shape) for name, spec in self._inputs.items()}
        dtypes = {name: spec.dtype for name, spec in self._inputs.items()}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # remarks on models that import all the same
                return from_onnx(self._model, shape_dict=shapes, dtype_dict=dtypes)
        except tvm.error.OpNotImplemented as error:
            names = str(error).rpartition(": ")[2].strip()
            raise InputError(
                f"{self._path}: TVM cannot import the operators {names}: replace them in the "
                "network, or export it with another opset"
            ) from error
        except Exception as error:
            raise InputError(f"{self._path}: TVM cannot import it: {error}") from error

    def example_inputs(self, seed: int) -> tuple[Array, ...]:
        """See `Source`."""
        return random_inputs(tuple(self._inputs.values()), seed)

    def reference(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """See `Source`; by ONNX Runtime where it is installed, else by ONNX's own evaluator."""
        feed = dict(zip(self._inputs, inputs, strict=True))
        try:
            import onnxruntime
        except ImportError:
            from onnx.reference import ReferenceEvaluator

            return tuple(ReferenceEvaluator(self._model).run(None, feed))
        session = onnxruntime.InferenceSession(str(self._path), providers=["CPUExecutionProvider"])
        return tuple(session.run(None, feed))


def _read(path: Path) -> Any:
    if not path.is_file():
        raise InputError(f"no such file: {path}")
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else "it is damaged"
        raise InputError(f"{path} is not a valid ONNX file: {reason}") from error
    return model


def _inputs(path: Path, model: Any) -> dict[str, TensorSpec]:
    weights = {tensor.name for tensor in model.graph.initializer}
    return {
        value.name: _spec(path, value) for value in model.graph.input if value.name not in weights
    }


def _spec(path: Path, value: Any) -> TensorSpec:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        raise InputError(f"{path}: input {value.name!r} is not a tensor of known shape")
    for axis, dim in enumerate(tensor.shape.dim):
        if not dim.HasField("dim_value") or dim.dim_value < 1:
            raise InputError(
                f"{path}: input {value.name!r} has a dynamic shape: dimension {axis} is "
                f"{dim.dim_param or 'not given'!r}. Fix it first, for instance with "
                "python -m onnxruntime.tools.make_dynamic_shape_fixed"
            )
    return TensorSpec(
        shape=tuple(dim.dim_value for dim in tensor.shape.dim),
        dtype=np.dtype(tensor_dtype_to_np_dtype(tensor.elem_type)).name,
    )
