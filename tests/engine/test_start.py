"""A search's processes start while the driver imports."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

SCRIPT = """
import sys
import threading
import dgtl_ray.engine.session as session
from dgtl_ray.engine.workers import start_builders
from dgtl_ray.engine.places import find_places
from dgtl_ray.engine.spare import device_actor, start_spare
from dgtl_ray.core.roles import EvaluatorConfig
from dgtl_ray.measure import LocalBuilder, LocalTimer

assert not {"torch", "tvm"} & set(sys.modules), "imported before the cluster starts"
import ray

done = []
started = threading.Event()

def work():
    assert threading.current_thread() is not threading.main_thread()
    assert started.wait(60), "the work is not beside the start"
    return "worked"

real = session._connect

def connect(address):
    started.set()
    real(address)

session._connect = connect
def begin():
    start_builders(LocalBuilder)
    start_spare(LocalTimer)
    done.append(1)

answer = session.start_beside(work, begin)
assert answer == "worked" and done == [1] and ray.is_initialized()
assert session.start_beside(lambda: "again", lambda: done.append(2)) == "again" and done == [1]
assert session.ahead_s() > 0
place = find_places("cpu")[0]
target = '{"kind": "llvm"}'
with session.ray_session("local"):
    assert ray.is_initialized()
    actor = device_actor(place, LocalTimer, target, EvaluatorConfig())
    assert ray.get(actor.describe.remote()).kind == "cpu"
    assert device_actor(place, LocalTimer, target, EvaluatorConfig()) != actor, "it is taken once"
    ray.get(actor.close.remote())
assert session.ahead_s() == 0
assert not ray.is_initialized(), "a session ends what was started for it"
"""


@pytest.mark.long
def test_a_cluster_starts_beside_imports_and_ends_with_its_session() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
