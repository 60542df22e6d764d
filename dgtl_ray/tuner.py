"""The Python API, with Ray Tune's names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dgtl_ray.core.algorithms import ALGORITHMS, parse_algorithms
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.progress import Monitor, SilentMonitor
from dgtl_ray.core.roles import EvaluatorConfig
from dgtl_ray.core.shapes import Shapes
from dgtl_ray.engine.budget import Budget
from dgtl_ray.run.experiment import Experiment, ExperimentConfig
from dgtl_ray.run.folder import RunFolder, new_run_id
from dgtl_ray.run.results import ResultGrid
from dgtl_ray.search import learns_from_sources, proposer_names
from dgtl_ray.storage import join, split


@dataclass(frozen=True, kw_only=True)
class TuneConfig:
    """What to search, and for how long.

    Attributes:
        num_samples: Trials over all layers; 0 takes the best that history knows.
        time_budget_s: Seconds of search. With `num_samples`, whichever ends first.
        samples_per_layer: The most trials of one layer.
        min_gain: The search also ends when this share of the network's latency, or less, is
            expected to be left to gain.
        search_alg: Name of the proposer.
        seed: Source of every random choice.
        exact_math: The C library's exp, erf, tanh, … on a CPU, instead of polynomials that err by
            less than 4 units in the last place and run many elements at a time.
        algorithms: How layers may be computed: any of `direct`, `winograd` and `matmul`.
    """

    num_samples: int | None = None
    time_budget_s: float | None = None
    samples_per_layer: int | None = None
    min_gain: float = 0.01
    search_alg: str = "dgtl"
    seed: int = 0
    exact_math: bool = False
    algorithms: tuple[str, ...] = ALGORITHMS
    metric: str = "latency_s"
    mode: str = "min"

    def __post_init__(self) -> None:
        if self.search_alg not in proposer_names():
            known = ", ".join(proposer_names())
            raise InputError(f"search_alg is {self.search_alg!r}: choose one of {known}")
        # Not only a check: the order and repetitions of the names mean nothing.
        names = parse_algorithms(",".join(self.algorithms))
        object.__setattr__(self, "algorithms", names)
        if (self.metric, self.mode) != ("latency_s", "min"):
            raise InputError(
                f"metric is {self.metric!r}, mode {self.mode!r}: only latency_s, min is tuned"
            )

    @property
    def budget(self) -> Budget:
        """The limits; eight minutes where none is given."""
        time_s = self.time_budget_s
        if self.num_samples is None and time_s is None:
            time_s = 480.0
        return Budget(
            trials=self.num_samples,
            time_s=time_s,
            layer_trials=self.samples_per_layer,
            min_gain=self.min_gain,
        )


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Where a run lives and what it shows.

    Attributes:
        name: Folder of the run under `storage_path`; made up where it is None.
        storage_path: Folder of runs: a path, or an address that Arrow knows (`s3://…`).
        history: Where measurements are appended; the run's own folder where it is None.
        compare: Whether the tuned network is timed beside the untuned and the frameworks' own.
        monitor: Shows the run.
        address: Ray cluster; `local` starts one on this machine.
        device: Part of the name of the kind of device to tune for, where a cluster has several.
    """

    name: str | None = None
    storage_path: str | Path = "runs"
    history: str | None = None
    compare: bool = True
    monitor: Monitor = field(default_factory=SilentMonitor)
    address: str = "local"
    device: str = ""
    evaluator: EvaluatorConfig = field(default_factory=EvaluatorConfig)


class Tuner:
    """Tunes a network for a target.

    Args:
        network: A built-in name, an ONNX file, `package.module:factory`, or a `torch.nn.Module`
            (then with `example_inputs`).
        target: `cpu`, `cuda`, or a TVM target as JSON.
        history: URIs of histories that may be learned from.
        model: Folder of a model that `dgtl pretrain` made; what it knows takes the place of what
            the histories tell of other tasks.
        example_inputs: Tensors that the module takes, where `network` is one.
        shapes: The shapes of an ONNX file's inputs by name, where it leaves them open.
        dims: The sizes of dimensions that an ONNX file names, by that name.

    Raises:
        InputError: Something given cannot be used; the message says what.
    """

    def __init__(
        self,
        network: Any,
        *,
        target: str = "cpu",
        tune_config: TuneConfig | None = None,
        run_config: RunConfig | None = None,
        history: Sequence[str] = (),
        model: str | Path | None = None,
        example_inputs: Sequence[Any] | None = None,
        shapes: Mapping[str, Sequence[int]] | None = None,
        dims: Mapping[str, int] | None = None,
        resume: bool = False,
    ) -> None:
        self._network = network
        self._target = target
        self._tune = tune_config or TuneConfig()
        self._run = run_config or RunConfig()
        self._history = tuple(history)
        self._model = None if model is None else Path(model)
        if model is not None and not learns_from_sources(self._tune.search_alg):
            raise InputError(f"search_alg {self._tune.search_alg!r} takes no model: choose dgtl")
        self._example_inputs = example_inputs
        self._shapes = Shapes(
            inputs={name: tuple(shape) for name, shape in (shapes or {}).items()},
            dims=dict(dims or {}),
        )
        self._resume = resume
        self._budget = self._tune.budget

    @classmethod
    def restore(
        cls,
        path: str | Path,
        network: Any,
        *,
        tune_config: TuneConfig | None = None,
        run_config: RunConfig | None = None,
        history: Sequence[str] = (),
        model: str | Path | None = None,
        example_inputs: Sequence[Any] | None = None,
        shapes: Mapping[str, Sequence[int]] | None = None,
        dims: Mapping[str, int] | None = None,
    ) -> "Tuner":
        """A tuner that goes on with the run in the folder `path`.

        Target, search and seed are the run's own; the budget counts what the run already used.
        """
        state = RunFolder(path).read()
        parent, name = split(path)
        return cls(
            network,
            target=state.target,
            tune_config=replace(
                tune_config or TuneConfig(), search_alg=state.search, seed=state.seed
            ),
            run_config=replace(run_config or RunConfig(), name=name, storage_path=parent),
            history=history,
            model=model,
            example_inputs=example_inputs,
            shapes=shapes,
            dims=dims,
            resume=True,
        )

    @staticmethod
    def can_restore(path: str | Path) -> bool:
        """Whether a run was begun in the folder `path`."""
        return RunFolder(path).has_run()

    def fit(self) -> ResultGrid:
        """Search, deploy, verify, compare.

        Raises:
            InputError: Something given cannot be used; the message says what.
            DeviceError: There is no device for the target.
        """
        run_id = new_run_id()
        run = self._run
        config = ExperimentConfig(
            run_id=run_id,
            network=self._network,
            example_inputs=self._example_inputs,
            shapes=self._shapes,
            target=self._target,
            budget=self._budget,
            search=self._tune.search_alg,
            seed=self._tune.seed,
            folder=join(run.storage_path, run.name or run_id),
            history=run.history,
            sources=self._history,
            model=self._model,
            resume=self._resume,
            compare=run.compare,
            address=run.address,
            device=run.device,
            exact_math=self._tune.exact_math,
            algorithms=self._tune.algorithms,
            evaluator=run.evaluator,
        )
        return Experiment(config, run.monitor).run()
