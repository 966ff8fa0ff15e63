"""Anchors and positives: what an InfoNCE encoder trades, alignment against uniformity.

In population InfoNCE is −α E[u·v] + Φ with α = 1/temperature and Φ = E_u log E_v exp(α u·v), u, v
unit rows. Alignment is bounded: E[u·v] ≤ η² + (1 − η²) ‖m‖², with m the mean of the views and η²
the largest correlation between functions of two views of a row (for a Gaussian channel A²).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.config import Config
from gausscheck.core import F64, GausscheckError, Source, __version__
from gausscheck.files import plain, save_result
from gausscheck.normality.evaluate_rows import PAIRS
from gausscheck.normality.groups import jackknife_interval
from gausscheck.pairs.estimates import (
    estimate_eta2,
    log_mean_exp_on_sphere,
    phi_of_uniform_rows,
)
from gausscheck.pairs.sums import EDGES, LinearSums, PairSums, linear_sums, pair_sums, unit_rows
from gausscheck.passes.row_keys import counted_once
from gausscheck.rng import hashed_order
from gausscheck.sources import open_source
from gausscheck.threads import worker_pool

BYTES = 256 << 20
"""Bytes of unit rows held, at most, for sums over pairs."""

SHORT = 0.05
"""What phi of uniform rows may lie below its value in population without a note."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """What was found of anchors and positives.

    Attributes
    ----------
    anchor, positive : str
        Where the rows came from.
    n, d : int
        Pairs, of which none repeats another, and dimensions.
    temperature : float
    values : dict
        ``alignment`` E[u·v] with ``alignment_ci``; ``alignment_distance`` E‖u − v‖²; ``phi`` over
        all pairs of different rows, ``phi_uniform``, its least value in population, and
        ``phi_uniform_rows``, what uniform rows give on average where they are as few as these;
        ``infonce`` of one batch of all the rows, −α E[u·v] + mean log mean exp(α u·v) with the
        positive among its negatives, and ``infonce_population`` without; ``uniformity`` log E
        exp(−2‖u − v‖²) and ``uniformity_uniform``; ``mean_square`` ‖m‖² of the views and
        ``mean_square_unbiased``; ``eta2``, ``eta2_source`` (given or estimated), ``bound``,
        ``slack``; ``negative_mean``, ``negative_sd``, ``negative_sd_scaled`` (times sqrt(d): 1 on
        the uniform sphere); ``top1``, the share of anchors whose nearest candidate is their own.
    pair_rows : int
        Rows behind the sums over pairs of different rows; fewer than n where those are too many.
    notes : tuple of str
    arrays : dict of str to array
        ``edges`` and the counts ``positives``, ``negatives`` of the cosine histograms.
    """

    anchor: str
    positive: str
    n: int
    d: int
    temperature: float
    values: dict[str, Any]
    pair_rows: int
    notes: tuple[str, ...] = ()
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the content of pairs.json: plain values; what is not finite becomes None."""
        replaced: list[str] = []
        return {
            "schema": "gausscheck.pairs",
            "schema_version": [1, 0],
            "gausscheck_version": __version__,
            "anchor": self.anchor,
            "positive": self.positive,
            "n": self.n,
            "d": self.d,
            "temperature": self.temperature,
            "pair_rows": self.pair_rows,
            "values": plain(self.values, "values", replaced),
            "notes": [*self.notes, *(f"not finite, written as null: {name}" for name in replaced)],
        }

    def save(self, directory: str | Path) -> Path:
        """Write pairs.json and pairs.npz: both or neither appear."""
        return save_result(directory, "pairs", self.to_dict(), self.arrays)


def audit_pairs(
    anchor: Any,
    positive: Any,
    *,
    temperature: float = 0.1,
    eta2: float | None = None,
    on_bad_rows: str = "error",
    untrusted: bool = False,
    seed: int = 0,
    threads: int | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Pairs:
    """Measure alignment, uniformity and the bound between them on anchor-positive pairs.

    Parameters
    ----------
    anchor, positive : path, array, DataFrame or Source
        Row i of one belongs to row i of the other, ``(n, d)`` each: what
        :func:`gausscheck.open_source` takes.
    temperature : float
        Of the loss the encoder was trained with.
    eta2 : float, optional
        Squared maximal correlation of view and base; estimated if not given.
    on_bad_rows : {"error", "drop"}
        What to do with pairs of which a row is not finite or all zero.
    untrusted : bool
        Whether a child process with limits on memory and time reads the files.
    seed : int
        Of the halves of the estimate and of the sample of rows, where one is needed.
    threads : int, optional
    progress : callable, optional

    Returns
    -------
    Pairs
        Sums over rows (alignment, means) take all rows, and so does the mean cosine of negatives,
        which is exactly (Σu·Σv − Σ uᵢ·vᵢ)/(n (n − 1)). Sums over pairs of different rows take all
        of up to 46,340 rows (fewer where they would exceed 256 MB), else a random sample of so
        many, which a note says. Cost O(n d) and O(n² d) for those.

    Raises
    ------
    GausscheckError
        If the two differ in shape, hold bad rows, or an option cannot mean anything.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((500, 16))
    >>> found = audit_pairs(x, x)
    >>> round(found.values["alignment"], 6), found.values["top1"]
    (1.0, 1.0)
    """
    anchor, positive = (open_source(rows, untrusted=untrusted) for rows in (anchor, positive))
    _check(anchor, positive, temperature, eta2)
    workers = Config(on_bad_rows=on_bad_rows, seed=seed, threads=threads).workers
    report = progress or (lambda stage, share: None)
    sums = linear_sums(anchor, positive, on_bad_rows, report)
    most = min(isqrt(PAIRS), BYTES // (16 * anchor.d))
    chosen = sums.good
    notes = []
    if sums.dropped:
        notes.append(f"{sums.dropped:,} pairs with a row that is not finite or all zero dropped")
    if sums.repeats:
        notes.append(counted_once(sums.repeats, "pair"))
    if chosen.size > most:
        chosen = np.sort(chosen[hashed_order(chosen.size, seed)[:most]])
        notes.append(f"sums over pairs on a random {most:,} of {sums.n:,} rows")
    u, v = (unit_rows(source, chosen) for source in (anchor, positive))
    with worker_pool(workers) as pool:
        across = pair_sums(u, v, 1 / temperature, pool, report)
        estimate = None if eta2 is not None else estimate_eta2(u, v, seed)
    least = phi_of_uniform_rows(1 / temperature, anchor.d, across.n, seed)
    values = _values(sums, across, anchor.d, 1 / temperature, eta2, estimate, least)
    if values["phi_uniform"] - least > SHORT:
        notes.append(
            f"phi over {across.n:,} rows reads too low at temperature {temperature:g}: uniform "
            f"rows, as many, give {least:.2f} and not {values['phi_uniform']:.2f}"
        )
    if estimate is not None:
        notes.append(
            "eta2 is estimated from linear functions of the views (ridge canonical correlation, "
            "fitted on one half, read on the other): the true one is at least about that large"
        )
        if values["slack"] < 0:
            notes.append("a negative slack under an estimated eta2 says that eta2 is larger")
    arrays = {"positives": sums.counts, "negatives": across.counts, "edges": EDGES}
    return Pairs(
        anchor.uri,
        positive.uri,
        sums.n,
        anchor.d,
        temperature,
        values,
        int(chosen.size),
        tuple(notes),
        arrays,
    )


def _check(anchor: Source, positive: Source, temperature: float, eta2: float | None) -> None:
    if (anchor.n, anchor.d) != (positive.n, positive.d):
        raise GausscheckError(
            f"{positive.uri}: expected {anchor.n:,} x {anchor.d:,} like {anchor.uri}, one positive "
            f"for each anchor, got {positive.n:,} x {positive.d:,}"
        )
    if anchor.n < 40:
        raise GausscheckError(f"{anchor.uri}: expected at least 40 pairs, got {anchor.n}")
    if not 0 < temperature < float("inf"):
        raise GausscheckError(f"temperature: expected a positive number, got {temperature}")
    if eta2 is not None and not 0 <= eta2 <= 1:
        raise GausscheckError(f"eta2: expected a number from 0 to 1, got {eta2}")


def _values(
    sums: LinearSums,
    across: PairSums,
    d: int,
    alpha: float,
    eta2: float | None,
    estimate: float | None,
    least: float,
) -> dict[str, Any]:
    n = sums.n
    alignment = float(sums.cosines.mean())
    mean_square = float(
        ((sums.sum_u + sums.sum_v) / (2 * n)) @ ((sums.sum_u + sums.sum_v) / (2 * n))
    )
    negative = float(sums.sum_u @ sums.sum_v - sums.cosines.sum()) / (n * (n - 1))
    spread = float(np.sqrt(max(across.square - across.mean**2, 0)))
    used = estimate if eta2 is None else eta2
    if used is None:
        raise LookupError("eta2 was neither given nor estimated")
    bound = used + (1 - used) * mean_square
    phi = float(across.log_others.mean())
    return {
        "alignment": alignment,
        "alignment_ci": _interval(sums.cosines),
        "alignment_distance": 2 - 2 * alignment,
        "phi": phi,
        "phi_uniform": log_mean_exp_on_sphere(alpha, d),
        "phi_uniform_rows": least,
        "infonce": -alpha * alignment + float(across.log_all.mean()),
        "infonce_population": -alpha * alignment + phi,
        "uniformity": across.log_potential,
        "uniformity_uniform": log_mean_exp_on_sphere(4.0, d) - 4,
        "mean_square": mean_square,
        "mean_square_unbiased": negative,
        "eta2": used,
        "eta2_source": "estimated" if eta2 is None else "given",
        "bound": bound,
        "slack": bound - alignment,
        "negative_mean": negative,
        "negative_sd": spread,
        "negative_sd_scaled": spread * np.sqrt(d),
        "top1": across.top1,
    }


def _interval(cosines: F64, groups: int = 20, confidence: float = 0.95) -> list[float]:
    """Return a delete-a-group jackknife interval of a mean; row i is in group i modulo G."""
    member = np.arange(cosines.size) % groups
    left = cosines.size - np.bincount(member, minlength=groups)
    without = (cosines.sum() - np.bincount(member, cosines, minlength=groups)) / left
    return list(jackknife_interval(float(cosines.mean()), without, confidence)[1])
