"""What happened to a candidate, as a row."""

from dgtl_ray.core.device import Conditions
from dgtl_ray.core.measurement import Stage, Status
from dgtl_ray.core.roles import NOTHING, Artifact, BuildResult, RunResult
from dgtl_ray.engine.loop import default_candidate
from dgtl_ray.engine.recorder import Recorder, RunContext, Trial
from dgtl_ray.model import Network
from dgtl_ray.testing.fakes import FAKE_DEVICE
from tests.engine.conftest import Sink

BUILT = BuildResult(status=Status.OK, error="", artifact=Artifact(library=b"code"), build_s=0.3)
FAILED = BuildResult(status=Status.BUILD_ERROR, error="no memory", artifact=NOTHING, build_s=0.2)
RAN = RunResult(
    status=Status.OK,
    error="",
    repeats_s=(3e-3, 1e-3, 2e-3),
    timing_s=0.1,
    conditions=Conditions(core_clock_mhz=1980.0, memory_clock_mhz=2619.0, temperature_c=41.0),
)


def test_a_row_tells_what_the_device_was_like(network: Network) -> None:
    sink = Sink()
    context = RunContext(
        run_id="run", target="{}", device=FAKE_DEVICE, toolchain={}, proposer="random", seed=0
    )
    recorder = Recorder(context, network.tasks, ["space"] * len(network.tasks), sink, first_trial=7)
    candidate = default_candidate(Stage.DEFAULT)
    trials = [
        Trial(layer=0, candidate=candidate, build=build, run=run)
        for build, run in ((BUILT, RAN), (FAILED, None))
    ]
    ran, failed = recorder.record(trials)
    assert sink.rows == [ran, failed]
    assert (ran.trial, failed.trial) == (7, 8)
    assert (ran.cost_s, failed.cost_s, failed.error) == (2e-3, None, "no memory")
    assert (ran.core_clock_mhz, ran.memory_clock_mhz, ran.temperature_c) == (1980.0, 2619.0, 41.0)
    assert (failed.core_clock_mhz, failed.memory_clock_mhz, failed.temperature_c) == (None,) * 3
