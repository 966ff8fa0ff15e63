"""The norms of the rows beside their Gaussian value."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.preflight import Preflight
from gausscheck.audit.projector import Bench
from gausscheck.core import F64
from gausscheck.passes.reductions import Spread


def cv_interval(norms: F64, groups: int, confidence: float) -> list[float]:
    """Return a delete-a-group jackknife interval of the coefficient of variation of norms.

    Row i belongs to group i modulo G: rows saved class by class are spread over all groups.
    """
    from scipy.special import stdtrit

    pilot = float(norms.mean())
    member = np.arange(norms.size) % groups
    left = norms.size - np.bincount(member, minlength=groups)
    one = np.bincount(member, norms - pilot, minlength=groups)
    two = np.bincount(member, (norms - pilot) ** 2, minlength=groups)
    mean = (one.sum() - one) / left
    spread = np.sqrt(((two.sum() - two) / left - mean**2).clip(min=0))
    without = spread / (mean + pilot)
    error = sqrt((groups - 1) / groups * float(((without - without.mean()) ** 2).sum()))
    half = float(stdtrit(groups - 1, 0.5 + confidence / 2)) * error
    whole = float(norms.std() / pilot)
    return [whole - half, whole + half]


def norm_cv_null(mean: F64, covariance: F64) -> float:
    """Coefficient of variation of ‖x‖ for x ~ N(mean, covariance), to first order.

    ‖x‖² has mean tr Σ + ‖μ‖² and variance 2 tr Σ² + 4 μᵀΣμ, and CV(‖x‖) ≈ CV(‖x‖²) / 2; with
    mean zero that is the thin-shell value sqrt(tr Σ² / 2) / tr Σ, 1/sqrt(2 d) for Σ = I.
    """
    size = float(np.trace(covariance) + mean @ mean)
    variance = 2 * float((covariance**2).sum()) + 4 * float(mean @ covariance @ mean)
    return sqrt(variance) / (2 * size)


def norm_summary(
    bench: Bench, found: Preflight, spread: Spread, arrays: dict[str, NDArray[Any]]
) -> dict[str, Any]:
    """Return the norms' coefficient of variation beside its Gaussian value; keep a histogram."""
    if found.constant_norm:
        return {
            "applicable": False,
            "note": "not applicable: rows are L2-normalised",
            "mean": found.norm_mean,
            "cv": None,
            "cv_ci": None,
            "cv_gaussian": None,
        }
    good = np.delete(bench.rows.norms, bench.rows.bad)
    counts, edges = np.histogram(good, bins=min(80, max(20, int(np.sqrt(good.size)))))
    arrays["norms/counts"], arrays["norms/edges"] = counts, edges
    interval = cv_interval(good, bench.config.groups, bench.config.confidence)
    if bench.config.normalize == "unit":
        return {
            "applicable": True,
            "mean": found.norm_mean,
            "cv": found.norm_cv,
            "cv_ci": interval,
            "cv_gaussian": None,
            "note": "rows were divided by their norms",
        }
    return {
        "applicable": True,
        "mean": found.norm_mean,
        "cv": found.norm_cv,
        "cv_ci": interval,
        "cv_gaussian": norm_cv_null(spread.mean, spread.covariance),
        "note": "Gaussian value from the mean and covariance of the rows",
    }
