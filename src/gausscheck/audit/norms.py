"""The norms of the rows beside their Gaussian value."""

from __future__ import annotations

from math import sqrt

from gausscheck.config import Config
from gausscheck.core import F64
from gausscheck.normality.groups import jackknife_interval
from gausscheck.passes.reductions import Rows
from gausscheck.passes.row_norms import NormSums
from gausscheck.passes.scatter import ScatterMatrix
from gausscheck.passes.spread import Spread
from gausscheck.report import Norms, Preflight


def norms_section(config: Config, found: Preflight, rows: Rows, spread: Spread) -> Norms:
    """Return the norms' coefficient of variation beside its Gaussian value, and a histogram."""
    if found.constant_norm:
        return Norms(
            applicable=False,
            note="not applicable: rows are L2-normalised",
            mean=found.norm_mean,
        )
    counts, edges = rows.cells.histogram()
    divided = config.normalize == "unit"
    return Norms(
        applicable=True,
        note="rows were divided by their norms"
        if divided
        else "Gaussian value from the mean and covariance of the rows",
        mean=found.norm_mean,
        cv=found.norm_cv,
        cv_ci=cv_interval(rows.sums, config.confidence),
        cv_gaussian=None if divided else gaussian_norm_cv(spread.mean, spread.covariance),
        counts=counts,
        edges=edges,
    )


def cv_interval(norms: NormSums, confidence: float) -> tuple[float, float]:
    """Return a delete-a-group jackknife interval of the coefficient of variation of norms.

    Row i belongs to group i modulo G: rows saved class by class are spread over all groups.
    """
    return jackknife_interval(norms.cv, norms.cv_without, confidence)[1]


def gaussian_norm_cv(mean: F64, covariance: ScatterMatrix) -> float:
    """Coefficient of variation of ‖x‖ for x ~ N(mean, covariance), to first order.

    ‖x‖² has mean tr Σ + ‖μ‖² and variance 2 tr Σ² + 4 μᵀΣμ, and CV(‖x‖) ≈ CV(‖x‖²) / 2; with
    mean zero that is the thin-shell value sqrt(tr Σ² / 2) / tr Σ, 1/sqrt(2 d) for Σ = I.
    """
    size = covariance.trace() + float(mean @ mean)
    variance = 2 * covariance.square_sum() + 4 * float(mean @ covariance.times(mean))
    return sqrt(variance) / (2 * size)
