"""A file as the transformer optimiser of ONNX Runtime leaves it."""

import warnings
from pathlib import Path

import onnx
import pytest
import torch

from dgtl_ray.bench.zoo import language
from dgtl_ray.model import TargetSpec, load_network
from dgtl_ray.model.checking.checking import check


@pytest.mark.slow
def test_fused_operators_come_in_right(cpu: TargetSpec, tmp_path: Path) -> None:
    written, fused, half = (tmp_path / f"{name}.onnx" for name in ("written", "fused", "half"))
    network, inputs = language.bert()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's older exporter, which the optimiser knows best
        from onnxruntime.transformers.optimizer import optimize_model

        torch.onnx.export(network, inputs, written, dynamo=False, opset_version=17)
        how = {"num_heads": 4, "hidden_size": 24, "opt_level": 0}
        model = optimize_model(str(written), model_type="bert", **how)
        model.save_model_to_file(str(fused))
        model.convert_float_to_float16()
        model.save_model_to_file(str(half))
    operators = {node.op_type for node in onnx.load(fused).graph.node}
    assert {"Attention", "EmbedLayerNormalization", "SkipLayerNormalization"} <= operators
    for path in (fused, half):
        report = check(load_network(path, cpu))
        assert report.ok, report.message()
