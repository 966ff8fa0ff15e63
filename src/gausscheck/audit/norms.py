"""The norms of the rows beside their Gaussian value."""

from __future__ import annotations

from math import sqrt

import numpy as np

from gausscheck.audit.intervals import student_quantile
from gausscheck.audit.reading import ReadRows
from gausscheck.config import Config
from gausscheck.core import F64
from gausscheck.normality.groups import delete_group
from gausscheck.passes.leaf import squared_norms
from gausscheck.passes.row_norms import NormSums
from gausscheck.passes.sample import RowSample
from gausscheck.passes.spread import Spread
from gausscheck.report import Norms, Preflight

BLOCK = 4096
"""Sampled rows that are measured at once."""

FINEST = 1e-15
"""Coefficient of variation below which float64 does not tell norms apart: its rounding is a tenth
of it."""


def norms_section(config: Config, found: Preflight, read: ReadRows) -> Norms:
    """Return the norms' coefficient of variation beside its Gaussian value, and a histogram."""
    rows, spread = read.rows, read.spread
    if found.constant_norm:
        return Norms(
            applicable=False,
            note="not applicable: rows are L2-normalised",
            mean=found.norm_mean,
        )
    divided = config.normalize == "unit"
    expected = None if divided else gaussian_norm_cv(spread)
    if expected is not None and expected < FINEST:
        return Norms(
            applicable=False,
            note="not applicable: norms vary by less than float64 holds",
            mean=found.norm_mean,
        )
    counts, edges = rows.cells.histogram()
    return Norms(
        applicable=True,
        note="rows were divided by their norms"
        if divided
        else "Gaussian value from the mean and covariance of the rows",
        mean=found.norm_mean,
        cv=found.norm_cv,
        cv_ci=_interval(read, found, config.confidence),
        cv_gaussian=expected,
        counts=counts,
        edges=edges,
    )


def _interval(read: ReadRows, found: Preflight, confidence: float) -> tuple[float, float] | None:
    """Return an interval of the coefficient of variation that knows how rows depend.

    Of rows that depend on each other the error is that of the sampled rows, by the groups that
    levels leave out: no smaller than that of all rows. Rows that occur more than once count once.
    None where all are of one group.
    """
    sums, distinct = read.rows.sums, read.rows.sums.n - found.duplicates
    value = sums.cv
    low, high = cv_interval(sums, confidence)
    half = (high - low) / 2 * sqrt(sums.n / max(distinct, 1))
    groups = None if read.grouping is None else read.grouping.order(read.sample.index)
    if groups is not None:
        order, sizes = groups
        if sizes.size < 2:
            return None
        low, high = cv_interval(NormSums.of_groups(_lengths(read.sample)[order], sizes), confidence)
        half = max(half, (high - low) / 2)
    return value - half, value + half


def _lengths(sample: RowSample) -> F64:
    blocks = (sample.read(low, low + BLOCK) for low in range(0, sample.m, BLOCK))
    return np.asarray(
        np.sqrt(np.concatenate([squared_norms(rows.astype(np.float64)) for rows in blocks]))
    )


def cv_interval(norms: NormSums, confidence: float) -> tuple[float, float]:
    """Return a delete-a-group jackknife interval of the coefficient of variation of norms.

    By the groups of the sums, whose sizes may differ.
    """
    error = sqrt(float(delete_group(norms.cv, norms.cv_without, norms.count)[1]))
    half = student_quantile(norms.count.size, 0.5 + confidence / 2) * error
    return norms.cv - half, norms.cv + half


def gaussian_norm_cv(spread: Spread) -> float:
    """Coefficient of variation of ‖x‖ for Gaussian x of this mean and covariance, to first order.

    For x ~ N(μ, Σ), ‖x‖² has mean tr Σ + ‖μ‖² and variance 2 tr Σ² + 4 μᵀΣμ, and
    CV(‖x‖) ≈ CV(‖x‖²) / 2; with mean zero that is the thin-shell value sqrt(tr Σ² / 2) / tr Σ,
    1/sqrt(2 d) for Σ = I. Each part is estimated without bias from n rows: the covariance S of few
    rows in many dimensions has tr S² ≈ tr Σ² + (tr Σ)²/n.
    """
    n, mean, covariance = spread.n, spread.mean, spread.covariance
    trace = covariance.trace()
    square = covariance.square_sum() - trace**2 / (n - 1)
    square = max(square * (n - 1) ** 2 / ((n + 1) * (n - 2)), trace**2 / mean.size)
    along = max(float(mean @ covariance.times(mean)) - square / n, 0.0)
    size = trace + max(float(mean @ mean) - trace / n, 0.0)
    return sqrt(2 * square + 4 * along) / (2 * size)
