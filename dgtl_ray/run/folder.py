"""A run on disk: its state, its history, its module. All that a resumed run needs."""

import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from pyarrow.fs import FileType

from dgtl_ray.core.acquisition import ACQUISITION
from dgtl_ray.core.algorithms import DIRECT
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.precision import OWN
from dgtl_ray.deploy.layout import MODULE, REJECTED, UNVERIFIED
from dgtl_ray.deploy.placing import move_module
from dgtl_ray.engine.clock import SearchTime
from dgtl_ray.run.lease import lease_on
from dgtl_ray.storage import Storage, is_remote, is_uri, join, told

_FORMAT = 1
_STATE = "run.json"
_ROUNDS = "rounds.json"
_RESULT = "result.json"
_HISTORY = "history"


@dataclass(frozen=True, kw_only=True)
class RunState:
    """What identifies a run, and what it has done so far.

    Attributes:
        history: Address of the history that its measurements go to.
        algorithms: Names separated by commas; runs begun before there were several had one.
        precision: What the network is computed in; its own in runs begun before one could choose.
        spent: The search time used.
        recorded: Measurements that are durable, at least; a resumed run must find them again.
        verified: Of a finished run, whether its module gives the network's own answers.
        home: Address of the folder when it was written last; "" where none was noted.
        own_target: Whether the target is that of the devices that were found, and not one that the
            user wrote down.
    """

    run_id: str
    network: str
    network_hash: str
    target: str
    search: str
    seed: int
    history: str
    algorithms: str = DIRECT
    acquisition: str = ACQUISITION
    precision: str = OWN
    spent: SearchTime | None = None
    recorded: int = 0
    finished: bool = False
    verified: bool | None = None
    home: str = ""
    own_target: bool = False
    format: int = _FORMAT

    def differences(self, other: "RunState") -> list[str]:
        """The fields in which a command differs from the run that it wants to resume."""
        fields = (
            "network",
            "precision",
            "network_hash",
            "target",
            "search",
            "seed",
            "algorithms",
            "acquisition",
        )
        return [
            f"{name} was {getattr(self, name)!r}, is {getattr(other, name)!r}"
            for name in fields
            if getattr(self, name) != getattr(other, name)
        ]


class RunFolder:
    """The folder of one run, here or in a store: `run.json`, `rounds.json`, `history/`, `module/`.

    Args:
        uri: Its address.

    Attributes:
        uri: Its address, as it is `told`.

    Raises:
        InputError: Its address is of no kind that Arrow knows.
    """

    def __init__(self, uri: str | Path) -> None:
        self._given = str(uri)
        self._storage = Storage(uri)
        self.uri = self._storage.uri
        self._lease = lease_on(self._storage)
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._rounds: list[tuple[datetime, float]] | None = None

    @property
    def history(self) -> str:
        """Where the run's measurements go, unless the user names another place."""
        return join(self.uri, _HISTORY)

    def places(self, history: str | None) -> list[str]:
        """What the run writes to, as other processes can open it: with the keys that were given.

        Args:
            history: Where its measurements are to go; None for this folder.
        """
        return [self._given, history or join(self._given, _HISTORY)]

    def hold(self) -> None:
        """Be the one process that is at the run, which was begun, until `give_up`.

        Raises:
            InputError: Another process is; the message says which, and what to do.
        """
        self._lease.take()

    def require_held(self) -> None:
        """Check that no other process has taken over since `hold`.

        Raises:
            InputError: One has.
        """
        self._lease.require_kept()

    def give_up(self) -> None:
        """Let other processes go on with the run."""
        self._lease.give_up()

    def spool(self, run_id: str) -> Path:
        """Where, on this machine, measurements wait while the history cannot be reached."""
        if self._storage.is_local:
            return Path(self._storage.path_of("spool"))
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return cache / "dgtl_ray" / "spool" / run_id

    def asked(self, run_id: str) -> Path:
        """File, on this machine, of what was asked for and is not measured yet."""
        return self.spool(run_id) / "asked.jsonl"

    @property
    def module(self) -> Path:
        """Where the published module is, on this machine."""
        return self._here(MODULE)

    @property
    def unverified(self) -> Path:
        """Where a module is written, on this machine, before it is known to be right."""
        return self._here(UNVERIFIED)

    def _here(self, name: str) -> Path:
        """A folder of the run on this machine."""
        if self._storage.is_local:
            return Path(self._storage.path_of(name))
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="dgtl-run-")
        return Path(self._scratch.name) / name

    def publish(self, *, verified: bool) -> str:
        """Bring what is in `unverified` to where the run lives, and say where that is.

        What failed verification is no module: it is kept beside, an earlier module stays, and the
        answer is "".

        Raises:
            InputError: It cannot be written there.
        """
        name = MODULE if verified else REJECTED
        kept = self._here(name)
        move_module(self.unverified, kept)
        if not self._storage.is_local:
            self._storage.upload(kept, name)
        if not verified:
            return ""
        return str(kept) if self._storage.is_local else join(self.uri, name)

    def has_run(self) -> bool:
        """Whether a run was begun here.

        Raises:
            InputError: The folder cannot be read.
        """
        return self._storage.kind(_STATE) is not FileType.NotFound

    def read(self) -> RunState:
        """The state of the run here; its history is where it lies now, wherever the folder was.

        Raises:
            InputError: There is none, or it is damaged, or another version wrote it.
        """
        text = self._storage.get(_STATE)
        if text is None:
            raise InputError(f"no run to resume in {self.uri}: check the path")
        try:
            state = _state(json.loads(text))
            return replace(state, history=self._found(state.history))
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(f"{join(self.uri, _STATE)} is damaged: {error}") from error

    def check(self, *, resume: bool, history: str | None = None) -> None:
        """Refuse early what `begin` would refuse after a network was loaded.

        Args:
            resume: Whether the run that is here is to go on.
            history: Where its measurements are to go; None where nobody said.

        Raises:
            InputError: A run is here and `resume` is off; or it is on, and there is none, a copy
                that would write into the history of its original, one that records elsewhere, or
                one that another process is at.
        """
        if resume:
            state = self.read()
            self._require_original(state)
            self._require_history(state, history)
            self._lease.require_free()
        elif self.has_run():
            raise InputError(f"{self.uri} already holds a run: resume it, or choose another folder")

    def begin(self, state: RunState, *, resume: bool) -> RunState:
        """Begin a run here, or go on with the one that is here.

        Raises:
            InputError: A run is here and `resume` is off; or it is on, and there is none, another
                one, or one that `check` refuses; or the folder cannot be written.
        """
        self.check(resume=resume, history=state.history)
        if not resume:
            begun = replace(state, history=told(state.history))
            self.write(begun)
            return begun
        before = self.read()
        if differences := before.differences(state):
            raise InputError(f"{self.uri} holds another run: {'; '.join(differences)}")
        return before

    def write(self, state: RunState) -> None:
        """Replace the state, whole or not at all.

        Raises:
            InputError: The folder cannot be written.
        """
        self._storage.create()
        kept = replace(state, history=self._kept(state.history), home=self._home())
        self._put(_STATE, asdict(kept))

    def save_time(self, state: RunState, spent: SearchTime, *, finished: bool = False) -> None:
        """Note the search time used so far, and when that was.

        Raises:
            InputError: The folder cannot be written.
        """
        rounds = self.rounds()
        if not rounds or rounds[-1][1] != spent.total:
            self.hear_round(spent)
        self._put(_ROUNDS, [(at.isoformat(), total) for at, total in self.rounds()], indent=None)
        self.write(replace(state, spent=spent, finished=finished))

    def hear_round(self, spent: SearchTime) -> None:
        """A round is durable now; it is kept with the next `save_time`.

        Raises:
            InputError: What the run noted before is damaged.
        """
        self.rounds().append((datetime.now(UTC), spent.total))

    def rounds(self) -> list[tuple[datetime, float]]:
        """When each round was durable, and the seconds of search until then.

        What was measured at a moment had cost the time of the first round that is not before it.

        Raises:
            InputError: What the run noted is damaged.
        """
        if self._rounds is None:
            try:
                lines = json.loads(self._storage.get(_ROUNDS) or "[]")
                self._rounds = [(datetime.fromisoformat(at), float(s)) for at, s in lines]
            except (ValueError, TypeError) as error:
                raise InputError(f"{join(self.uri, _ROUNDS)} is damaged: {error}") from error
        return self._rounds

    def save_result(self, result: Mapping[str, Any]) -> None:
        """Keep what the run ended with, as `--json` writes it.

        Raises:
            InputError: The folder cannot be written.
        """
        self._put(_RESULT, result)

    def result(self) -> dict[str, Any] | None:
        """What the run ended with, None where it has not ended, or did so before it was kept.

        Raises:
            InputError: It is damaged.
        """
        text = self._storage.get(_RESULT)
        try:
            kept: dict[str, Any] | None = None if text is None else json.loads(text)
        except ValueError as error:
            raise InputError(f"{join(self.uri, _RESULT)} is damaged: {error}") from error
        return kept

    def _put(self, name: str, value: Any, indent: int | None = 2) -> None:
        """Write a file as JSON, unless another process has taken over."""
        self.require_held()
        self._storage.put(name, json.dumps(value, indent=indent).encode())

    def _require_original(self, state: RunState) -> None:
        """Refuse a copy that would give the names of its original's trials to trials of its own.

        That is one whose history is not in its folder, so that both add to it, while the original
        is where it was. One that was moved is no copy, and what was not noted cannot be told.
        """
        if not state.home or state.history == self.history or self._is_at(state.home):
            return
        original = RunFolder(state.home)
        if original.has_run() and original.read().run_id == state.run_id:
            raise InputError(
                f"{self.uri} is a copy of the run in {state.home}, and both would add trials of the"
                f" same names to {state.history}: resume it there, delete it there if it was to be"
                " moved, or begin a new run with --history"
            )

    def _require_history(self, state: RunState, wanted: str | None) -> None:
        """Refuse to record elsewhere than the run does; its own folder is what nobody asked for."""
        if wanted is None or _absolute(wanted) == _absolute(self.history):
            return
        if not _is_one_place(Storage(wanted), Storage(state.history)):
            raise InputError(
                f"the run in {self.uri} records in {state.history}, not in {told(wanted)}: resume"
                " it without another history to record in, or begin a new run that learns from its"
                " own"
            )

    def _is_at(self, address: str) -> bool:
        """Whether an address is another one of this folder."""
        return _is_one_place(self._storage, Storage(address))

    def _home(self) -> str:
        """The address to note: one that other processes can open this folder by, without a key."""
        if self._storage.is_local:
            return str(Path(self._storage.path_of("")))
        return self.uri if is_remote(self.uri) and self.uri == self._given else ""

    def _kept(self, history: str) -> str:
        """How a history is noted: its name where it is in this folder, which may be moved."""
        if _absolute(history) == _absolute(self.history):
            return _HISTORY
        return _absolute(history)

    def _found(self, kept: str) -> str:
        """Where a noted history is now.

        Earlier versions noted the address of the run's own, as it was typed: a run that has one
        in its folder never had another.
        """
        is_own = kept == _HISTORY or self._storage.kind(_HISTORY) is not FileType.NotFound
        return self.history if is_own else told(kept)


def _is_one_place(one: Storage, other: Storage) -> bool:
    """Whether the folders of two addresses are the same."""
    here, there = one.path_of(""), other.path_of("")
    if one.is_local and other.is_local:
        both = Path(here).exists() and Path(there).exists()
        return Path(here).samefile(there) if both else Path(here).resolve() == Path(there).resolve()
    return not (one.is_local or other.is_local) and here == there


def _absolute(address: str) -> str:
    """An address that means the same from any folder of this machine, without a key."""
    return told(address) if is_uri(address) else str(Path(address).expanduser().absolute())


def new_run_id() -> str:
    """Unique, and sorted by time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid4().hex[:8]}"


def _state(fields: dict[str, Any]) -> RunState:
    if fields["format"] != _FORMAT:
        raise InputError(
            f"the run was begun by another version (format {fields['format']}, this one reads "
            f"{_FORMAT}): finish it with that version, or begin anew with its history"
        )
    spent = fields.pop("spent")
    return RunState(**fields, spent=SearchTime(**spent) if spent else None)


def choose_folder(out: str | None, network: str, target: str, *, resume: bool) -> str:
    """The folder of a run: the one named, else a new one, else the latest of this network.

    Raises:
        InputError: There is no run to resume.
    """
    if out is not None:
        return out
    runs = Path("runs")
    stem = _stem(network, target)
    if not resume:
        return str(runs / f"{stem}-{datetime.now(UTC):%Y%m%dT%H%M%S}")
    known = sorted(path for path in runs.glob(f"{stem}-*") if RunFolder(path).has_run())
    if not known:
        raise InputError(
            f"no run of {network} for {target} to resume in {runs}: name it with --out"
        )
    return str(known[-1])


def _stem(network: str, target: str) -> str:
    kind = target if target.isalnum() else "target"
    return re.sub(r"[^\w-]+", "_", f"{Path(network).stem}-{kind}").strip("_")
