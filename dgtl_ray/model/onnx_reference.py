"""What an ONNX network answers, by ONNX Runtime or by ONNX's own evaluator."""

from collections.abc import Mapping
from typing import Any

import onnx

from dgtl_ray.core.errors import InputError, first_line
from dgtl_ray.model.source import Array

# What gives or takes something else than tensors.
_NO_TENSORS = ("Sequence", "Optional", "SplitToSequence", "ConcatFromSequence")


class OnnxReference:
    """A network as its file says it: nothing is optimised.

    ONNX Runtime's usual optimisation computes something else for a quantised network. What it
    cannot run, a float64 convolution for instance, ONNX's own evaluator runs, slowly.
    """

    def __init__(self, name: str, model: Any, path: str | None) -> None:
        """`path` is where the model was read from, None where it is nowhere but in memory."""
        self._name = name
        self._model = model
        self._path = path
        self._session: Any = None
        self._evaluator: Any = None

    def run(self, feed: Mapping[str, Array]) -> tuple[Array, ...]:
        """The outputs, in order.

        Raises:
            InputError: Neither can run it.
        """
        reasons = []
        if self._evaluator is None:
            try:
                return tuple(self._opened_session().run(None, dict(feed)))
            except ImportError:
                reasons.append("ONNX Runtime: not installed")
            except Exception as error:  # noqa: BLE001 - it has a dozen types; the next one tries
                reasons.append(f"ONNX Runtime: {first_line(error)}")
        try:
            return self._evaluate(feed)
        except Exception as error:
            reasons.append(f"ONNX's evaluator: {first_line(error)}")
            raise InputError(
                f"{self._name}: nothing here can run it, so its answers cannot be checked "
                f"({'; '.join(reasons)})"
            ) from error

    def _opened_session(self) -> Any:
        if self._session is None:
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
            options.log_severity_level = 4
            source = self._path or self._model.SerializeToString()
            self._session = onnxruntime.InferenceSession(
                source, options, providers=["CPUExecutionProvider"]
            )
        return self._session

    def _evaluate(self, feed: Mapping[str, Array]) -> tuple[Array, ...]:
        if self._evaluator is None:
            from onnx.reference import ReferenceEvaluator

            evaluator = ReferenceEvaluator(self._model)
            outputs = tuple(evaluator.run(None, dict(feed)))
            self._evaluator = evaluator
            return outputs
        return tuple(self._evaluator.run(None, dict(feed)))


def open_model(model: Any) -> tuple[Any, tuple[str, ...]]:
    """The model with the result of every node as an output, and what each node is called.

    Results that are no tensors, or that no node of the graph itself computes, are left out.
    """
    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    types = {value.name: value for value in (*model.graph.value_info, *model.graph.output)}
    results = [
        (name, f"{node.op_type} {node.name or name!r}")
        for node in model.graph.node
        if not node.op_type.startswith(_NO_TENSORS)
        for name in node.output
        if name
    ]
    del opened.graph.output[:]
    for name, _ in results:
        known = types.get(name)
        opened.graph.output.append(known or onnx.ValueInfoProto(name=name))
    return opened, tuple(label for _, label in results)
