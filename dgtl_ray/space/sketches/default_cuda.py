"""Default schedules for CUDA: TVM's own rules for matrix products, reductions and the rest."""

import tvm


def schedule_cuda(module: tvm.IRModule, target: tvm.target.Target) -> tvm.IRModule:
    """Bind every block of `module`'s `main` to threads by the first of DLight's rules that fits."""
    # Imported here: a machine that tunes for CPUs never needs it.
    from tvm.s_tir import dlight

    rules = dlight.ApplyDefaultSchedule(
        dlight.gpu.Matmul(),
        dlight.gpu.GEMV(),
        dlight.gpu.Reduction(),
        dlight.gpu.GeneralReduction(),
        dlight.gpu.Fallback(),
    )
    with target:
        # A copy: the rules write into the module that they are given.
        return rules(tvm.IRModule(dict(module.functions_items()), attrs=module.attrs))
