"""A program with flags as a function of its parameters: `prog --tile {tile}`."""

import hashlib
import re
import shlex
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import LATENCY
from dgtl_ray.space.parameters.values import check_count, count_of

_PLACE = re.compile(r"\{(\w+)(?:\[(\d+)\])?\}")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
# Characters of a command that its name holds; a longer one's has a digest of the rest.
_LONGEST_NAME = 80


class Program:
    """Runs a command, its places filled in, and gives its seconds, or a number that it prints.

    Args:
        command: The command line, split as a shell would and never given to one; `{name}` stands
            for a parameter, `{name[0]}` for a part of one.
        names: Of the parameters.
        metric: "" for the wall-clock seconds of the process; else what the number is called that
            is the last one of its standard output.
        repeats: How often it is run; the median counts.

    Attributes:
        label: The program for people, and for names of folders: `prog`, `python main.py`.

    Raises:
        InputError: The command names what is no parameter, or leaves one out.
    """

    def __init__(
        self, command: str, names: Sequence[str], *, metric: str = "", repeats: int = 1
    ) -> None:
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise InputError(f"cannot read the command {command!r}: {error}") from error
        used = {place[1] for word in self._words for place in _PLACE.finditer(word)}
        if not self._words or (odd := sorted(used ^ set(names))):
            raise InputError(
                f"the command {command!r} and its parameters do not fit: "
                f"{', '.join(odd) if self._words else 'it is empty'} is named in one of them alone"
            )
        self._metric = metric
        self._repeats = repeats
        # What one command measures tells nothing of another that the same interpreter runs.
        self.__name__ = _short(" ".join(map(_distinct, self._words)))
        named = list(takewhile(_is_fixed, self._words)) or self._words
        self.label = " ".join(Path(word).name for word in named[:2])

    def __call__(self, config: dict[str, Any]) -> dict[str, float]:
        """Run it for a configuration.

        Raises:
            RuntimeError: It cannot be run, ends with another status than 0, or prints no number.
        """
        words = [_filled(word, config) for word in self._words]
        values = [self._run(words) for _ in range(self._repeats)]
        return {self._metric or LATENCY: statistics.median(values)}

    def _run(self, words: Sequence[str]) -> float:
        start = time.perf_counter()
        try:
            ended = subprocess.run(words, capture_output=True, text=True, check=False)
        except OSError as error:
            raise RuntimeError(f"cannot run {words[0]}: {error.strerror}") from error
        seconds = time.perf_counter() - start
        if ended.returncode != 0:
            said = ended.stderr.strip().splitlines()
            raise RuntimeError(f"exit status {ended.returncode}: {said[-1] if said else ''}")
        return self._printed(ended.stdout) if self._metric else seconds

    def _printed(self, output: str) -> float:
        numbers = _NUMBER.findall(output)
        if not numbers:
            raise RuntimeError(f"it printed no number for {self._metric}")
        return float(numbers[-1])


def read_flags(texts: Sequence[str]) -> dict[str, list[int | float | str]]:
    """All parameters that the command line gives.

    Raises:
        InputError: One cannot be read, or is given twice.
    """
    read: dict[str, list[int | float | str]] = {}
    for name, values in map(read_parameter, texts):
        if name in read:
            raise InputError(f"parameter {name} is given twice: write {name}=8,16 for two values")
        read[name] = values
    return read


def read_parameter(text: str) -> tuple[str, list[int | float | str]]:
    """A parameter as the command line gives it: `tile=8,16,32` or `unroll=1..8`.

    Raises:
        InputError: It is neither, or has too many values.
    """
    name, equals, values = text.partition("=")
    if not (equals and name.isidentifier() and values):
        raise InputError(f"parameter {text!r}: write name=8,16,32 or name=1..8")
    if whole := re.fullmatch(r"(-?\d+)\.\.(-?\d+)", values):
        numbers = range(int(whole[1]), int(whole[2]) + 1)
        try:
            check_count(count_of(numbers))
        except InputError as error:
            raise InputError(f"parameter {name!r}: {error}") from error
        return name, list(numbers)
    return name, [_value(part.strip()) for part in values.split(",")]


def _value(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _filled(word: str, config: Mapping[str, Any]) -> str:
    def value(place: re.Match[str]) -> str:
        given = config[place[1]]
        return str(given if place[2] is None else given[int(place[2])])

    return _PLACE.sub(value, word)


def _is_fixed(word: str) -> bool:
    """Whether a word is part of what is run, and neither an option nor a place."""
    return not (word.startswith("-") or _PLACE.search(word))


def _distinct(word: str) -> str:
    """A word as it is told; a file that is named from this folder is told with the folder."""
    try:
        is_here = not Path(word).is_absolute() and Path(word).is_file()
    except OSError:  # too long for the name of a file
        is_here = False
    return f"{Path.cwd().name}/{Path(word)}" if is_here else word


def _short(command: str) -> str:
    told = " ".join(command.split())
    if len(told) <= _LONGEST_NAME:
        return told
    return f"{told[:_LONGEST_NAME]}… {hashlib.sha256(command.encode()).hexdigest()[:8]}"
