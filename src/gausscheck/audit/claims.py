"""The paper's three claims on these rows: projections, norms, the sphere."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gausscheck.audit.reading import ReadRows
from gausscheck.audit.sphere_claim import sphere_claim
from gausscheck.config import Config
from gausscheck.report import Claim, Claims, Level, Norms, SphereClaim

ROWS = 5_000
"""Sampled rows that the claim on the sphere reads, at most."""

NORM_MARGIN = 0.1
"""A shell is as thin as a Gaussian's up to so much of its coefficient of variation."""


def claim_of_sphere(read: ReadRows, config: Config) -> SphereClaim | None:
    """Look whether rows divided by their lengths are uniform on the sphere, as they are.

    Neither centred nor whitened: a mean direction and unequal variances are departures. None where
    there are too few rows, dimensions or clusters of rows. Cost O(m² d) for at most 5,000 rows.
    """
    sample = read.sample
    m, d = min(sample.m, ROWS), read.spread.mean.size
    if d < 3 or m < 2 * config.groups:
        return None
    x = sample.read(0, m).astype(np.float64)
    groups = None if read.grouping is None else read.grouping.order(sample.index[:m])
    if groups is not None:
        if groups[1].size < 4:
            return None
        x = x[groups[0]]
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return sphere_claim(
        x,
        groups=config.groups,
        confidence=config.confidence,
        alpha=config.alpha,
        threads=config.workers,
        sizes=None if groups is None else groups[1],
    )


def paper_claims(levels: Mapping[str, Level], norms: Norms, sphere: SphereClaim | None) -> Claims:
    """Answer the paper's claims, each ``holds``, ``fails``, ``inconclusive`` or ``not_defined``.

    Projections: axes and random directions are Gaussian on average (as the paper averages them).
    Norms: their coefficient of variation is that of a Gaussian with this mean and covariance, or
    less; not defined for rows of length one. Sphere: :func:`claim_of_sphere`.
    """
    return Claims(
        projections=_projections(levels),
        norms=_norms(norms),
        sphere="not_defined" if sphere is None else sphere.status,
    )


def _projections(levels: Mapping[str, Level]) -> Claim:
    found = {_on_average(levels[name]) for name in ("axes", "random") if name in levels}
    if not found:
        return "not_defined"
    for claim in ("fails", "inconclusive"):
        if claim in found:
            return claim
    return "holds"


def _on_average(level: Level) -> Claim:
    """Answer for the mean over all directions, exceptions among them."""
    if level.status == "inconclusive" or level.times_limit_ci is None:
        return "inconclusive"
    low, high = level.times_limit_ci
    if level.status == "not_gaussian" or low > 1:
        return "fails"
    return "holds" if high < 1 else "inconclusive"


def _norms(norms: Norms) -> Claim:
    if norms.cv_ci is None or norms.cv_gaussian is None:
        return "not_defined"
    low, high = norms.cv_ci
    limit = (1 + NORM_MARGIN) * norms.cv_gaussian
    if high <= limit:
        return "holds"
    return "fails" if low > limit else "inconclusive"
