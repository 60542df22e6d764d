"""The Python API, with Ray Tune's names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from dgtl_ray.core.algorithms import ALGORITHMS, parse_algorithms
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import FUNCTION_TARGET
from dgtl_ray.core.progress import Monitor, SilentMonitor
from dgtl_ray.core.roles import EvaluatorConfig
from dgtl_ray.core.shapes import Shapes
from dgtl_ray.engine.budget import Budget
from dgtl_ray.function_tuner import FunctionJob, restored_job, with_settings
from dgtl_ray.run.experiment import Experiment, ExperimentConfig
from dgtl_ray.run.folder import RunFolder, new_run_id
from dgtl_ray.search import learns_from_sources, proposer_names
from dgtl_ray.space.parameters.reading import Condition
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
        algorithms: How layers may be computed: any of `direct`, `winograd`, `matmul` and
            `attention`.
        metric: Of a function, the number that counts, by its name in the dict that it returns.
        mode: Of a function, `min` or `max`.
        max_concurrent_trials: Calls of a function at once; as many as there is room for by default.
        trial_timeout_s: How long a call of a function may take; for ever by default.
        resources_per_trial: What Ray reserves for a call of a function; one CPU by default.
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
    max_concurrent_trials: int | None = None
    trial_timeout_s: float | None = None
    resources_per_trial: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if self.search_alg not in proposer_names():
            known = ", ".join(proposer_names())
            raise InputError(f"search_alg is {self.search_alg!r}: choose one of {known}")
        # Not only a check: the order and repetitions of the names mean nothing.
        names = parse_algorithms(",".join(self.algorithms))
        object.__setattr__(self, "algorithms", names)

    def require_latency(self) -> None:
        """Check that what a network is tuned for is asked for.

        Raises:
            InputError: Another metric or mode.
        """
        if (self.metric, self.mode) != ("latency_s", "min"):
            raise InputError(
                f"metric is {self.metric!r}, mode {self.mode!r}: a network is tuned for latency_s, "
                "min; a function, with param_space, for whatever it returns"
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
        stop: When a function's run ends before its budget: a number for a metric, a function of a
            trial's name and metrics, or one of Ray Tune's stoppers.
    """

    name: str | None = None
    storage_path: str | Path = "runs"
    history: str | None = None
    compare: bool = True
    monitor: Monitor = field(default_factory=SilentMonitor)
    address: str = "local"
    device: str = ""
    evaluator: EvaluatorConfig = field(default_factory=EvaluatorConfig)
    stop: Any = None


class Tuner:
    """Tunes a network for a target, or a function of parameters.

    Args:
        trainable: A network: a built-in name, an ONNX file, `package.module:factory`, or a
            `torch.nn.Module` (then with `example_inputs`). Or, with `param_space`, a function of
            one configuration that builds and times whatever it likes, and returns seconds or a
            dict of numbers.
        param_space: Values of each parameter: `dgtl_ray.choice`, `tile`, `randint`, `steps`, a
            list, or one of Ray Tune's domains.
        restrictions: Conditions between parameters, as text (`"x * y <= 1024"`) or functions.
        task: What a function is called in history; its own name by default. What history knows of
            the same task on other devices, or of others with the same parameters, is transferred.
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
        trainable: Any,
        *,
        param_space: Mapping[str, Any] | None = None,
        restrictions: Sequence[Condition] = (),
        task: str = "",
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
        self._network = trainable
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
        self._function: FunctionJob | None = None
        if param_space is None:
            self._tune.require_latency()
        else:
            self._function = FunctionJob(
                function=trainable,
                task=task or getattr(trainable, "__name__", type(trainable).__name__),
                parameters=param_space,
                restrictions=tuple(restrictions),
            )
        self._budget = self._tune.budget

    @classmethod
    def restore(
        cls,
        path: str | Path,
        trainable: Any,
        resume_unfinished: bool = True,
        resume_errored: bool = False,
        restart_errored: bool = False,
        param_space: Mapping[str, Any] | None = None,
        *,
        restrictions: Sequence[Condition] | None = None,
        tune_config: TuneConfig | None = None,
        run_config: RunConfig | None = None,
        history: Sequence[str] = (),
        model: str | Path | None = None,
        example_inputs: Sequence[Any] | None = None,
        shapes: Mapping[str, Sequence[int]] | None = None,
        dims: Mapping[str, int] | None = None,
    ) -> "Tuner":
        """A tuner that goes on with the run in the folder `path`.

        Target, search and seed are the run's own; the budget counts what the run already used. A
        function's parameters and settings are those that it was begun with, where none are given.

        Args:
            path: Folder or address of the run.
            trainable: What is tuned, as it was.
            resume_unfinished: Whether what was asked for and not measured comes first; it does.
            resume_errored: Whether a function is called again for what failed.
            restart_errored: The same: a call has no middle to go on from.
            param_space: Parameters of the function, where others are meant.
            restrictions: Between them; to be given where they are functions.
            tune_config: Another budget, for instance.
            run_config: Monitor, address, stop; the folder is `path`.
            history: URIs of histories that may be learned from.
            model: As for a `Tuner`.
            example_inputs: As for a `Tuner`.
            shapes: As for a `Tuner`.
            dims: As for a `Tuner`.

        Raises:
            InputError: There is no such run, or `resume_unfinished` is off.
        """
        if not resume_unfinished:
            raise InputError(
                "resume_unfinished=False would leave out what was asked for: a new run with the "
                "history of this one does that"
            )
        state = RunFolder(path).read()
        parent, name = split(path)
        run_config = replace(run_config or RunConfig(), name=name, storage_path=parent)
        begun = partial(replace, search_alg=state.search, seed=state.seed)
        if state.target != FUNCTION_TARGET:
            return cls(
                trainable,
                target=state.target,
                tune_config=begun(tune_config or TuneConfig()),
                run_config=run_config,
                history=history,
                model=model,
                example_inputs=example_inputs,
                shapes=shapes,
                dims=dims,
                resume=True,
            )
        again = resume_errored or restart_errored
        job, settings = restored_job(str(path), trainable, param_space, restrictions, again=again)
        if tune_config is None:
            tune_config = with_settings(TuneConfig(), settings)
        restored = cls(
            trainable,
            param_space=job.parameters,
            tune_config=begun(tune_config),
            run_config=run_config,
            history=history,
            resume=True,
        )
        restored._function = job
        return restored

    @staticmethod
    def can_restore(path: str | Path) -> bool:
        """Whether a run was begun in the folder `path`."""
        return RunFolder(path).has_run()

    def fit(self) -> Any:
        """Search, and deploy, verify and compare where it is a network.

        Returns:
            A `ResultGrid` with one result a layer of a network, or a `TrialGrid` with one a trial
            of a function.

        Raises:
            InputError: Something given cannot be used; the message says what.
            DeviceError: There is no device for the target.
        """
        if self._function is not None:
            return self._function.fit(self._tune, self._run, self._history, resume=self._resume)
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
