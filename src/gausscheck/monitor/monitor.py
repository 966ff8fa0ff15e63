"""The monitor: fed batch by batch, it keeps a random sample of the rows and audits that."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from threading import RLock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.analyze import analyze
from gausscheck.config import Config
from gausscheck.core import I64, GausscheckError
from gausscheck.monitor.drawn import DrawnRows
from gausscheck.monitor.measurement import Measurement
from gausscheck.monitor.ranks import rank_and_size
from gausscheck.sources.base import ArraySource, problem_of
from gausscheck.sources.labels import one_a_row
from gausscheck.sources.memory import as_array

ROWS_A_STREAM = 1 << 40
"""Row i of stream s has the id s · 2^40 + i."""

STREAMS = 1 << 22

OF_FILES = (
    "labels", "group", "groups_by", "dataset", "flatten", "shape", "dtype", "limit", "resume",
    "dask", "untrusted",
)  # fmt: skip
"""Options of ``analyze`` that speak of files, or of what lies beside rows in them."""

_GROUPS = "rows that belong together"
"""The key under which the sampled rows carry their groups; no name of a file."""


class GaussianMonitor:
    """Measure over a training run how Gaussian embeddings are.

    It keeps a uniform random sample of the rows it is given, chosen by a hash of (seed, stream,
    number of the row) before anything is copied, and audits that sample as
    :func:`gausscheck.analyze` does.

    Parameters
    ----------
    rows : int
        Rows in the sample, at most: ``rows * d`` values are held in memory.
    seed : int
        Of the sample and of the audit. Rows given in the same order are sampled alike.
    stream : int, optional
        Numbers apart what is merged later: each monitor its own. None takes the rank of
        ``torch.distributed`` where that is initialised when the first rows come, and 0 otherwise.
    **options
        Keywords of :func:`gausscheck.analyze`, such as ``directions`` (here ``"axes"``),
        ``levels`` (here ``"none"``), ``normalize``, ``groups`` or ``threads``; none that speaks of
        files.

    Raises
    ------
    GausscheckError
        On options that are unknown or cannot mean anything.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> monitor = GaussianMonitor(rows=2000)
    >>> for _ in range(40):
    ...     monitor.update(rng.standard_normal((100, 8)))
    >>> measured = monitor.compute()
    >>> measured.seen, measured.rows, measured.status
    (4000, 2000, 'gaussian')
    """

    def __init__(
        self, rows: int = 8192, *, seed: int = 0, stream: int | None = None, **options: Any
    ) -> None:
        for name in OF_FILES:
            if options.get(name) is not None:
                raise GausscheckError(
                    f"{name}: speaks of files, and a monitor is given its rows; leave it out"
                    + (", and give groups to update()" if name == "groups_by" else "")
                )
        if stream is not None and not 0 <= stream < STREAMS:
            raise GausscheckError(f"stream: expected 0 to {STREAMS - 1:,}, got {stream}")
        asked = {"directions": "axes", "levels": "none", **options, "rows": rows, "seed": seed}
        self.config = Config.from_options(asked)
        self.stream = stream
        self._lock = RLock()
        self.reset()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=RLock())

    def reset(self) -> None:
        """Forget all rows."""
        with self._lock:
            self._drawn = DrawnRows(self.config.rows, self.config.seed)
            self._counts: dict[int, int] = {}
            self._grouped: bool | None = None
            self._width: int | None = None
            self._eps: float | None = None

    @property
    def seen(self) -> int:
        """Rows that it was given."""
        return sum(self._counts.values())

    @property
    def ids(self) -> I64:
        """Ids of the sampled rows, ascending: stream · 2^40 + number of the row."""
        return self._drawn.ids

    def sample(self) -> NDArray[Any]:
        """Return the sampled rows (m, d), by ascending id, in the type in which they came."""
        if self._width is None:
            raise GausscheckError("monitor: expected rows, got none yet; update() gives them")
        return self._drawn.column("rows")

    def update(self, z: Any, groups: Any = None) -> None:
        """Look at more rows; threads take turns.

        Parameters
        ----------
        z : (b, d) array
            Embeddings: NumPy, or a torch tensor on any device, of any floating type, with or
            without gradients; anything else that :func:`gausscheck.analyze` takes as an array. Only
            rows that enter the sample are copied off their device; where none does, the tensor is
            not touched, and its device not waited for.
        groups : (b,) array, optional
            What rows belong together (documents, videos, speakers): the jackknife leaves whole ones
            out. Given with every batch or with none.

        Raises
        ------
        GausscheckError
            If it is not a matrix, of another width than before, or the groups don't fit; nothing is
            counted then.
        """
        z = np.asarray(z) if isinstance(z, list | tuple) else z
        with self._lock:
            self._update(z, groups)

    def _update(self, z: Any, groups: Any) -> None:
        count = self._check(z)
        if self.seen and (groups is not None) != self._grouped:
            raise GausscheckError(
                f"update: expected rows {_with(self._grouped)} as before, got some "
                f"{_with(groups is not None)}; give them with every batch or with none"
            )
        if not count:
            return
        stream = rank_and_size()[0] if self.stream is None else self.stream
        first = stream * ROWS_A_STREAM + self._counts.get(stream, 0)
        ids = np.arange(first, first + count)
        places = self._drawn.enter(ids)
        columns = {}
        if places.size:
            columns["rows"], eps = _taken(z, places, count)
            reason = problem_of(columns["rows"].shape, columns["rows"].dtype)
            if reason is not None:
                raise GausscheckError(f"update: expected real numbers, got {reason}")
            if groups is not None:
                columns["groups"] = _taken_groups(groups, places, count)
            self._drawn.put(ids[places], columns)
            self._eps = max((e for e in (self._eps, eps) if e is not None), default=None)
        self._width, self._grouped = int(z.shape[1]), groups is not None
        self._counts[stream] = self._counts.get(stream, 0) + count

    def _check(self, z: Any) -> int:
        """Return the number of rows of a matrix of the width that is expected."""
        shape = tuple(getattr(z, "shape", ()))
        if len(shape) != 2 or shape[1] == 0:
            told = f"shape {shape}" if hasattr(z, "shape") else type(z).__name__
            raise GausscheckError(
                f"update: expected rows of shape (batch, dimensions), got {told}; pool "
                "tokens to one vector, or take each as a row by x.reshape(-1, x.shape[-1])"
            )
        if self._width not in (None, shape[1]):
            raise GausscheckError(
                f"update: expected {self._width} dimensions as before, got {shape[1]}; reset() "
                "forgets what was seen"
            )
        return int(shape[0])

    def compute(self) -> Measurement:
        """Audit the sample.

        Returns
        -------
        Measurement
            Cost that of :func:`gausscheck.analyze` on ``rows`` rows.

        Raises
        ------
        GausscheckError
            Without rows that can be audited: too few, not finite, all equal.
        """
        with self._lock:
            rows, seen = self.sample(), self.seen
            groups = self._drawn.column("groups") if self._grouped else None
            source = SampledRows(rows, groups, self._eps)
        options = self.config.to_dict() | ({} if groups is None else {"groups_by": _GROUPS})
        return Measurement.of(analyze(source, **options), seen)

    def empty(self) -> GaussianMonitor:
        """Return a monitor of the same options that has seen nothing."""
        fresh = copy.copy(self)
        fresh.reset()
        return fresh

    def state(self) -> dict[str, Any]:
        """Return what was seen as plain values and arrays, by name; for checkpoints and transport.

        Options of the audit are not in it.
        """
        with self._lock:
            arrays = {"ids": self.ids}
            if self._width is not None:
                arrays["rows"] = self._drawn.column("rows")
            if self._grouped:
                arrays["groups"] = self._drawn.column("groups")
            return {
                "most": self.config.rows, "seed": self.config.seed, "seen": dict(self._counts),
                "width": self._width, "eps": self._eps, **arrays,
            }  # fmt: skip

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Forget all rows, and take those of a state.

        Raises
        ------
        GausscheckError
            If it is no state of a monitor, one whose parts do not fit each other, or one of other
            rows or seed; nothing is changed then.
        """
        fresh = self.empty()
        fresh.merge(state)
        with self._lock:
            self.__dict__.update(fresh.__getstate__())

    def merge(self, other: GaussianMonitor | Mapping[str, Any]) -> None:
        """Take in what another monitor has seen: the sample is then one of the rows of both.

        Parameters
        ----------
        other : GaussianMonitor or its state

        Raises
        ------
        GausscheckError
            If its rows, seed or width are others, or both have numbered rows of the same stream;
            nothing is changed then.
        """
        state = other.state() if isinstance(other, GaussianMonitor) else other
        _check_state(state, self.config)
        if not state["seen"]:
            return
        with self._lock:
            self._merge(state)

    def _merge(self, state: Mapping[str, Any]) -> None:
        shared = sorted(set(self._counts) & set(state["seen"]))
        if shared:
            raise GausscheckError(
                f"merge: both have numbered rows of stream {shared[0]}; give each monitor its own, "
                "GaussianMonitor(stream=...)"
            )
        grouped = "groups" in state
        if self._width not in (None, state["width"]) or self._grouped not in (None, grouped):
            raise GausscheckError(
                f"merge: expected {self._width} dimensions {_with(self._grouped)}, got "
                f"{state['width']} {_with(grouped)}"
            )
        ids = np.asarray(state["ids"], dtype=np.int64)
        places = self._drawn.enter(ids)
        columns = {name: state[name][places] for name in ("rows", "groups") if name in state}
        self._drawn.put(ids[places], columns)
        self._counts |= {int(stream): int(count) for stream, count in state["seen"].items()}
        self._width, self._grouped = state["width"], grouped
        self._eps = max((e for e in (self._eps, state["eps"]) if e is not None), default=None)


class SampledRows(ArraySource):
    """The sampled rows, with their groups beside them.

    Parameters
    ----------
    rows : (m, d) array
    groups : (m,) array or None
    eps : float or None
        Spacing of the values as they came, where they had to be widened.
    """

    def __init__(self, rows: NDArray[Any], groups: NDArray[Any] | None, eps: float | None) -> None:
        super().__init__(rows, "<monitor>", eps=eps)
        self._groups = groups

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return the groups under their key."""
        return self._groups if key == _GROUPS else None


def _taken(z: Any, places: NDArray[np.intp], count: int) -> tuple[NDArray[Any], float | None]:
    """Return rows of an array, chosen where they are and then copied; and their spacing."""
    if places.size < count:
        z = _chosen(z, places)
    array, _, eps = as_array(z)
    return array, eps


def _taken_groups(groups: Any, places: NDArray[np.intp], count: int) -> NDArray[Any]:
    groups = np.asarray(groups) if isinstance(groups, list | tuple) else groups
    shape = tuple(getattr(groups, "shape", ()))
    if shape != (count,):
        raise GausscheckError(f"groups: expected one for each of {count} rows, got shape {shape}")
    values, _ = _taken(groups, places, count)
    if not one_a_row(values, places.size):
        raise GausscheckError(f"groups: expected numbers or text, got {values.dtype}")
    return values


def _chosen(z: Any, places: NDArray[np.intp]) -> Any:
    """Return some rows of an array, on the device where it is."""
    if not hasattr(z, "detach"):
        return (z if hasattr(z, "__dlpack__") else np.asarray(z))[places]
    import torch

    return z.detach().index_select(0, torch.from_numpy(places).to(z.device, non_blocking=True))


def _check_state(state: Mapping[str, Any], config: Config) -> None:
    names = {"most", "seed", "seen", "width", "eps", "ids"}
    if not isinstance(state, Mapping) or not names <= set(state):
        raise GausscheckError("state: expected one that state() returned, got something else")
    if (state["most"], state["seed"]) != (config.rows, config.seed):
        raise GausscheckError(
            f"state: expected a sample of {config.rows} rows by seed {config.seed}, got "
            f"{state['most']} by seed {state['seed']}; make both monitors alike"
        )
    reason = _misfit(state)
    if reason is not None:
        raise GausscheckError(f"state: expected one that state() returned, got {reason}")


def _misfit(state: Mapping[str, Any]) -> str | None:
    """Say which parts of a state do not fit each other."""
    seen, width, eps = state["seen"], state["width"], state["eps"]
    counts = seen.items() if isinstance(seen, Mapping) else [(None, None)]
    if any(not (_whole(s, 0, STREAMS) and _whole(n, 0, ROWS_A_STREAM + 1)) for s, n in counts):
        return "counts of rows that are none"
    if eps is not None and not (isinstance(eps, float) and 0 < eps < 1):
        return f"a spacing of values of {eps!r}"
    ids = np.asarray(state["ids"])
    if ids.ndim != 1 or (ids.size and ids.dtype.kind not in "iu"):
        return "ids that are no numbers of rows"
    stream, row = np.divmod(ids.astype(np.int64), ROWS_A_STREAM)
    known = np.array([n > r for n, r in zip(map(seen.get, stream.tolist()), row, strict=True) if n])
    if not (known.size == ids.size == np.unique(ids).size and known.all()):
        return "ids of rows that were not seen, or twice"
    if ids.size > min(state["most"], sum(seen.values())):
        return f"{ids.size:,} rows in a sample of {state['most']:,}"
    if not seen:
        return None
    if not _whole(width, 1, 1 << 62):
        return f"rows of {width!r} dimensions"
    for name, shape in (("rows", (ids.size, width)), ("groups", (ids.size,))):
        held = state.get(name)
        if held is None and name == "groups":
            continue
        if not isinstance(held, np.ndarray) or held.shape != shape:
            return f"{name} that are no array of shape {shape}"
    return None if not ids.size else problem_of(state["rows"].shape, state["rows"].dtype)


def _whole(value: Any, low: int, high: int) -> bool:
    """Whether a value is a whole number from ``low`` to below ``high``."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return whole and low <= value < high


def _with(grouped: bool | None) -> str:
    return "with groups" if grouped else "without groups"
