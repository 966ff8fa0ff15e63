"""The sections of a report: what an audit says, each number with its unit and meaning.

JSON is written from these classes and read back into them (``codec.py``), arrays go to the .npz
beside it; ``docs/report-schema.md`` is made from their docstrings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from numpy.typing import NDArray

from gausscheck.report.codec import held

Status = Literal["gaussian", "gaussian_except", "not_gaussian", "inconclusive"]
Claim = Literal["holds", "fails", "inconclusive", "not_defined"]
Array = NDArray[Any]
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """Where the rows came from.

    Attributes
    ----------
    uri : str
        File and array inside it, or the kind of array in memory.
    n, d : int
        Rows and dimensions as stored.
    dtype : str
        Stored element type.
    notes : tuple of str
        What the reader had to say about the container.
    """

    uri: str
    n: int
    d: int
    dtype: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """What is wrong with rows and coordinates before any test looks at them.

    Attributes
    ----------
    n, d : int
        Rows in the file, dimensions.
    n_used : int
        Rows analysed.
    dtype : str
        Stored element type.
    non_finite, zero, duplicates : int
        Rows that are not finite, all zero, equal to an earlier one; ``*_first`` names the first
        few.
    non_finite_first, zero_first, duplicates_first : tuple of int
        Row numbers.
    duplicates_ci : (float, float) or None
        Interval of ``duplicates``, which is an estimate in a file of more than 1,048,576 rows
        (``duplicates_first`` are then the first that were seen); None where they are counted.
    dead : tuple of int
        Coordinates that do not vary beyond rounding.
    rank : int
        Numerical rank of the covariance: eigenvalues above ``rank_tolerance`` times the largest.
    rank_tolerance : float
    condition : float or None
        Largest over smallest eigenvalue within the rank.
    below_rounding : int
        Principal directions that vary less than the rounding of the stored type.
    constant_norm : bool
        All rows have the same length up to the rounding of their values.
    norm_mean, norm_cv : float
        Mean length of a row, and the coefficient of variation of lengths.
    notes : tuple of str
        What a reader should know, one sentence each.
    """

    n: int
    d: int
    n_used: int
    dtype: str
    non_finite: int
    non_finite_first: tuple[int, ...]
    zero: int
    zero_first: tuple[int, ...]
    duplicates: int
    duplicates_first: tuple[int, ...]
    dead: tuple[int, ...]
    rank: int
    rank_tolerance: float
    condition: float | None
    below_rounding: int
    constant_norm: bool
    norm_mean: float
    norm_cv: float
    notes: tuple[str, ...] = ()
    duplicates_ci: Interval | None = field(default=None, metadata={"added": True})


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperColumn:
    """A column of the paper's table.

    Attributes
    ----------
    cv : float or None
        Coefficient of variation of the norms; None where they are constant by construction.
    ad_avg : float
        Mean over coordinates of A*², the modified Anderson-Darling statistic.
    ad_pass : float
        Share of coordinates whose A*² is below 0.752.
    dp_avg : float
        Mean over coordinates of the D'Agostino-Pearson p-value.
    dp_pass : float
        Share of coordinates whose p-value is above 0.05.
    """

    cv: float | None
    ad_avg: float
    ad_pass: float
    dp_avg: float
    dp_pass: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Subsets:
    """The protocol of the paper's table.

    Attributes
    ----------
    b : int
        Disjoint random subsets over which a statistic is averaged before it is thresholded.
    m : int
        Rows in each.
    """

    b: int
    m: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTable:
    """The table of the paper, for raw and for unit rows, beside what Gaussian rows would give.

    Attributes
    ----------
    subsets : Subsets
    raw, unit : PaperColumn
    gaussian : PaperColumn
        The same protocol on true Gaussian coordinates.
    """

    subsets: Subsets
    raw: PaperColumn
    unit: PaperColumn
    gaussian: PaperColumn


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # holds arrays
class Norms:
    """Lengths of the rows.

    Attributes
    ----------
    applicable : bool
        Whether lengths vary.
    note : str
        What the Gaussian value rests on, or why there is none.
    mean : float
    cv : float or None
        Standard deviation over mean.
    cv_ci : (float, float) or None
        Delete-a-group jackknife interval.
    cv_gaussian : float or None
        Of N(mean, covariance) rows, to first order.
    counts, edges : array or None
        Histogram.
    """

    applicable: bool
    note: str
    mean: float
    cv: float | None = None
    cv_ci: Interval | None = None
    cv_gaussian: float | None = None
    counts: Array | None = field(default=None, metadata=held("b", finite=True))
    edges: Array | None = field(default=None, metadata=held("b+1", finite=True))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # holds arrays
class Spectrum:
    """How many dimensions are in use, and how evenly; how far unit rows lean to one side.

    Attributes
    ----------
    effective_rank : float or None
        exp of the entropy of the covariance eigenvalues' shares.
    rankme : float or None
        The same of the singular values of the rows, not centred.
    rankme_ci : (float, float) or None
        Delete-a-group jackknife interval of what so many rows average.
    participation_ratio : float or None
        (Σλ)²/Σλ².
    alpha_req : float or None
        Decay of the eigenvalues, a in λᵢ ~ i^(−a).
    first_share : float or None
        λ₁/Σλ.
    mean_cosine : float or None
        Over all pairs of different rows.
    mean_resultant : float or None
        Length of the mean of the unit rows.
    vmf_concentration : float or None
        κ of the von Mises-Fisher law with that mean resultant; None where infinite.
    eigenvalues : (r,) array or None
        Of the covariance, largest first.
    """

    effective_rank: float | None = None
    rankme: float | None = None
    rankme_ci: Interval | None = field(default=None, metadata={"added": True})  # not in each 2.0
    participation_ratio: float | None = None
    alpha_req: float | None = None
    first_share: float | None = None
    mean_cosine: float | None = None
    mean_resultant: float | None = None
    vmf_concentration: float | None = None
    eigenvalues: Array | None = field(default=None, metadata=held("r", finite=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLevel:
    """A level of one group.

    Attributes
    ----------
    status : str
    value : float or None
    value_ci : (float, float) or None
    """

    status: Status
    value: float | None
    value_ci: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupResult:
    """The rows of one label by themselves.

    Attributes
    ----------
    n : int
        Rows.
    verdict : str
    paper_table : PaperColumn
        Of raw rows.
    levels : dict of str to GroupLevel
    """

    n: int
    verdict: Status
    paper_table: PaperColumn
    levels: dict[str, GroupLevel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Audits of labels.

    Attributes
    ----------
    labels : int
        Different labels.
    shown : dict of str to GroupResult
        The largest that have enough rows.
    not_audited : dict of str to str
        Labels whose rows cannot be audited, and why.
    """

    labels: int
    shown: dict[str, GroupResult] = field(default_factory=dict)
    not_audited: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """The paper's three claims, each ``holds``, ``fails``, ``inconclusive`` or ``not_defined``.

    Attributes
    ----------
    projections : str
        Fixed and random projections are Gaussian.
    norms : str
        Lengths concentrate on a thin shell.
    sphere : str
        Unit rows are uniform on the sphere.
    """

    projections: Claim = "not_defined"
    norms: Claim = "not_defined"
    sphere: Claim = "not_defined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer: a status, the level it comes from, and words for a newcomer.

    Attributes
    ----------
    status : str
        That of the worst level, never an average.
    worst_level : str or None
    summary : str
        In words, with the numbers that decided.
    levels : dict of str to str
        Status of every level.
    holds : tuple of str
        Rungs of the ladder that hold, weakest first.
    claims : Claims
    """

    status: Status
    worst_level: str | None
    summary: str
    levels: dict[str, Status] = field(default_factory=dict)
    holds: tuple[str, ...] = ()
    claims: Claims = Claims()
