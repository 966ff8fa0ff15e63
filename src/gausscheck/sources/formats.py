"""The table of file formats: their names, endings, readers, and what has to be installed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from gausscheck.core import Source
from gausscheck.sources.base import Contents


@dataclass(frozen=True, slots=True)
class Format:
    """A file format: the module that reads it and the endings it goes by.

    ``holds``, ``beside`` (where labels can lie) and ``how`` it is read are for the reference page;
    ``extra`` names what has to be installed. The module is imported when a file of the format is
    opened; it has ``open_NAME(path, dataset)``
    and ``inspect_NAME(path)``, and ``column_NAME(path, key)`` where labels can lie in such a file.
    """

    name: str
    suffixes: tuple[str, ...]
    holds: str
    beside: str = ""
    how: str = ""
    extra: str | None = None

    def open(self) -> Callable[[Path, str | None], Source]:
        """Return the function that opens a file."""
        module = import_module(f"gausscheck.sources.{self.name}")
        opener: Callable[[Path, str | None], Source] = getattr(module, f"open_{self.name}")
        return opener

    def inspect(self) -> Callable[[Path], Contents]:
        """Return the function that says what a file holds."""
        module = import_module(f"gausscheck.sources.{self.name}")
        looker: Callable[[Path], Contents] = getattr(module, f"inspect_{self.name}")
        return looker

    def column(self) -> Callable[[Path, str], NDArray[Any] | None] | None:
        """Return the function that reads one column or array of a file; None where none can."""
        module = import_module(f"gausscheck.sources.{self.name}")
        return getattr(module, f"column_{self.name}", None)


SOURCES: dict[str, Format] = {
    form.name: form
    for form in (
        Format(
            "npy",
            (".npy",),
            "one array, C or Fortran order, either endianness; records with a vector or with "
            "fields of numbers",
            "another field of records",
            "by position; Fortran order by columns, read ahead",
        ),
        Format(
            "npz",
            (".npz",),
            "several arrays by name; a scipy.sparse matrix (csr, csc, coo); many vectors, one an "
            "entry",
            "another member",
            "stored members in place; compressed ones and sparse matrices unpacked into temporary "
            "files, sparse rows made dense a block at a time",
        ),
        Format(
            "hdf5",
            (".h5", ".hdf5", ".hdf", ".he5"),
            "datasets in groups; many vectors, one a dataset",
            "another dataset",
            "by block of rows, a packed chunk decoded once a pass; unwritten chunks are refused",
        ),
        Format(
            "shards",
            (),
            "a folder or a pattern of `.npy`, `.parquet` or `.arrow` files in numeric order (`_2` "
            "before `_10`), nested too; of `.npy` with one vector each; clip-retrieval's folder",
            "columns of parquet or Arrow; clip-retrieval's `metadata/*.parquet`; names of files",
            "headers first, rows across the borders as they are asked for; files close behind the "
            "reader",
        ),
        Format(
            "parquet",
            (".parquet", ".parq", ".pq"),
            "a column of lists, fixed-size lists or tensors, of float bytes, or of lists as text; "
            "where there is none, all columns of floats together",
            "another column",
            "1 MB of rows decoded at a time, whatever the size of the row groups",
            "parquet",
        ),
        Format(
            "arrow",
            (".arrow", ".feather", ".ipc", ".arrows"),
            "the same, as an Arrow (Feather 2) file or stream",
            "another column",
            "memory-mapped; compressed batches one at a time",
            "parquet",
        ),
        Format(
            "safetensors", (".safetensors",), "tensors by name", "another tensor", "by position"
        ),
        Format(
            "zarr",
            (".zarr",),
            "an array, or arrays in groups, format 2 or 3; a folder with `zarr.json` too",
            "another array",
            "by chunks, each decoded once a pass; missing ones are refused",
            "zarr",
        ),
        Format(
            "h5ad",
            (".h5ad",),
            "`obsm/X_...`; `X` and layers where asked for",
            "a column of `obs`, categories by name",
            "by block of rows",
        ),
        Format(
            "matlab",
            (".mat",),
            "matrices by name, versions 4 to 7.3",
            "another vector",
            "by SciPy, a matrix whole (2 GB by the format); 7.3 as HDF5, by columns",
        ),
        Format(
            "faiss",
            (".faiss", ".index"),
            "flat indexes, also inside IndexIDMap; others that can reconstruct, with faiss",
            "",
            "flat ones by position; others by faiss in a process of their own",
            "faiss",
        ),
        Format(
            "torchfile",
            (".pt", ".pth"),
            "a tensor, or a dict or list of them, nested too; many vectors, one a tensor",
            "another tensor",
            "memory-mapped by `torch.load(weights_only=True)`: nothing is executed",
            "train",
        ),
        Format(
            "sqlite",
            (".sqlite", ".sqlite3", ".db", ".db3"),
            "a column of float32 BLOBs or of lists as text; sqlite-vec's tables",
            "another column of the table",
            "read-only, no extension loaded; copied once into a temporary file",
        ),
        Format(
            "chroma",
            (),
            "a folder of Chroma's, or its `chroma.sqlite3`: a collection by name",
            "ids, where all rows are in its queue",
            "its queue and its HNSW segment, without its pickle; copied once into a temporary file",
        ),
        Format(
            "lance",
            (".lance",),
            "as parquet; a table of LanceDB",
            "another column",
            "1 MB of rows decoded at a time",
            "lance",
        ),
        Format(
            "sketch", (".sketch",), "what was taken from rows elsewhere", "", "an audit takes it"
        ),
        Format(
            "text",
            (".csv", ".tsv", ".tab", ".psv", ".dat"),
            'columns of numbers, or a column of lists as text (`"[0.1, 0.2]"`); also `.gz`',
            "another column",
            "parsed once, a line at a time, into a temporary file",
        ),
        Format(
            "jsonlines",
            (".jsonl", ".ndjson"),
            "a list a line, or an object with one at the end of a dotted path; also `.gz`",
            "another path",
            "parsed once, a line at a time, into a temporary file",
        ),
        Format(
            "jsonfile",
            (".json",),
            "a list of lists, lists by name, objects with one, or these under a key; also `.gz`",
            "names, another field, another list",
            "parsed twice, a row at a time, into a temporary file",
        ),
        Format(
            "words",
            (".txt", ".vec", ".glove", ".w2v"),
            "word vectors (word2vec, GloVe, fastText), as text or word2vec binary; otherwise a "
            "table of text; also `.gz`",
            "words",
            "parsed once, a line at a time, into a temporary file",
        ),
        Format(
            "raw",
            (
                ".bin",
                ".raw",
                ".mmap",
                ".memmap",
                ".fbin",
                ".hbin",
                ".i8bin",
                ".u8bin",
                ".fvecs",
                ".bvecs",
                ".ivecs",
            ),
            "raw numbers with `shape` and `dtype` given, or in a JSON file beside them; "
            "benchmarks' `.fvecs` and `.fbin`; `.bin` of torch or word2vec",
            "",
            "by position",
        ),
    )
}
"""Every file format, by name."""
