"""The file of a run: embeddings, views, metrics per epoch, the settings as attributes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError, __version__
from gausscheck.files import atomic_path
from gausscheck.train.settings import Settings


def write_run(
    path: Path,
    settings: Settings,
    arrays: Mapping[str, NDArray[Any]],
    metrics: Mapping[str, NDArray[np.float64]],
    data: str = "",
) -> None:
    """Write an .h5 whole or not at all.

    Parameters
    ----------
    path : Path
    settings : Settings
        Become attributes of the file.
    arrays : mapping
        Datasets: ``embeddings`` (held-out z, what analyze takes), ``embeddings_train``, ``labels``,
        ``anchor``, ``positive``, and ``features`` where asked for.
    metrics : mapping
        One value an epoch each, written under ``metrics/``.
    data : str
        What names the rows, where they come from elsewhere: the attribute ``data_sha256``.

    Raises
    ------
    GausscheckError
        If the file cannot be written.
    """
    import h5py

    try:
        with atomic_path(path) as work, h5py.File(work, "w") as file:
            for name, value in arrays.items():
                chunks = (min(len(value), 4096), *value.shape[1:])
                file.create_dataset(name, data=value, chunks=chunks)
            for name, value in metrics.items():
                file[f"metrics/{name}"] = value
            file.attrs.update({**settings.to_dict(), "gausscheck_version": __version__})
            file.attrs["data_sha256"] = data
    except RuntimeError as err:  # h5py's, on a full disk
        raise GausscheckError(f"{path}: could not write the run: {err}") from err


def read_metrics(path: Path) -> dict[str, NDArray[np.float64]]:
    """Return the metrics of a run by name, one value an epoch, ``epoch`` among them.

    Raises
    ------
    GausscheckError
        If it is damaged, or no run.
    """
    return read_run(path)[1]


def read_run(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]]:
    """Return the settings of a finished run, as attributes, and its metrics by name.

    Raises
    ------
    GausscheckError
        If it is damaged, or no run.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            metrics = {name: np.asarray(value[()]) for name, value in file["metrics"].items()}
            return dict(file.attrs), metrics
    except (OSError, RuntimeError, KeyError, AttributeError, TypeError) as err:
        raise GausscheckError(
            f"{path}: expected a finished run, got another or a damaged file; delete it"
        ) from err
