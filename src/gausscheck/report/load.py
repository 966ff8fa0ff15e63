"""Reading a saved report back, of this schema or an older one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from gausscheck.core import GausscheckError
from gausscheck.files import read_arrays, read_whole
from gausscheck.report.check import check_report
from gausscheck.report.codec import decode
from gausscheck.report.result import Report, level_class
from gausscheck.report.save import SCHEMA, SCHEMA_VERSION
from gausscheck.report.schema_1 import upgrade

MOST_JSON = 1 << 26
"""Bytes of the JSON of a result at most: that of an audit has thousands."""


def load_report(directory: str | Path) -> Report:
    """Read a report that :meth:`Report.save` wrote.

    Parameters
    ----------
    directory : path
        The folder with report.json and report.npz, or the JSON file itself.

    Raises
    ------
    GausscheckError
        If the files are missing or damaged, or a newer gausscheck wrote them.
    """
    directory = Path(directory)
    if directory.name == "report.json":
        directory = directory.parent
    path = directory / "report.json"
    data = read_saved(path, SCHEMA, SCHEMA_VERSION, "a report", "analyze")
    arrays = read_arrays(directory / "report.npz", data.pop("arrays_sha256", None))
    with damaged(path, "a report"):
        if data["schema_version"][0] == 1:
            data, arrays = upgrade(data, arrays)
        report = decode(Report, shaped(Report, data), arrays, level_class)
        check_report(report)
        return report


def read_saved(
    path: Path, schema: str, newest: tuple[int, int], what: str, command: str
) -> dict[str, Any]:
    """Read the JSON of a saved result.

    Parameters
    ----------
    path : Path
    schema : str
        What it must say that it is.
    newest : (int, int)
        The version of it that is known; a later minor one is read too.
    what, command : str
        What messages call the result, and the command that makes one.

    Raises
    ------
    GausscheckError
        If it is missing, damaged, something else, or a newer gausscheck wrote it.
    """
    if not path.exists():
        raise GausscheckError(
            f"{path}: expected {what}, found none; make one with gausscheck {command} and out="
        )
    text = read_whole(path, MOST_JSON)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as err:
        raise GausscheckError(f"{path}: expected {what} as JSON: {err}") from err
    if not isinstance(data, dict) or data.get("schema") != schema:
        raise GausscheckError(f"{path}: expected schema {schema}, got another kind of JSON")
    version = data.get("schema_version")
    if not isinstance(version, list) or not version or not isinstance(version[0], int):
        raise GausscheckError(f"{path}: expected schema_version [major, minor], got {version}")
    if version[0] > newest[0]:
        raise GausscheckError(
            f"{path}: schema version {version[0]} is newer than {newest[0]}, which this "
            "gausscheck reads; upgrade with pip install -U gausscheck"
        )
    return data


@contextmanager
def damaged(path: Path, what: str) -> Iterator[None]:
    """Say in one line that what is read from the JSON of a result isn't one."""
    try:
        yield
    except GausscheckError as err:
        raise GausscheckError(
            f"{path}: {err}; the file is damaged: write {what.replace('a ', 'the ')} again"
        ) from err
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as err:
        raise GausscheckError(
            f"{path}: expected {what}, got something else in its place ({err!r}); write it again"
        ) from err


def shaped(cls: type, data: dict[str, Any]) -> dict[str, Any]:
    """Keep the fields of a result's class, with the version that wrote it."""
    known = {f.name for f in fields(cls)}
    kept = {name: value for name, value in data.items() if name in known}
    return {**kept, "version": str(data.get("gausscheck_version", ""))}
