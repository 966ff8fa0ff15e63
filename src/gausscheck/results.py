"""What every result shares: plain values for JSON, and two files that appear together."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError


def plain(value: Any, where: str, replaced: list[str]) -> Any:
    """Turn NumPy scalars, tuples and non-finite floats into what JSON can say.

    Non-finite numbers become None; ``replaced`` receives where.
    """
    if isinstance(value, Mapping):
        return {str(k): plain(v, f"{where}.{k}", replaced) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v, where, replaced) for v in value]
    if isinstance(value, np.ndarray):
        return [plain(v, where, replaced) for v in value.tolist()]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        replaced.append(where)
        return None
    return value


def save_result(
    directory: str | Path, stem: str, data: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> Path:
    """Write ``stem.json`` and ``stem.npz``: both or neither appear.

    Raises
    ------
    GausscheckError
        If the directory cannot be written.
    """
    directory = Path(directory)
    text = json.dumps(data, indent=1, allow_nan=False) + "\n"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{stem}-", dir=directory))
    except OSError as err:
        raise GausscheckError(
            f"{directory}: expected a folder that can be written: {err.strerror}; choose "
            "another with --out"
        ) from err
    try:
        with (work / f"{stem}.npz").open("wb") as handle:
            np.savez_compressed(handle, allow_pickle=False, **dict(arrays))
        (work / f"{stem}.json").write_text(text, encoding="utf-8")
        for name in (f"{stem}.npz", f"{stem}.json"):  # the JSON last: it says all is there
            os.replace(work / name, directory / name)
    except OSError as err:
        raise GausscheckError(f"{directory}: could not write the {stem}: {err}") from err
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return directory
