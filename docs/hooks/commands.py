"""The reference of commands, written from the functions behind them."""

import inspect
from collections.abc import Callable, Iterator
from enum import Enum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import typer
from typer.models import ArgumentInfo, OptionInfo

from dgtl_ray.cli import app

PLACE = "<!-- commands -->"
_WORDS = {"str": "TEXT", "int": "INTEGER", "float": "NUMBER", "Path": "PATH"}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page's text with all commands where it has the place for them."""
    return markdown.replace(PLACE, reference()) if PLACE in markdown else markdown


def reference() -> str:
    """Every command in Markdown: what it does, how it is called, arguments and options."""
    return "\n\n".join(section(name, function) for name, function in sorted(commands(app, "dgtl")))


def commands(group: typer.Typer, name: str) -> Iterator[tuple[str, Callable[..., None]]]:
    """Full name and function of each command, those of groups within it, too."""
    for command in group.registered_commands:
        if command.callback is not None:
            word = command.name or command.callback.__name__.replace("_", "-")
            yield f"{name} {word}", command.callback
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            yield from commands(inner.typer_instance, f"{name} {inner.name}")


def section(name: str, function: Callable[..., None]) -> str:
    """One command in Markdown."""
    parameters = inspect.signature(function).parameters
    kinds = get_type_hints(function, include_extras=True)
    told = [_parameter(word, kinds[word], one.default) for word, one in parameters.items()]
    usage = " ".join([name, *(usage for usage, _ in told if usage)])
    table = "\n".join(["| | | default |", "| --- | --- | --- |", *(row for _, row in told)])
    parts = [f"## {name}", inspect.getdoc(function) or "", f"```\n{usage}\n```"]
    return "\n\n".join([*parts, *([table] if told else [])])


def _parameter(name: str, annotation: Any, default: Any) -> tuple[str, str]:
    """Its part of the usage, empty for what may be left out, and its row of the table."""
    kind, info = get_args(annotation)[:2]
    base, many = _base(kind)
    needed = default is inspect.Parameter.empty
    if isinstance(info, OptionInfo):
        spelling = _spelling(name, info, base)
        usage = spelling if needed else ""
    else:
        assert isinstance(info, ArgumentInfo)
        spelling = name.upper()
        word = f"{spelling}…" if many else spelling
        usage = word if needed else f"[{word}]"
    told = [str(info.help)]
    if issubclass(base, Enum):
        told.append(f"One of {', '.join(f'`{one.value}`' for one in base)}.")
    if many and isinstance(info, OptionInfo):
        told.append("May be given again.")
    text = " ".join(told).replace("|", "\\|")
    return usage, f"| `{spelling}` | {text} | {_default(default)} |"


def _base(kind: Any) -> tuple[type, bool]:
    """The type of one value, and whether there may be several."""
    if get_origin(kind) is UnionType:
        (kind,) = [part for part in get_args(kind) if part is not NoneType]
    return (get_args(kind)[0], True) if get_origin(kind) is list else (kind, False)


def _spelling(name: str, info: OptionInfo, base: type) -> str:
    given = [word for word in (info.default, *(info.param_decls or ())) if isinstance(word, str)]
    dashed = "--" + name.replace("_", "-")
    if base is not bool:
        return f"{' '.join(given) or dashed} {_WORDS.get(base.__name__, name.upper())}"
    return ", ".join(given) or f"{dashed}/--no-{dashed[2:]}"


def _default(default: Any) -> str:
    if default is inspect.Parameter.empty:
        return "needed"
    if isinstance(default, bool) or default in (None, ""):
        return "on" if default else ""
    return f"`{getattr(default, 'value', default)}`"
