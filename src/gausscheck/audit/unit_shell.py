"""Whitened lengths of unit rows: what a Gaussian gives that is normalised too.

Rows of one length still have whitened lengths that vary, and these do not follow the Gaussian law
even where the rows are a Gaussian divided by its length. So the shell statistic of unit rows stands
beside that of a normalised Gaussian twin: part of the departure is the normalisation's, the rest is
the model's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gausscheck.audit.noticed import corrected
from gausscheck.core import F64, GausscheckError
from gausscheck.normality.groups import group_sizes
from gausscheck.normality.rotated import whitened_rows
from gausscheck.normality.sphere.shell import shell_mean, shell_refitted, shell_without
from gausscheck.normality.whiten import canonical, whiten_tall

MATCHES = 5
"""Rounds that match the twin's moments, once normalised, to those of the rows."""

CELLS = 1 << 19
"""Cells of a draw, at least: with few rows of few dimensions a twin would be too inexact."""


ONCE = 4
"""Times as many for a twin that is drawn once only."""


@dataclass(frozen=True, slots=True)
class TwinShell:
    """The shell statistic of a normalised Gaussian twin, free of n.

    Attributes
    ----------
    delta : float
        (A² − a0(r)) / n of the twin's whitened lengths: what normalisation does to a Gaussian of
        these moments. Compare with the delta of the rows themselves: only the difference speaks
        against "on the sphere, otherwise as a Gaussian".
    standard_error : float
        Of delta, for moments of n rows are known so far only: 2 sd of delta₂ over draws, which is
        what the same error did to twins of the twin.
    mean_ad : float
        Mean A² at ``n`` rows: a0(r) + n·delta.
    n, r : int
        Rows of a draw, dimensions they span.
    draws : int
    """

    delta: float
    standard_error: float
    mean_ad: float
    n: int
    r: int
    draws: int


def normalised_twin_shell(
    mean: F64, covariance: F64, n: int, rng: np.random.Generator, *, draws: int = 4
) -> TwinShell:
    """Simulate the whitened-shell statistic of a normalised Gaussian with these moments.

    Parameters
    ----------
    mean, covariance : (d,), (d, d) arrays
        Of the n rows of one length, in whatever unit of length.
    n : int
        Rows of a draw: as many as the moments come from, more than their rank r plus one.
    rng : Generator
    draws : int
        At least 2.

    Returns
    -------
    TwinShell
        Division by the length shrinks the strong directions, so a twin drawn from the rows' own
        moments would come out weaker along them: the moments that it is drawn from are adjusted
        until those of the normalised twin agree. The error of estimated moments, which makes
        lengths more uneven than they are, is taken out by a twin of the twin (Efron's bootstrap
        bias correction): delta = 2 delta₁ − delta₂. Cost O(30 draws n d²).

    Raises
    ------
    GausscheckError
        If there are fewer than r + 2 rows or 2 draws.
    """
    if draws < 2:
        raise GausscheckError(f"normalised twin: expected at least 2 draws, got {draws}")
    r = _principal(mean, covariance)[0].size
    if n < r + 2:
        raise GausscheckError(
            f"normalised twin: expected more than {r + 1} rows for rank {r}, got {n}; whitened "
            "rows are else alike whatever they are"
        )
    many = max(n, CELLS // r)
    fitted = _matched(mean, covariance, many, rng)
    once, again = np.empty(draws), np.empty(draws)
    for i in range(draws):
        once[i] = _shell_delta(_unit_draw(*fitted, many, rng))
        rows = _unit_draw(*fitted, n, rng)
        moments = rows.mean(axis=0), np.atleast_2d(np.cov(rows, rowvar=False, bias=True))
        again[i] = _shell_delta(_unit_draw(*_matched(*moments, many, rng), many, rng))
    delta = float(2 * once.mean() - again.mean())
    error = 2 * float(again.std(ddof=1))
    return TwinShell(delta, error, shell_mean(r) + n * delta, n, r, draws)


FAR = 4.0
"""Rows whose discrepancy is so many times that of a plain twin need no better one: a plain twin has
about half of what normalisation does."""


def normalised_twin_delta(
    mean: F64, covariance: F64, n: int, rng: np.random.Generator, y: F64
) -> tuple[float, float]:
    """Return what normalisation alone does to the whitened shell of rows with these moments.

    Parameters
    ----------
    mean, covariance : (d,), (d, d) arrays
        Of n rows of one length, in whatever unit of length.
    n : int
    rng : Generator
    y : (n, r) array
        The rows, whitened.

    Returns
    -------
    delta, standard_error : float
        Of :func:`normalised_twin_shell`; where the rows' own discrepancy is far above that of a
        twin with the same plain moments, twice the latter, and no error, for none matters. Cost
        O(n d²), or 60 times that.
    """
    center, variances = _principal(mean, covariance)
    many = max(n, ONCE * CELLS // center.size)
    plain = _shell_delta(_unit_draw(center, np.sqrt(variances), many, rng))
    whole, _ = shell_without(y, 2)
    own = float(whole - shell_mean(y.shape[1])) / n
    if own > FAR * max(plain, 0.0):
        return 2 * max(plain, 0.0), 0.0
    twin = normalised_twin_shell(mean, covariance, n, rng)
    return max(twin.delta, 0.0), twin.standard_error


GROUPS = 4
"""Groups that are left out to put back what a fit on the same rows takes off."""


def _shell_delta(rows: F64) -> float:
    n = len(rows)
    y = whitened_rows(rows, lambda x: whiten_tall(np.asarray(x - x.mean(axis=0))))
    r = y.shape[1]
    whole, without = shell_refitted(y, GROUPS)
    delta = (whole - shell_mean(r)) / n
    deltas = (without - shell_mean(r)) / (n - group_sizes(n, GROUPS))
    return corrected(delta, deltas, group_sizes(n, GROUPS), n).value


def _principal(mean: F64, covariance: F64) -> tuple[F64, F64]:
    """Mean and variances (r,) along principal axes, in a unit in which rows have length one.

    What the mean has outside the span of the rows is the same in every row. So rows of one length
    lie on a sphere within the span: of what is left of that length, which is one here.
    """
    values, vectors = np.linalg.eigh(covariance)
    keep = values > values[-1] * max(values.size, 100) * np.finfo(float).eps
    variances, inside = values[keep], mean @ canonical(vectors[:, keep])
    square = float(variances.sum() + inside @ inside)
    return inside / np.sqrt(square), variances / square


def _matched(mean: F64, covariance: F64, n: int, rng: np.random.Generator) -> tuple[F64, F64]:
    """Centre and scale (r,) of the normal law whose normalised rows have these moments.

    Coordinates are principal.
    """
    target, variances = _principal(mean, covariance)
    center, scale = target.copy(), np.sqrt(variances)
    for _ in range(MATCHES):
        u = _unit_draw(center, scale, 2 * n, rng)
        scale = scale * np.sqrt(variances / u.var(axis=0))
        center = center + (target - u.mean(axis=0))
    return center, scale


def _unit_draw(center: F64, scale: F64, n: int, rng: np.random.Generator) -> F64:
    """Draw normal rows of independent coordinates, divided by their lengths."""
    x = rng.standard_normal((n, scale.size))
    x *= scale
    x += center
    x /= np.sqrt(np.einsum("ij,ij->i", x, x))[:, None]
    return x
