"""Every default of gausscheck, once: options of the CLI and keywords of ``analyze`` alike."""

from __future__ import annotations

import dataclasses
import os
import re
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr as shorter
from typing import Any

from gausscheck.core import GausscheckError

AD_THRESHOLD = 0.752
"""5 % critical value of A*² with mean and variance estimated (Stephens 1974): the field's rule."""

DP_THRESHOLD = 0.05
"""The field's threshold for a coordinate's D'Agostino-Pearson p-value."""

NORMALIZE = ("raw", "center", "unit", "standardize", "whiten")
ON_BAD_ROWS = ("error", "drop")
NULLS = ("fitted", "isotropic")
JOINT_LEVELS = ("marginals", "norms", "sphere")

_LEAST = {
    "reference": 8, "rows": 100, "groups": 2, "seed": 0, "threads": 1, "worst": 1, "limit": 20,
}  # fmt: skip
"""Options that are integers, and the smallest that means anything."""

_MOST, _MOSTS = 10**9, {"groups": 1000, "seed": (1 << 63) - 1}
"""The largest of any of them: beyond it nothing can be held; and those of two."""

_TEXTS = ("labels", "groups_by", "shape", "dtype", "subsets", "dataset", "resume", "dask")
"""Options that are text or left out."""

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Config:
    """The options of one audit.

    Attributes
    ----------
    normalize : {"raw", "center", "unit", "standardize", "whiten"}
        What is done to the rows before they are projected.
    directions : str
        Comma-separated families, a count after the colon: ``axes,random:256,pca:32,file:PATH``.
        ``ica:K``, ``pursuit:K`` and ``lda`` are learned on one half and tested on the other.
    labels : str or None
        One label a row: a .npy file, ``FILE:KEY``, or a key of the same container. None takes what
        the container calls labels, label, y or target.
    subsets : str or None
        ``BxM``: the paper's table averages each statistic over B disjoint random subsets of M
        rows. None takes the whole sample once.
    reference : int
        Rows at which the n-free effect size is read: ``ad_at_reference = a0 + reference * delta``.
    rows : int
        Rows in the random sample that order-based statistics and joint tests read. Moments and
        preflight always see every row.
    groups : int
        Groups of the delete-a-group jackknife.
    confidence : float
        Coverage of the intervals.
    alpha : float
        Level of the corrections over directions.
    on_bad_rows : {"error", "drop"}
        What to do with rows that are not finite or are all zero.
    memory : int or str
        Bytes that buffers may take, such as ``1GB``. The answer does not depend on it.
    seed : int
        Seed of every named random stream.
    threads : int or None
        Worker threads; None takes the processors at hand.
    dataset : str or None
        The array inside a container that holds several.
    flatten : bool
        Take the tokens of a (documents, tokens, dimensions) array as rows; those of a document
        belong together.
    shape : str or None
        Of raw numbers without a header: ``N,D``, one of them may be -1.
    dtype : str or None
        Of raw numbers, such as ``f4``.
    limit : int or None
        Audit a random sample of so many rows, and read little else.
    levels : str
        Joint levels beside those of ``directions``, out of ``marginals,norms,sphere``; ``none``.
    group : bool
        Whether rows of each label are audited by themselves too.
    null : {"fitted", "isotropic"}
        ``fitted``: normal with any mean and covariance. ``isotropic``: mean 0 and a multiple of
        the identity, known, which SIGReg-style training aims at.
    groups_by : str or None
        What rows belong together (videos, patients, speakers): a .npy file, ``FILE:KEY``, or a key
        of the same container; the jackknife leaves whole ones out.
    null_cache : bool
        Whether simulated null distributions are kept on disk for the next time.
    resume : str or None
        A folder where the passes over all rows are kept: a second run reads nothing, an
        interrupted one goes on.
    dask : str or None
        Address of a Dask scheduler whose workers take the passes over all rows.
    worst : int
        Most deviant directions named per level.
    untrusted : bool
        Whether a child process with limits on memory and time reads the files.
    """

    normalize: str = "raw"
    directions: str = "axes,random:256,pca:32,ica:10,pursuit:10"
    labels: str | None = None
    subsets: str | None = None
    reference: int = 5000
    rows: int = 100_000
    groups: int = 20
    confidence: float = 0.95
    alpha: float = 0.05
    on_bad_rows: str = "error"
    memory: int | str = "1GB"
    seed: int = 0
    threads: int | None = None
    dataset: str | None = None
    flatten: bool = False
    shape: str | None = None
    dtype: str | None = None
    limit: int | None = None
    levels: str = "marginals,norms,sphere"
    group: bool = False
    null: str = "fitted"
    groups_by: str | None = None
    null_cache: bool = True
    resume: str | None = None
    dask: str | None = None
    worst: int = 3
    untrusted: bool = False

    def __post_init__(self) -> None:
        """Refuse values that cannot mean anything."""
        _one_of("normalize", self.normalize, NORMALIZE)
        _one_of("on_bad_rows", self.on_bad_rows, ON_BAD_ROWS)
        _one_of("null", self.null, NULLS)
        for name, low in _LEAST.items():
            value = getattr(self, name)
            if name in ("threads", "limit") and value is None:
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < low:
                raise GausscheckError(
                    f"{name}: expected an integer of at least {low}, got {shorter(value)}"
                )
            most = _MOSTS.get(name, _MOST)
            if value > most:
                raise GausscheckError(f"{name}: expected at most {most}, got {value!r:.40}")
        for name in ("confidence", "alpha"):
            value = getattr(self, name)
            if not isinstance(value, float) or not 0 < value < 1:
                raise GausscheckError(f"{name}: expected a number between 0 and 1, got {value!r}")
        for name in ("group", "null_cache", "flatten", "untrusted"):
            if not isinstance(getattr(self, name), bool):
                raise GausscheckError(
                    f"{name}: expected true or false, got {getattr(self, name)!r}"
                )
        for name in ("directions", "levels", *_TEXTS):
            value = getattr(self, name)
            if not isinstance(value, str) and not (name in _TEXTS and value is None):
                raise GausscheckError(f"{name}: expected text, got {shorter(value)}")
        if self.resume == "":
            raise GausscheckError("resume: expected a folder, got an empty name")
        if self.memory_bytes < 32 * 10**6:
            raise GausscheckError(f"memory: expected at least 32MB, got {self.memory}")
        self.joint_levels()
        self.raw_shape()
        self.subset_plan()  # refuses a malformed one here rather than mid-run

    @property
    def memory_bytes(self) -> int:
        """The memory budget in bytes."""
        return parse_bytes(self.memory)

    @property
    def workers(self) -> int:
        """Worker threads to use."""
        return self.threads or processors()

    def joint_levels(self) -> tuple[str, ...]:
        """Return ``levels`` as names."""
        names = tuple(name.strip() for name in self.levels.split(","))
        if names == ("none",):
            return ()
        for name in names:
            _one_of("levels", name, (*JOINT_LEVELS, "none"))
        if "none" in names:
            raise GausscheckError(
                f"levels: none excludes the others, got {self.levels!r}; name levels or none"
            )
        return tuple(name for name in JOINT_LEVELS if name in names)

    def raw_shape(self) -> tuple[int, int] | None:
        """Return ``shape`` as (rows, dimensions)."""
        if self.shape is None:
            return None
        match = re.fullmatch(r"\s*(-1|[0-9]{1,18})\s*[,xX]\s*(-1|[0-9]{1,18})\s*", self.shape)
        if match is None:
            raise GausscheckError(
                f"shape: expected N,D such as 5000,384, got {shorter(self.shape)}"
            )
        return int(match[1]), int(match[2])

    def subset_plan(self) -> tuple[int, int] | None:
        """Return ``subsets`` as (B, M), or None for the whole sample once."""
        if self.subsets is None:
            return None
        match = re.fullmatch(r"([0-9]{1,18})[xX]([0-9]{1,18})", self.subsets.strip())
        if match is None or int(match[1]) < 1 or int(match[2]) < 20:
            raise GausscheckError(
                f"subsets: expected BxM with B >= 1 subsets of M >= 20 rows, such as 5x1000, "
                f"got {shorter(self.subsets)}"
            )
        return int(match[1]), int(match[2])

    def to_dict(self) -> dict[str, Any]:
        """Return the options as plain values, for the report."""
        return dataclasses.asdict(self)

    @classmethod
    def from_toml(cls, path: str | Path) -> Config:
        """Read options from a TOML file; unknown names are refused.

        Raises
        ------
        GausscheckError
            If the file cannot be read, is not TOML, or names an unknown option.
        """
        from gausscheck.files import read_toml

        values = read_toml(path, "a TOML file of options")
        return cls.from_options(values, where=str(path))

    @classmethod
    def from_options(cls, values: dict[str, Any], where: str = "options") -> Config:
        """Build from a mapping; None means the default, an unknown name is an error."""
        known = {f.name for f in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise GausscheckError(
                f"{where}: unknown option {', '.join(unknown)}; known: {', '.join(sorted(known))}"
            )
        return cls(**{name: value for name, value in values.items() if value is not None})


def parse_bytes(text: int | str) -> int:
    """Bytes in ``512MB``, ``1.5GB`` or a plain number; units are powers of ten.

    Examples
    --------
    >>> parse_bytes("1.5GB")
    1500000000
    """
    if isinstance(text, int) and not isinstance(text, bool):
        return min(text, 1 << 62)
    match = re.fullmatch(r"\s*([0-9]{1,18}(?:\.[0-9]*)?)\s*([KMGT]?)I?B?\s*", str(text).upper())
    if match is None:
        raise GausscheckError(f"memory: expected a size such as 512MB or 2GB, got {shorter(text)}")
    return int(float(match[1]) * _UNITS[match[2]])


def _one_of(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise GausscheckError(f"{name}: expected one of {', '.join(choices)}, got {value!r}")
