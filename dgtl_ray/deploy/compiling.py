"""A network and its layers' schedules → an executable."""

import tempfile
from collections.abc import Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import tvm
from numpy.typing import NDArray
from tvm import relax, te, tirx

from dgtl_ray.core.errors import DeployError
from dgtl_ray.core.task import TensorSpec
from dgtl_ray.deploy.cuda import machine_code, take_machine_code
from dgtl_ray.deploy.devices import open_device, thread_count
from dgtl_ray.deploy.running import NetworkRunner
from dgtl_ray.deploy.weights import Preparations, Weights, lift_weights
from dgtl_ray.measure.huge_memory import HugeMemory
from dgtl_ray.measure.link import link_shared
from dgtl_ray.measure.scratch import loadable_folder
from dgtl_ray.measure.thread_pool import ThreadPool
from dgtl_ray.measure.vector_math import use_vector_math
from dgtl_ray.model import Network, TargetSpec, exact_math, workload_key
from dgtl_ray.space.sketches import Scheduled, ScheduleError, apply_schedule

Array = NDArray[Any]

# Inputs are checked once, before a run; the kernels need not check what they pass on.
_LEAN = {"tirx.disable_assert": True}


class CompiledNetwork:
    """A network compiled for a target, in memory.

    Attributes:
        executable: TVM's executable; its `main` takes the inputs, then the weights.
        weights: Values of the weights in order, each made when it is asked for.
        outputs: Shapes and dtypes of what it returns.
    """

    def __init__(
        self,
        executable: Any,
        weights: Weights,
        network: Network,
        target: TargetSpec,
        outputs: tuple[TensorSpec, ...],
    ) -> None:
        self.executable = executable
        self.weights = weights
        self.outputs = outputs
        self._network = network
        self._target = target

    def __call__(self, *inputs: Any) -> Array | tuple[Array, ...]:
        """One inference, NumPy out; a tuple where the network has several outputs.

        Raises:
            InputError: Not one input for each, or a wrong shape or dtype.
            DeviceError: This machine lacks the device.
        """
        return self._runner(*inputs)

    @cached_property
    def _runner(self) -> NetworkRunner:
        device = open_device(self._target.json)
        pool = ThreadPool(thread_count(self._target.json, None))
        to_device = partial(tvm.runtime.tensor, device=device)
        return NetworkRunner(
            self._load(pool),
            pool,
            map(HugeMemory().tensor if device == tvm.cpu() else to_device, self.weights),
            device=device,
            input_names=self._network.input_names,
            inputs=self._network.inputs,
        )

    def _load(self, pool: ThreadPool) -> Any:
        with tempfile.TemporaryDirectory(prefix="dgtl-", dir=loadable_folder()) as scratch:
            path = Path(scratch) / "module.so"
            if self._target.kind == "cuda":
                take_machine_code()
            self.executable.export_library(str(path), fcompile=link_shared, workspace_dir=scratch)
            return pool.load(path)


def compile_network(
    network: Network, schedules: Mapping[str, str], target: TargetSpec
) -> CompiledNetwork:
    """Compile a network, each layer by the schedule chosen for it, its weights prepared for that.

    Args:
        network: A network lowered for `target`.
        schedules: Schedule text (`BuildInput.schedule`) by workload key; a layer that is missing,
            or whose text is empty, gets the default schedule.
        target: What to build for.

    Raises:
        DeployError: A schedule does not fit its layer.
        MissingExtraError: It is for CUDA, and there is no CUDA compiler here.
    """
    module = with_views(network.module)
    layers = _scheduled(module, network, schedules, target)
    functions = dict(module.functions_items())
    for name, scheduled in layers.items():
        # Several are called main: let the network's module name them.
        main = scheduled.module["main"].without_attr("global_symbol")
        functions[module.get_global_var(name)] = main
    preparations = {name: scheduled.preparations for name, scheduled in layers.items()}
    module = tvm.IRModule(functions, attrs=module.attrs)
    return _build(module, network, target, preparations)


def with_views(module: tvm.IRModule) -> tvm.IRModule:
    """The module with calls that only reshape as views, before scheduled loops hide what they are.

    What is no longer called is gone.
    """
    module = relax.transform.RewriteDataflowReshape()(module)
    return relax.transform.DeadCodeElimination(["main"])(module)


def with_kernel(module: tvm.IRModule) -> tvm.IRModule:
    """The module with a kernel at least: without any TVM would export C instead of an object."""
    if any(isinstance(function, tirx.PrimFunc) for _, function in module.functions_items()):
        return module
    functions = {str(v.name_hint): function for v, function in module.functions_items()}
    return tvm.IRModule({**functions, "nothing": _nothing()}, attrs=module.attrs)


def _nothing() -> tirx.PrimFunc:
    """A kernel that nobody calls."""
    one = te.placeholder((1,), name="one")
    copy = te.compute((1,), lambda k: one[k], name="copy")
    return te.create_prim_func([one, copy]).with_attr("global_symbol", "nothing")


def compile_untuned(network: Network, target: TargetSpec) -> CompiledNetwork:
    """Compile a network as TVM does by default: what tuning is compared with.

    For CPUs TVM's default is each layer's plain loops and the C library's functions; for CUDA, its
    rules without a search.
    """
    return _build(network.module, network, exact_math(target), {})


def _scheduled(
    module: tvm.IRModule, network: Network, schedules: Mapping[str, str], target: TargetSpec
) -> dict[str, Scheduled]:
    """Every PrimFunc scheduled, by its name."""
    programs = {task.workload_key: task.program for task in network.tasks}
    layers = {}
    for variable, function in module.functions_items():
        if isinstance(function, tirx.PrimFunc):
            key = workload_key(function)
            program = programs.get(key) or _program(function)
            name = str(variable.name_hint)
            layers[name] = _apply(name, program, schedules.get(key, ""), target)
    return layers


def _program(function: tirx.PrimFunc) -> str:
    """A function that is no task of its own, as a program."""
    return str(
        tvm.ir.save_json(tvm.IRModule({"main": function.with_attr("global_symbol", "main")}))
    )


def _apply(name: str, program: str, schedule: str, target: TargetSpec) -> Scheduled:
    try:
        return apply_schedule(program, target.json, schedule)
    except ScheduleError as error:
        raise DeployError(
            f"the schedule chosen for layer {name} does not fit it: {error}"
        ) from error


def _build(
    module: tvm.IRModule, network: Network, target: TargetSpec, preparations: Preparations
) -> CompiledNetwork:
    tvm_target = tvm.target.Target(target.json)
    use_vector_math(tvm_target)
    outputs = _output_specs(module["main"].ret_ty)
    module, weights = lift_weights(module, preparations)
    context = tvm.transform.PassContext(opt_level=3, config=_LEAN)
    with machine_code(target.kind), tvm_target, context:
        executable = tvm.compile(with_kernel(module), tvm_target)
    return CompiledNetwork(executable, weights, network, target, outputs)


def _output_specs(type_: Any) -> tuple[TensorSpec, ...]:
    fields = [type_] if isinstance(type_, relax.TensorType) else list(type_.fields)
    return tuple(
        TensorSpec(shape=tuple(int(dim) for dim in field.shape), dtype=str(field.dtype))
        for field in fields
    )
