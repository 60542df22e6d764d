"""The other way in for torch networks: torch writes them as ONNX, and that is imported."""

import logging
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from dgtl_ray.core.errors import InputError, MissingExtraError, first_line


def import_by_onnx(exported: Any) -> Any:
    """An exported torch network as a relax module, by way of an ONNX file.

    Raises:
        InputError: torch cannot write it, or it cannot be imported.
        MissingExtraError: `onnx` or `onnxscript` is not installed.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        _write(exported, path)
        from dgtl_ray.model.onnx_source import OnnxSource

        return OnnxSource(path).to_relax()


def _write(exported: Any, path: Path) -> None:
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)  # the exporter's remarks on operators that it rewrites
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(exported, (), path, dynamo=True, external_data=True, verbose=False)
    except ImportError as error:
        raise MissingExtraError("exporting to ONNX", "onnx") from error
    except Exception as error:  # whatever the exporter raises: it is one more way that fails
        raise InputError(f"torch.onnx.export: {first_line(error)}") from error
    finally:
        logging.disable(level)
