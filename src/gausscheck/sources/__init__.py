"""Where rows come from: one file a format, one table of formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError, Source
from gausscheck.files import check_file
from gausscheck.sources.base import (
    LABEL_NAMES,
    Contents,
    Entry,
    check_bytes,
    line_of,
    side_columns,
)
from gausscheck.sources.formats import SOURCES, Format
from gausscheck.sources.labels import LabelsTooLarge, one_a_row
from gausscheck.sources.limit import limited
from gausscheck.sources.locate import address_of, format_at, split_key
from gausscheck.sources.npy import whole_npy
from gausscheck.sources.remote import RemoteSource, fetch, is_remote, split_address

__all__ = ["SOURCES", "Contents", "Entry", "Format", "inspect_source", "open_source", "read_labels"]


def open_source(
    source: Any,
    *,
    dataset: str | None = None,
    flatten: bool = False,
    shape: tuple[int, ...] | None = None,
    dtype: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    untrusted: bool = False,
    beside: Sequence[str] = (),
) -> Source:
    """Open a file, or wrap an array, as rows of embeddings.

    Parameters
    ----------
    source : path, array, list, data frame, sparse matrix or Source
        A file whose ending is in :data:`SOURCES`, a folder or pattern of shards, an address that
        fsspec knows; ``FILE:KEY`` names an array inside it. Or anything with ``__array__`` or
        DLPack, of shape ``(n, d)``; a list of vectors; a table of pandas, polars or Arrow; a
        :class:`gausscheck.core.Source`, which is taken as it is.
    dataset : str, optional
        The array inside a container that holds several, the column of a table, the dotted path in
        JSON (``response.body.data.0.embedding``).
    flatten : bool
        Take the tokens of a (documents, tokens, dimensions) array as rows, or the rows of many
        arrays of one container; ``beside("document")`` names the document of each.
    shape : tuple of int, optional
        Of raw numbers: (rows, dimensions), one of them may be -1.
    dtype : str, optional
        Of raw numbers, such as ``f4``; float32 where it is left out.
    limit : int, optional
        Take a random sample of so many rows, in their order, and read little else.
    seed : int
        Of that sample.
    untrusted : bool
        Whether a child process with limits on memory and time reads the file; what is in memory
        already is taken as it is.
    beside : sequence of str
        Columns of a table of numbers that are no coordinates, such as labels; names of no column
        leave nothing out.

    Returns
    -------
    Source

    Raises
    ------
    GausscheckError
        One line: what was expected, what came, what to do.

    Examples
    --------
    >>> import numpy as np
    >>> open_source(np.zeros((5, 3))).d
    3
    >>> open_source(np.zeros((50, 3)), limit=20).n
    20
    """
    if not isinstance(source, str | PathLike):
        from gausscheck.sources.memory import open_memory

        if shape is not None or dtype is not None:
            raise GausscheckError("shape, dtype: an array in memory has its own; leave them out")
        with side_columns(beside):
            return limited(open_memory(source, dataset, flatten), limit, seed)
    opener: Any = partial(_open_local, flatten=flatten, shape=shape, dtype=dtype)
    if untrusted:
        from gausscheck.sources.untrusted import UntrustedSource

        opener = partial(
            UntrustedSource, flatten=flatten, shape=shape, dtype=dtype, beside=list(beside)
        )
    address = address_of(source)
    with side_columns(beside):
        if is_remote(address) and not address.startswith("file://"):
            url, key = split_address(address)
            fetched = RemoteSource(url, partial(opener, dataset=dataset if key is None else key))
            return limited(fetched, limit, seed)
        return limited(opener(address.removeprefix("file://"), dataset), limit, seed)


def _open_local(
    source: str | PathLike[str],
    dataset: str | None,
    flatten: bool,
    shape: tuple[int, ...] | None,
    dtype: str | None,
) -> Source:
    path, key = split_key(source)
    if key is not None and dataset is not None and key != dataset:
        raise GausscheckError(f"{source}: the path names {key}, dataset names {dataset}; give one")
    opened = _opened(path, key if dataset is None else dataset, flatten, shape, dtype)
    note = None if path.suffix == ".sketch" else check_bytes(opened)
    if note is not None:
        setattr(opened, "notes", (*opened.notes, note))  # noqa: B010 - read-only for others
    return opened


def _opened(
    path: Path,
    dataset: str | None,
    flatten: bool,
    shape: tuple[int, ...] | None,
    dtype: str | None,
) -> Source:
    """Open a file as what it is, or as raw numbers where their shape or type is given."""
    if shape is not None or dtype is not None:
        from gausscheck.sources.raw import open_shaped

        if flatten or dataset is not None:
            raise GausscheckError(
                f"{path}: raw numbers are one array: leave dataset and flatten out"
            )
        return open_shaped(path, shape, dtype)
    form = format_at(path)
    if not flatten:
        return form.open()(path, dataset)
    from gausscheck.sources.documents import open_documents

    return open_documents(form.name, path, dataset)


class _Keeper:
    """What a fetched file lives as long as."""


def inspect_source(source: str | PathLike[str], *, untrusted: bool = False) -> Contents:
    """Say what a file holds and which array ``analyze`` would take, reading headers alone.

    Parameters
    ----------
    source : path
    untrusted : bool
        Whether a child process with limits on memory and time reads it.

    Raises
    ------
    GausscheckError
        If the file cannot be read at all.
    """
    if not isinstance(source, str | PathLike):
        raise GausscheckError(
            f"inspect_source: expected a path, got {type(source).__name__}; what is in memory is "
            "taken by analyze and open_source"
        )
    look: Callable[[str], Contents] = _inspect_local
    if untrusted:
        from gausscheck.sources.untrusted import contents_apart

        look = contents_apart
    address = address_of(source)
    if is_remote(address) and not address.startswith("file://"):
        keeper = _Keeper()
        path = fetch(split_address(address)[0], keeper)
        return replace(look(str(path)), uri=address)
    return look(address.removeprefix("file://"))


def _inspect_local(source: str) -> Contents:
    path, _ = split_key(source)
    return format_at(path).inspect()(path)


class HasLabels(Protocol):
    """Rows that labels may lie beside."""

    @property
    def uri(self) -> str:
        """What messages call it."""
        ...

    @property
    def n(self) -> int:
        """Rows."""
        ...

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return what lies beside the rows under a key; None where nothing does."""
        ...


def read_labels(
    source: HasLabels, wanted: str | None, *, untrusted: bool = False
) -> NDArray[Any] | None:
    """Read one label a row.

    Parameters
    ----------
    source : Source
    wanted : str or None
        A .npy file, ``FILE:KEY``, or a key of the source's own container; None looks there for
        :data:`LABEL_NAMES`.
    untrusted : bool
        Whether a child process with limits on memory and time reads a file of labels.

    Returns
    -------
    (n,) array or None
        None where nothing was asked for and nothing is there.

    Raises
    ------
    GausscheckError
        If what was asked for is missing or does not fit.
    """
    beside = _guarded(source)
    if wanted is None:
        for name in LABEL_NAMES:
            try:
                values = beside(name)
            except LabelsTooLarge:  # nobody asked for it
                continue
            if values is not None and one_a_row(values, source.n):
                return np.asarray(values)
        return None
    values = read_column(source, wanted, untrusted=untrusted)
    if values is None:
        raise GausscheckError(
            f'labels="{wanted}": expected a .npy file, FILE:KEY or a key; no such'
        )
    if not one_a_row(values, source.n):
        raise GausscheckError(
            f'labels="{wanted}": expected {source.n:,} labels, one a row, got {values.dtype} of '
            f"shape {values.shape}"
        )
    return values


def read_column(source: HasLabels, wanted: str, *, untrusted: bool = False) -> NDArray[Any] | None:
    """Read an array from a .npy file, ``FILE:KEY`` or what lies beside rows; None where none is.

    Raises
    ------
    GausscheckError
        If it cannot be read.
    """
    path, key = split_key(wanted)
    if key is None and not path.is_file():
        return _guarded(source)(wanted.strip("/"))
    if untrusted:
        from gausscheck.sources.untrusted import column_apart

        return column_apart(wanted)
    return label_column(wanted)


def _guarded(source: HasLabels) -> Callable[[str], NDArray[Any] | None]:
    """Return a source's way to what lies beside its rows, damage said in one line."""

    def beside(name: str) -> NDArray[Any] | None:
        try:
            return source.beside(name)
        except GausscheckError:
            raise
        except Exception as err:
            raise GausscheckError(
                f"{source.uri}: {name} beside the rows cannot be read ({line_of(err)}); the file "
                "is damaged: copy or download it again"
            ) from err

    return beside


def label_column(wanted: str) -> NDArray[Any] | None:
    """Read a file of labels.

    Parameters
    ----------
    wanted : str
        A .npy file or ``FILE:KEY``.

    Returns
    -------
    array or None
        None where the file has nothing under that key.

    Raises
    ------
    GausscheckError
        If it cannot be read.
    """
    path, key = split_key(wanted)
    if path.is_file():
        check_file(path)
    try:
        if key is None:
            return whole_npy(path)
        column = format_at(path).column()
        return None if column is None else column(path, key)
    except GausscheckError:
        raise
    except Exception as err:
        raise GausscheckError(f'labels="{wanted}": cannot be read: {line_of(err)}') from err
