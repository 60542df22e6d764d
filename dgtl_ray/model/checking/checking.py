"""Whether an imported network gives its framework's own answers, before anything is spent on it.

It needs neither Ray nor a search: the lowered network is compiled for this machine with default
schedules, each distinct layer once, and run on a few inputs beside its framework. What was lowered
for a GPU, which need not be here, runs on the CPU as well: its layers are loops of no target yet.

`choosing.py` asks it of each way in that a network has.
"""

import time
from dataclasses import replace

from dgtl_ray.model.checking.answers import compare_outputs, not_finite, own_answers
from dgtl_ray.model.checking.host import HostModule, host_target
from dgtl_ray.model.checking.locating import locate
from dgtl_ray.model.checking.report import CheckReport
from dgtl_ray.model.network import Network

_QUANTISED = (
    "an int8 network (quantise, dequantise): it is computed in float arithmetic, as its graph "
    "says, and right within one step of quantisation"
)


def check(network: Network, *, seed: int = 0, name_culprit: bool = True) -> CheckReport:
    """Compare a network with its own framework on several inputs.

    Args:
        network: Lowered for any target.
        seed: Of the inputs.
        name_culprit: Whether the first operator whose answer differs is looked for, which takes
            some seconds where there is one.

    Raises:
        InputError: Its framework cannot run it, or answers otherwise each time.
    """
    start_s = time.perf_counter()
    answers = own_answers(network, seed)
    module = HostModule(network.module, host_target())
    outputs = compare_outputs(network, answers, module.run)
    notes = [*not_finite(answers), *([_QUANTISED] if network.facts.quantised else [])]
    report = CheckReport(network=network.name, outputs=outputs, notes=tuple(notes))
    if name_culprit and not report.ok:
        wrong = next(a.draw for a in answers if a.draw.name == report.worst.draw)
        report = replace(report, culprit=locate(network, wrong.inputs))
    return replace(report, seconds=time.perf_counter() - start_s)
