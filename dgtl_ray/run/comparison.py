"""The tuned network beside the same network untuned, and run by the runtimes that users have."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dgtl_ray.core.child import ChildContender
from dgtl_ray.core.cores import available_cores
from dgtl_ray.core.errors import DgtlError
from dgtl_ray.core.shapes import AS_IN_FILE, Shapes
from dgtl_ray.deploy import ModuleMetadata, compile_untuned, module_contender, save_module
from dgtl_ray.measure.latency import compare_latency
from dgtl_ray.measure.runtime_device import threads_of
from dgtl_ray.measure.scratch import ScratchRoot
from dgtl_ray.model import Network, TargetSpec
from dgtl_ray.model.specs import SpecKind, classify
from dgtl_ray.peers import PEERS, installed, keep_network, missing_note, peer_contender
from dgtl_ray.run.contenders import CONTENDERS, PEER_NAMES, TITLES

# Bounds what a run's end takes: an untuned network may need half a minute for one inference.
_ROUNDS = 3
_MAX_TIME_S = 5.0
# What is less is noise.
_FASTER = 1.02


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """End-to-end latencies measured in turn.

    Attributes:
        latency_s: Median seconds of one inference by contender, None where it is missing.
        notes: Why one is missing.
    """

    latency_s: dict[str, float | None]
    notes: tuple[str, ...]


def compare_network(
    spec: Any,
    network: Network,
    target: TargetSpec,
    module: Path,
    metadata: ModuleMetadata,
    shapes: Shapes = AS_IN_FILE,
) -> Comparison:
    """Time the tuned module, the untuned one, and the runtimes that are installed, in turn.

    All run on the target's device, on the same number of threads; other runtimes than PyTorch take
    part on a CPU only.

    Args:
        spec: The network as the user named it; a `torch.nn.Module` has no peers.
        network: The same, lowered.
        target: What it was tuned for.
        module: Folder of the tuned module.
        metadata: Of the tuned module; the untuned one gets the same.
        shapes: Of the inputs of an ONNX file, where it leaves them open.
    """
    # Networks are large: not in memory, and not left for good where this process is killed.
    root = ScratchRoot(Path(tempfile.gettempdir()))
    try:
        folder = root.path
        untuned = folder / "untuned"
        save_module(compile_untuned(network, target), untuned, replace(metadata, history=()))
        contenders = [module_contender("tuned", module), module_contender("untuned", untuned)]
        peers, notes = _peers(spec, target, folder, shapes)
        timed = compare_latency([*contenders, *peers], rounds=_ROUNDS, max_time_s=_MAX_TIME_S)
    finally:
        root.remove()
    latency_s = {name: timed[name].median_s if name in timed else None for name in CONTENDERS}
    failed = [f"{TITLES[name]} was not timed: {t.error}" for name, t in timed.items() if t.error]
    return Comparison(latency_s=latency_s, notes=(*failed, *notes))


def _peers(
    spec: Any, target: TargetSpec, folder: Path, shapes: Shapes = AS_IN_FILE
) -> tuple[Sequence[ChildContender], Sequence[str]]:
    """The contenders of other runtimes, and why there are not more."""
    kind = target.kind
    threads = min(threads_of(target.json), available_cores())
    if not isinstance(spec, str | Path):
        return [], ["no other runtime was timed: the network exists in this process only"]
    names = [name for name in PEER_NAMES if kind == "cpu" or not PEERS[name].reads_onnx]
    notes = [] if kind == "cpu" else ["ONNX Runtime, OpenVINO, MNN, ncnn: compared on CPUs only"]
    if classify(str(spec)) is SpecKind.ONNX:
        names.remove("pytorch")
    try:
        kept = keep_network(str(spec), folder, onnx=kind == "cpu", shapes=shapes)
    except DgtlError as error:
        return [], [*notes, f"no other runtime was timed: {error}"]
    contenders = [
        peer_contender(peer, kept, spec=str(spec), threads=threads, device=kind)
        for peer in installed(names)
    ]
    return contenders, [*notes, *filter(None, [missing_note(names)])]


def verdict(latency_s: Mapping[str, float | None]) -> str:
    """What to do where other runtimes are faster than the tuned module, "" where none is."""
    tuned_s = latency_s.get("tuned")
    if not tuned_s:
        return ""
    times = {TITLES[name]: tuned_s / s for name, s in latency_s.items() if s and name in TITLES}
    faster = sorted(((by, title) for title, by in times.items() if by > _FASTER), reverse=True)
    if not faster:
        return ""
    (most, best), *others = faster
    rest = "".join(f", {title} {by:.2f} times" for by, title in others)
    return (
        f"{best} is {most:.2f} times as fast as the tuned module after this search{rest}: give the "
        f"search more time (the same command with --resume and a longer --time-budget), or run "
        f"the network with {best}"
    )


NO_COMPARISON = Comparison(latency_s=dict.fromkeys(CONTENDERS), notes=())
