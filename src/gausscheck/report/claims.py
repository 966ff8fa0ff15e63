"""Sections on two claims: uniform on the sphere, and isotropic Gaussian with known parameters."""

from __future__ import annotations

from dataclasses import dataclass, field

from gausscheck.report.codec import held
from gausscheck.report.sections import Array, Claim


@dataclass(frozen=True, slots=True)
class SpherePart:
    """One part of the distance from uniformity.

    Attributes
    ----------
    name : str
        ``mean``, ``anisotropy`` or ``energy``.
    value : float
        Unbiased, in its own unit; 0 under uniformity. ``mean``: ‖E u‖², the average cosine of two
        rows. ``anisotropy``: p tr (E u uᵀ)² − 1, the squared coefficient of variation of the
        eigenvalues of the second moments. ``energy``: E k(t)/k(1), the chance that two rows point
        the same way where all rows lie in tight clusters.
    effect : float
        The same in standard deviations over uniform pairs: what the margin is about.
    effect_ci : (float, float)
        Delete-a-group jackknife interval, not narrower than the error under uniformity makes it.
    pvalue, log_pvalue : float
        Of uniformity: chi-square with mean and variance matched to the exact ones.
    status : {"holds", "fails", "inconclusive"}
        ``fails``: rejected (Holm over the parts) and the effect exceeds the margin. ``holds``: the
        upper end of the interval lies below the margin.
    """

    name: str
    value: float
    effect: float
    effect_ci: tuple[float, float]
    pvalue: float
    log_pvalue: float
    status: Claim


@dataclass(frozen=True, slots=True)
class SphereClaim:
    """Whether unit rows are uniform on the sphere.

    Attributes
    ----------
    status : {"holds", "fails", "inconclusive"}
        ``fails`` if one of the parts fails, ``holds`` if all of them hold.
    rejected : bool
        Whether uniformity is rejected at ``alpha`` (Holm over the parts), however small the
        departure.
    parts : tuple of SpherePart
        ``mean``, ``anisotropy``, ``energy``.
    n, p : int
        Rows and dimensions.
    margin : float
        In units of ``effect``.
    """

    status: Claim
    rejected: bool
    parts: tuple[SpherePart, ...]
    n: int
    p: int
    margin: float


@dataclass(frozen=True, slots=True)
class IsotropicPart:
    """One part of the isotropic null.

    Attributes
    ----------
    name : str
        ``mean``, ``sphericity``, ``sliced``, ``worst`` or ``scale``.
    effect : float
        Unbiased and free of n, 0 under the null; the unit is told by the name. ``mean``:
        ‖μ‖² / (σ² √d). ``sphericity``: (d tr Σ² / (tr Σ)² − 1) / √2. ``sliced``: mean over random
        directions of the squared distance of characteristic functions. ``worst``: the same along
        the direction of smallest p-value. ``scale``: tr Σ / (d σ²) − 1.
    effect_ci : (float, float)
        Delete-a-group jackknife; simultaneous over directions for ``worst`` (Bonferroni). Not
        narrower than the error under the null makes it, where that is known.
    margin : float
    pvalue, log_pvalue : float or None
        Of the null; None for ``sliced``, whose statistics are correlated over directions, and of
        rows that depend on each other.
    status : {"holds", "fails", "inconclusive"}
        ``fails``: beyond the margin, and rejected (Holm over the parts; ``sliced``: the interval
        lies beyond the margin). ``holds``: the interval lies within it.
    """

    name: str
    effect: float
    effect_ci: tuple[float, float]
    margin: float
    pvalue: float | None
    log_pvalue: float | None
    status: Claim

    @property
    def times_margin(self) -> float:
        """The effect in margins: at most 1 is no more than what matters."""
        return self.effect / self.margin


@dataclass(frozen=True, slots=True)
class IsotropicResult:
    """Whether rows are isotropic Gaussian with mean 0.

    Attributes
    ----------
    status : {"holds", "fails", "inconclusive"}
        ``fails`` if a part fails, ``holds`` if all hold.
    rejected : bool
        Whether the null is rejected at ``alpha`` (Holm over the parts), however small the
        departure.
    parts : tuple of IsotropicPart
    n, d : int
        Rows and dimensions.
    scale : float
        σ: given, or sqrt(tr S / d).
    scale_given : bool
    directions : int
        Random directions and, after them, the d axes.
    worst_direction : int
        Index of the ``worst`` among them.
    direction_effects : (k,) array
        Epps-Pulley distance of each direction, less its null mean over n.
    participation : float
        (tr Σ)² / (d tr Σ²), unbiased in its parts, at most 1: the share of dimensions in use.
    iso_score : float
        (d · participation − 1) / (d − 1): IsoScore (Rudman et al. 2022), which is a function of the
        participation ratio, without its bias at small n.
    identity_pvalue : float or None
        Of Σ = σ² I with the scale given (Ledoit & Wolf 2002, W); None where it is estimated.
    john_pvalue : float or None
        Of sphericity by John's U with its chi-square law (Ledoit & Wolf 2002), beside the
        U-statistic of Chen, Zhang & Zhong (2010) behind the part. None of rows that depend on each
        other.
    """

    status: Claim
    rejected: bool
    parts: tuple[IsotropicPart, ...]
    n: int
    d: int
    scale: float
    scale_given: bool
    directions: int
    worst_direction: int
    direction_effects: Array = field(metadata=held("k"))
    participation: float
    iso_score: float
    identity_pvalue: float | None
    john_pvalue: float | None

    def part(self, name: str) -> IsotropicPart:
        """Return the part of that name."""
        return next(part for part in self.parts if part.name == name)
