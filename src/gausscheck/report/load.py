"""Reading a saved report back, of this schema or an older one."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from gausscheck.core import GausscheckError
from gausscheck.files import check_file, read_arrays
from gausscheck.report.codec import decode
from gausscheck.report.result import SCHEMA, SCHEMA_VERSION, Report, level_class
from gausscheck.report.schema_1 import upgrade


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
    data = _read_json(path)
    version = data.get("schema_version")
    if not isinstance(version, list) or not version or not isinstance(version[0], int):
        raise GausscheckError(f"{path}: expected schema_version [major, minor], got {version}")
    if version[0] > SCHEMA_VERSION[0]:
        raise GausscheckError(
            f"{path}: schema version {version[0]} is newer than {SCHEMA_VERSION[0]}, which this "
            "gausscheck reads; upgrade with pip install -U gausscheck"
        )
    arrays = read_arrays(directory / "report.npz", data.pop("arrays_sha256", None))
    try:
        if version[0] == 1:
            data, arrays = upgrade(data, arrays)
        return decode(Report, _shaped(data), arrays, level_class)
    except GausscheckError as err:
        raise GausscheckError(
            f"{path}: {err}; the file is damaged: write the report again"
        ) from err
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as err:
        raise GausscheckError(
            f"{path}: expected a report, got something else in its place ({err!r}); write it again"
        ) from err


def _read_json(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise GausscheckError(
            f"{path}: expected a report, found none; make one with gausscheck analyze and out="
        )
    check_file(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as err:
        raise GausscheckError(f"{path}: expected a JSON report: {err}") from err
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise GausscheckError(f"{path}: expected schema {SCHEMA}, got another kind of JSON")
    return data


def _shaped(data: dict[str, Any]) -> dict[str, Any]:
    known = {f.name for f in fields(Report)}
    shaped = {name: value for name, value in data.items() if name in known}
    return {**shaped, "version": str(data.get("gausscheck_version", ""))}
