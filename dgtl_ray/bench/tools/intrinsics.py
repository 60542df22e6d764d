"""TVM's tensor intrinsics imported in seconds instead of most of a minute.

Each of the ~250 intrinsics asks for `inspect.stack()`, which reads the source lines of all frames
and searches all loaded modules for them; the parser uses the frames alone.
"""

import importlib
import inspect


def import_intrinsics() -> None:
    """Import them with a call stack that reads no sources; does nothing if they are there."""
    thorough = inspect.stack
    inspect.stack = _frames
    try:
        importlib.import_module("tvm.s_tir.tensor_intrin")
    finally:
        inspect.stack = thorough


def _frames(context: int = 1) -> list[inspect.FrameInfo]:
    """What `inspect.stack` gives, without the lines of source around each call."""
    del context
    infos: list[inspect.FrameInfo] = []
    here = inspect.currentframe()
    frame = here.f_back if here else None
    while frame:
        code = frame.f_code
        infos.append(
            inspect.FrameInfo(frame, code.co_filename, frame.f_lineno, code.co_name, None, None)
        )
        frame = frame.f_back
    return infos
