"""Architectures that people use, tiny, each brought in three ways, all the way to its answers."""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from dgtl_ray.bench.tools.extra import require
from dgtl_ray.bench.tools.report import BenchReport, BenchTable
from dgtl_ray.bench.zoo.architectures import ARCHITECTURES
from dgtl_ray.core.child import JsonChild
from dgtl_ray.core.errors import DgtlError, InputError

WAYS = ("dynamo", "torchscript", "torch")
_SERVER = "dgtl_ray.bench.zoo.server"
_TRIALS = 16
_START_LIMIT_S = 300.0
_CASE_LIMIT_S = 300.0
_QUICK = (["gru"], ["torch"])


def run(
    *,
    quick: bool,
    networks: Sequence[str] = (),
    ways: Sequence[str] = (),
    trials: int = _TRIALS,
    runs: Path | None = None,
) -> BenchReport:
    """A row for each architecture and way: ok, or where and why it stopped.

    Args:
        quick: One case.
        networks: Architectures; all by default.
        ways: `dynamo` and `torchscript` (ONNX files, by torch's two exporters), `torch` (a
            factory); all by default.
        trials: Of each case, over all layers.
        runs: Folder that keeps what became of each case; what is ok there is not run again.

    Raises:
        InputError: There is no such architecture or way.
        MissingExtraError: A way leads through ONNX, which is not installed.
    """
    _check("architecture", networks, tuple(ARCHITECTURES))
    _check("way", ways, WAYS)
    names, by = (list(networks) or list(ARCHITECTURES)), (list(ways) or list(WAYS))
    if quick:
        names, by = (list(networks) or _QUICK[0]), (list(ways) or _QUICK[1])
    if set(by) != {"torch"}:
        require("zoo", "onnx", "onnxscript")
    place = TemporaryDirectory() if runs is None else nullcontext(str(runs))
    with place as folder, closing(_Runner(Path(folder), trials)) as runner:
        rows = [runner.row(name, way) for name in names for way in by]
    return _report(rows, {"trials": trials, "quick": quick})


def _check(what: str, given: Sequence[str], known: Sequence[str]) -> None:
    if unknown := [name for name in given if name not in known]:
        raise InputError(f"no {what} {', '.join(unknown)}: there are {', '.join(known)}")


def _report(rows: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> BenchReport:
    right = sum(row["ok"] for row in rows)
    return BenchReport(
        name="zoo",
        tables=[BenchTable(title="architectures, each in several ways", rows=rows)],
        figures={"right": f"{right} of {len(rows)}"},
        settings=settings,
    )


class _Runner:
    """Runs cases in a child with a Ray of its own; both are started anew after a crash."""

    def __init__(self, folder: Path, trials: int) -> None:
        self._folder = folder
        self._trials = trials
        self._child: JsonChild | None = None
        self._console = Console(stderr=True)
        folder.mkdir(parents=True, exist_ok=True)

    def row(self, architecture: str, way: str) -> dict[str, Any]:
        """What became of a case, now or earlier."""
        kept = self._folder / f"{architecture}-{way}.json"
        row: dict[str, Any] | None = json.loads(kept.read_text()) if kept.exists() else None
        if row is None or not row["ok"]:
            row = {"architecture": architecture, "way": way, **self._run(architecture, way)}
            kept.write_text(json.dumps(row))
            said = "ok" if row["ok"] else f"{row['stage']}: {row['why']}"
            self._console.print(
                f"{architecture}, {way}: {said} ({row['seconds']:.0f} s)",
                highlight=False,
                markup=False,
            )
        return row

    def _run(self, architecture: str, way: str) -> Mapping[str, Any]:
        request = {"architecture": architecture, "way": way, "trials": self._trials}
        start = time.monotonic()
        with TemporaryDirectory(prefix="dgtl-") as scratch:
            try:
                return self._ready().ask({**request, "folder": scratch}, _CASE_LIMIT_S)
            except DgtlError as error:
                self.close()
                seconds = time.monotonic() - start
                return {"ok": False, "stage": "crash", "why": str(error), "seconds": seconds}

    def _ready(self) -> JsonChild:
        if self._child is None:
            self._child = JsonChild("the case", _SERVER)
            self._child.receive(_START_LIMIT_S)
        return self._child

    def close(self) -> None:
        """End the child; once more is harmless."""
        if self._child is not None:
            self._child.close()
            self._child = None
