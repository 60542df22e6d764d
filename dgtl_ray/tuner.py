"""The Python API, with Ray Tune's names."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from dgtl_ray.configs import RunConfig, TuneConfig, require_network
from dgtl_ray.core.acquisition import ACQUISITIONS
from dgtl_ray.core.algorithms import parse_algorithms
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import FUNCTION_TARGET, Objective
from dgtl_ray.core.shapes import Shapes
from dgtl_ray.function_tuner import (
    FunctionJob,
    require_function_settings,
    restored_job,
    with_settings,
)
from dgtl_ray.model import target_kind
from dgtl_ray.run.builtin import model_of
from dgtl_ray.run.callbacks import Callbacks
from dgtl_ray.run.experiment import Experiment, ExperimentConfig
from dgtl_ray.run.folder import RunFolder, new_run_id
from dgtl_ray.run.results import finished_grid
from dgtl_ray.search import learns_from_sources
from dgtl_ray.space.parameters.reading import Condition
from dgtl_ray.storage import join, mounted, split


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
        target: Of a network: `cpu`, `cuda`, or a TVM target as JSON.
        tune_config: What to search, and for how long.
        run_config: Where the run lives, and what it shows.
        history: URIs of histories that may be learned from; `builtin` is what ships with the
            package, measurements of well-known networks.
        model: Of a network: folder of a model that `dgtl pretrain` made; what it knows takes the
            place of what the histories tell of other tasks.
        example_inputs: Tensors that the module takes, where `trainable` is one.
        shapes: The shapes of an ONNX file's inputs by name, where it leaves them open.
        dims: The sizes of dimensions that an ONNX file names, by that name.
        resume: Whether to go on with the run that is in the folder of `run_config`, which was begun
            with the same arguments; `restore` needs only its folder.

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
        self._grid: Any = None
        if param_space is None:
            require_network(self._tune, self._run)
        else:
            given = {
                "target": target != "cpu",
                "model": model is not None,
                "example_inputs": example_inputs is not None,
                "shapes": shapes is not None,
                "dims": dims is not None,
            }
            require_function_settings(self._tune, self._run, given)
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
        storage_filesystem: Any = None,
    ) -> "Tuner":
        """A tuner that goes on with the run in the folder `path`.

        Target, precision, algorithms, search, acquisition (where it has a name) and seed are the
        run's own; the budget counts what the run already used. A function's parameters are those
        that it was begun with, where none are given, and so is each of its settings: metric, mode,
        resources, calls at once, time limit, and the budget, where neither trials nor time are
        given.

        Args:
            path: Folder or address of the run.
            trainable: What is tuned, as it was.
            resume_unfinished: Whether what was asked for and not measured comes first; it does.
            resume_errored: Whether a function is called again for what failed.
            restart_errored: The same: a call has no middle to go on from.
            param_space: Parameters of the function, where others are meant. What was measured of
                others stays in the run.
            restrictions: Between them; to be given where they are functions.
            tune_config: Another budget, for instance.
            run_config: Monitor, address, stop, callbacks; the folder is `path`.
            history: URIs of histories that may be learned from.
            model: As for a `Tuner`.
            example_inputs: As for a `Tuner`.
            shapes: As for a `Tuner`.
            dims: As for a `Tuner`.
            storage_filesystem: A `pyarrow.fs.FileSystem` in which `path` is a path.

        Raises:
            InputError: There is no such run, or `resume_unfinished` is off.
        """
        if not resume_unfinished:
            raise InputError(
                "resume_unfinished=False would leave out what was asked for: a new run with the "
                "history of this one does that"
            )
        folder = _address(path, storage_filesystem)
        state = RunFolder(folder).read()
        parent, name = split(folder)
        run_config = replace(
            run_config or RunConfig(), name=name, storage_path=parent, storage_filesystem=None
        )
        begun = partial(
            replace, search_alg=state.search, seed=state.seed, precision=state.precision
        )
        if state.acquisition in ACQUISITIONS:
            begun = partial(begun, acquisition=state.acquisition)
        tune_config = tune_config or TuneConfig()
        if state.target != FUNCTION_TARGET:
            algorithms = parse_algorithms(state.algorithms)
            return cls(
                trainable,
                target=state.target,
                tune_config=begun(tune_config, algorithms=algorithms),
                run_config=run_config,
                history=history,
                model=model,
                example_inputs=example_inputs,
                shapes=shapes,
                dims=dims,
                resume=True,
            )
        again = resume_errored or restart_errored
        job, settings = restored_job(folder, trainable, param_space, restrictions, again=again)
        restored = cls(
            trainable,
            param_space=job.parameters,
            tune_config=begun(with_settings(tune_config, settings)),
            run_config=run_config,
            history=history,
            model=model,
            example_inputs=example_inputs,
            shapes=shapes,
            dims=dims,
            resume=True,
        )
        restored._function = job
        return restored

    @staticmethod
    def can_restore(path: str | Path, storage_filesystem: Any = None) -> bool:
        """Whether a run was begun in the folder `path`, of a filesystem where one is given."""
        return RunFolder(_address(path, storage_filesystem)).has_run()

    def get_results(self) -> Any:
        """What `fit` returned.

        Of a run that was restored: what a function's has made so far, what a network's ended with.

        Raises:
            InputError: Nothing was searched yet, or the network's run has not ended.
        """
        if self._grid is not None:
            return self._grid
        if self._function is not None and self._resume:
            return self._function.results(self._tune, self._run)
        if self._resume and self._run.name:
            return finished_grid(RunFolder(join(self._run.folder_of_runs, self._run.name)))
        raise InputError("there are no results yet: call fit(), which goes on with a restored run")

    def fit(self) -> Any:
        """Search, and deploy, verify and compare where it is a network.

        Returns:
            A `ResultGrid` with one result a layer of a network, or a `TrialGrid` with one a trial
            of a function.

        Raises:
            InputError: Something given cannot be used; the message says what.
            DeviceError: There is no device for the target.
        """
        self._grid = self._fit()
        return self._grid

    def _fit(self) -> Any:
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
            folder=join(run.folder_of_runs, run.name or run_id),
            history=run.history,
            sources=self._history,
            model=model_of(
                self._history, self._model, self._tune.search_alg, target_kind(self._target)
            ),
            resume=self._resume,
            compare=run.compare,
            address=run.address,
            device=run.device,
            acquisition=self._tune.acquisition,
            exact_math=self._tune.exact_math,
            precision=self._tune.precision,
            algorithms=self._tune.algorithms,
            evaluator=run.evaluator,
        )
        if not run.callbacks:
            return Experiment(config, run.shown_by).run()
        callbacks = Callbacks(run.callbacks, None, str(self._network), config.folder)
        callbacks.setup(Objective(), None, self._tune.num_samples)
        try:
            return Experiment(replace(config, callbacks=callbacks), run.shown_by).run()
        finally:
            callbacks.close()


def _address(path: str | Path, filesystem: Any) -> str:
    return str(path) if filesystem is None else mounted(path, filesystem)
