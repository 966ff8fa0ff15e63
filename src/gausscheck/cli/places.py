"""Where commands write, which is never where they read."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from glob import glob
from pathlib import Path
from typing import Any

import click

from gausscheck.core import GausscheckError, printable


class OutFile(click.Path):
    """A file that a command writes; what is there goes, unless the command reads it.

    Parameters
    ----------
    *suffixes : str
        How its name ends, where that matters.
    """

    def __init__(self, *suffixes: str) -> None:
        super().__init__(dir_okay=False)
        self.suffixes = suffixes

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check the name."""
        found = super().convert(value, param, ctx)
        if self.suffixes and not str(found).endswith(self.suffixes):
            expected = " or ".join(self.suffixes)
            self.fail(f"expected a name that ends with {expected}, got {found!r}", param, ctx)
        return found


class OutFolder(click.Path):
    """A folder that a command writes a result into.

    Parameters
    ----------
    stem : str
        What the result is called: files of that name are replaced.
    """

    def __init__(self, stem: str) -> None:
        super().__init__(file_okay=False)
        self.stem = stem


def guard(command: click.Command) -> None:
    """Let a command refuse empty names, and to write over what it reads, before it reads."""
    inner = command.callback
    if inner is None:
        return

    @functools.wraps(inner)
    def run(**given: Any) -> Any:
        refuse_empty(command.params, given)
        refuse_overwriting(command.params, given)
        return inner(**given)

    command.callback = run


def refuse_empty(params: Sequence[click.Parameter], given: Mapping[str, Any]) -> None:
    """Refuse text that is empty where it says something: a variable of a shell that is not set.

    Raises
    ------
    click.UsageError
        Naming the option or argument.
    """
    for param in params:
        texts = _texts(given.get(str(param.name)))
        if param.default != "" and any(not text.strip() for text in texts):
            told = param.opts[-1] if isinstance(param, click.Option) else param.human_readable_name
            raise click.UsageError(f"{told}: expected a value, got an empty text")


def refuse_overwriting(params: Sequence[click.Parameter], given: Mapping[str, Any]) -> None:
    """Refuse options that would write a file, or into a folder, that another one reads.

    Raises
    ------
    GausscheckError
    """
    written: dict[str, str] = {}
    read: list[str] = []
    for param in params:
        value = given.get(str(param.name))
        if isinstance(param.type, OutFile):
            if value is not None:
                written[param.opts[-1]] = str(value)
        elif isinstance(param, click.Argument):
            read += [name for text in _texts(value) for name in (text, *_inside(text))]
        elif not isinstance(param.type, OutFolder):
            read += _texts(value)
    for option, out in written.items():
        check_not_read(out, read, option)
    for param in params:
        folder = given.get(str(param.name))
        if isinstance(param.type, OutFolder) and folder is not None:
            _check_folder(Path(folder), param.type.stem, read)


def check_not_read(out: str | Path, read: Iterable[str], option: str = "--out") -> None:
    """Refuse to write a file that is also read.

    Parameters
    ----------
    out : path
    read : iterable of str
        What is read: ``FILE``, ``FILE:KEY``, ``NAME=FILE`` or a pattern.
    option : str
        What names ``out``.

    Raises
    ------
    GausscheckError
    """
    for text in read:
        if any(_same(Path(out), place) for place in _named(text)):
            raise GausscheckError(
                f"{option} {printable(str(out))}: expected another file than what is read, which "
                f"it would replace ({printable(text)}); choose another name"
            )


def _check_folder(folder: Path, stem: str, read: Iterable[str]) -> None:
    for text in read:
        for place in _named(text):
            if place.stem == stem and os.path.isfile(place) and _same(place.parent, folder):
                raise GausscheckError(
                    f"--out {printable(str(folder))}: expected a folder in which the result "
                    f"replaces nothing that is read, got that of {printable(text)}; choose another"
                )


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, tuple) else (value,)
    return [one for one in values if isinstance(one, str)]


def _named(text: str) -> Iterator[Path]:
    """Yield the files and folders that a text may name."""
    for name in {text, text.partition("=")[2], text.partition(":")[2]}:
        for path in {name, name.rpartition(":")[0]}:
            if path and "\0" not in path and "://" not in path:
                yield from map(Path, glob(path, recursive=True) if "*" in path else [path])


def _inside(text: str) -> Iterator[str]:
    """Yield the files of a folder of shards or of a report; no numbers are read from its page."""
    for place in _named(text):
        if os.path.isdir(place):
            inside = (name for name in os.listdir(place) if not name.endswith(".html"))
            yield from (str(place / name) for name in inside)


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):  # one that is not there is not read
        return False
