"""What a command's imports leave out."""

import gc
import subprocess
import sys

import pytest

_IMPORT = """
import sys
from dgtl_ray.run.lean import import_for
import_for("{network}", "dgtl_ray.run.checking")
import torch.distributed.fsdp._fully_shard  # it can be had afterwards
"""


@pytest.mark.slow
def test_onnx_files_need_no_torch() -> None:
    said = _IMPORT.format(network="net.onnx").replace(
        "import torch.d", "assert 'torch' not in sys.modules\nimport torch.d"
    )
    subprocess.run([sys.executable, "-c", said], check=True)


def test_garbage_is_collected_afterwards() -> None:
    from dgtl_ray.run.lean import import_for

    with pytest.raises(ModuleNotFoundError):
        import_for("net.onnx", "dgtl_ray.no_such_module")
    assert gc.isenabled()
