"""What begins before a search's imports are done, and an interrupt meanwhile."""

import signal
import subprocess
import sys

INTERRUPTED = """
import os
import signal
import time
from dgtl_ray.run import ahead

def interrupted(*_arguments):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)

ahead._start_search = interrupted
try:
    ahead.start_search("alexnet", "cpu")
except KeyboardInterrupt:
    raise SystemExit("an import would be broken off")
"""

HANDLERS = """
import signal
import threading
from dgtl_ray.run import ahead

def note(*_arguments):
    seen.append(signal.getsignal(signal.SIGINT))

seen = []
ahead._start_search = note
ahead.start_search("alexnet", "cpu")
assert seen == [signal.SIG_DFL]
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

for theirs in (signal.SIG_IGN, lambda *_: None):
    signal.signal(signal.SIGINT, theirs)
    ahead.start_search("alexnet", "cpu")
    assert seen[-1] is theirs and signal.getsignal(signal.SIGINT) is theirs

thread = threading.Thread(target=ahead.start_search, args=("alexnet", "cpu"))
thread.start()
thread.join()
assert len(seen) == 4
"""


def test_an_interrupt_while_a_search_starts_ends_the_program() -> None:
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED], timeout=50, check=False)
    assert ended.returncode == -signal.SIGINT


def test_interrupts_are_handled_as_before_once_it_has_started() -> None:
    subprocess.run([sys.executable, "-c", HANDLERS], timeout=50, check=True)
