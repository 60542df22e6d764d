"""Whether an imported network gives its framework's own answers, before anything is spent on it.

It needs neither Ray nor a search: the lowered network is compiled for this machine with default
schedules, each distinct layer once, and run on a few inputs beside its framework. What was lowered
for a GPU, which need not be here, runs on the CPU as well: its layers are loops of no target yet.

`choosing.py` asks it of each way in that a network has.
"""

import time
from dataclasses import replace

from dgtl_ray.core.errors import InputError
from dgtl_ray.model.checking.answers import compare_outputs, not_finite, own_answers
from dgtl_ray.model.checking.host import HostModule, host_target
from dgtl_ray.model.checking.locating import locate
from dgtl_ray.model.checking.report import CheckReport
from dgtl_ray.model.network import Network

_QUANTISED = (
    "an int8 network (quantise, dequantise): it is computed in float arithmetic, as its graph "
    "says, and right within one step of quantisation"
)


class UnusableError(InputError):
    """A network that came in, and gives no answers to compare, or others than are asked for."""

    def __init__(self, network: str, why: str) -> None:
        self.why = why.removeprefix(f"{network}: ")
        super().__init__(f"{network}: {self.why}")


def check(network: Network, *, seed: int = 0, name_culprit: bool = True) -> CheckReport:
    """Compare a network with its own framework on several inputs.

    Args:
        network: Lowered for any target.
        seed: Of the inputs.
        name_culprit: Whether the first operator whose answer differs is looked for, which takes
            some seconds where there is one.

    Raises:
        UnusableError: TVM cannot compile it, or it has more outputs than its framework gives.
        InputError: Its framework cannot run it, or answers otherwise each time.
    """
    start_s = time.perf_counter()
    answers, left_out = own_answers(network, seed)
    try:
        module = HostModule(network.module, host_target())
        outputs = compare_outputs(network, answers, module.run)
    except InputError as error:
        raise UnusableError(network.name, str(error)) from error
    quantised = (_QUANTISED,) if network.facts.quantised else ()
    notes = (*left_out, *not_finite(answers), *quantised)
    report = CheckReport(network=network.name, outputs=outputs, notes=notes)
    if name_culprit and not report.ok:
        wrong = next(a.draw for a in answers if a.draw.name == report.worst.draw)
        report = replace(report, culprit=locate(network, wrong.inputs))
    return replace(report, seconds=time.perf_counter() - start_s)
