"""A network compiled without its layers: whoever runs it says what each call of one does."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tvm
from tvm import relax
from tvm.relax.expr_functor import PyExprMutator, mutator

from dgtl_ray.core.network_run import Site, Skeleton, site_name
from dgtl_ray.core.task import LayerTask, TensorSpec
from dgtl_ray.deploy.compiling import with_kernel, with_views
from dgtl_ray.deploy.weights import lift_weights
from dgtl_ray.measure.link import link_shared
from dgtl_ray.model import Network, TargetSpec, workload_key
from dgtl_ray.model.tasks import constant_arguments, is_kernel_call, result_types


def compile_skeleton(network: Network, target: TargetSpec) -> Skeleton:
    """Compile all of a network but its layers, which become calls of functions by name."""
    module = with_views(network.module)
    router = _Router(module, network.tasks)
    main = module["main"]
    body = router.visit_expr(main.body)
    routed = relax.Function(main.params, body, main.ret_ty, main.is_pure, main.attrs)
    lifted, _ = lift_weights(with_kernel(tvm.IRModule({"main": routed})), {})
    inputs = tuple(_spec(parameter) for parameter in lifted["main"].params)
    return Skeleton(library=_library(lifted, target), inputs=inputs, sites=tuple(router.sites))


@mutator
class _Router(PyExprMutator):  # type: ignore[misc]
    """Puts a call of a named function in the place of each call of a layer."""

    def __init__(self, module: tvm.IRModule, tasks: Sequence[LayerTask]) -> None:
        super().__init__(module)
        self.sites: list[Site] = []
        self._module = module
        self._layer_of = {task.workload_key: k for k, task in enumerate(tasks)}

    def visit_call_(self, call: Any) -> Any:
        """The call, of a function by name where a layer was called."""
        if not is_kernel_call(call):
            return self.visit_expr_post_order(call)
        weights = constant_arguments(call)
        key = workload_key(self._module[call.args[0].name_hint])
        activations = [
            self.visit_expr(field)
            for k, field in enumerate(call.args[1].fields)
            if k not in weights
        ]
        name = site_name(len(self.sites))
        self.sites.append(Site(layer=self._layer_of[key], weights=weights))
        return relax.call_dps_packed(name, relax.Tuple(activations), result_types(call))


def _library(module: tvm.IRModule, target: TargetSpec) -> bytes:
    tvm_target = tvm.target.Target(target.json)
    with tempfile.TemporaryDirectory(prefix="dgtl-") as scratch:
        path = Path(scratch) / "skeleton.so"
        with tvm_target, tvm.transform.PassContext(opt_level=3):
            executable = tvm.compile(module, tvm_target)
        executable.export_library(str(path), fcompile=link_shared, workspace_dir=scratch)
        return path.read_bytes()


def _spec(variable: Any) -> TensorSpec:
    return TensorSpec(shape=tuple(map(int, variable.ty.shape)), dtype=str(variable.ty.dtype))
