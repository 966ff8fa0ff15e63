"""The sections of a report: what an audit says, each number with its unit and meaning.

JSON is written from these classes and read back into them (``codec.py``), arrays go to the .npz
beside it; ``docs/report-schema.md`` is made from their docstrings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from numpy.typing import NDArray

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
    counts: Array | None = None
    edges: Array | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One way to look at the rows, and what it says.

    Attributes
    ----------
    kind : str
        ``directional``, ``learned``, ``subspaces`` or ``joint``.
    status : str
        ``gaussian``, ``gaussian_except`` (on average, but for the directions in ``rejected``),
        ``not_gaussian`` or ``inconclusive``.
    statistic : str
        The name of the statistic, such as ``mean A*²``.
    value : float or None
        The statistic at ``reference`` rows, whatever n is: null_mean + reference · discrepancy.
    value_ci : (float, float) or None
        Its interval at the confidence of the configuration.
    null_mean, limit : float
        Mean and limit of the statistic under normality.
    times_limit : float or None
        (value − null_mean)/(limit − null_mean): 0 is Gaussian, 1 the limit.
    times_limit_ci : (float, float) or None
    n : int
        Rows behind the statistic.
    reference : int
        Rows at which ``value`` is read.
    discrepancy : float or None
        What the statistic grows by with each row: a property of the law of the rows, not of n.
    discrepancy_ci : (float, float) or None
    standard_error : float or None
        Of ``discrepancy``, by the jackknife.
    n_detect : float or None
        Rows at which one test at 5 % notices half the time; None where there is nothing to notice.
    rows_needed : int or None
        Rows that would settle an inconclusive level, where that can be said.
    note : str or None
        What qualifies the status: rows left out, blocks of alike neighbours.
    """

    kind: str
    status: Status
    statistic: str
    value: float | None
    value_ci: Interval | None
    null_mean: float
    limit: float
    times_limit: float | None
    times_limit_ci: Interval | None
    n: int
    reference: int
    discrepancy: float | None
    discrepancy_ci: Interval | None
    standard_error: float | None
    n_detect: float | None
    rows_needed: int | None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalTest:
    """All directions of a level at once.

    Attributes
    ----------
    pvalue : float
        Of the mean A*² among Gaussian twins with the same correlations.
    twins : int
        Twins drawn, 0 where the law is known: 1/(twins + 1) is the least p-value they can give.
    directions : int
        Directions compared.
    cauchy : float
        Cauchy combination of the directions' own p-values.
    """

    pvalue: float
    twins: int
    directions: int
    cauchy: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # holds arrays
class WorstDirection:
    """One of the most deviant directions of a level.

    Attributes
    ----------
    direction : str
        Its label.
    ad_star : float
        A*² on all rows of the level.
    rms_cdf_error : float
        Root-mean-square error of its CDF, in binomial standard deviations.
    skewness, excess_kurtosis : float
    shape : str
        In words.
    lowest_rows, highest_rows : tuple of int
        Rows of the file at its ends.
    counts, edges : array or None
        Histogram of the standardised projections.
    """

    direction: str
    ad_star: float
    rms_cdf_error: float
    skewness: float
    excess_kurtosis: float
    shape: str
    lowest_rows: tuple[int, ...]
    highest_rows: tuple[int, ...]
    counts: Array | None = None
    edges: Array | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # holds arrays
class DirectionalLevel(Level):
    """A family of directions, each tested by itself.

    Attributes
    ----------
    directions : int
        How many.
    seed : int or None
        Of the stream that drew them; None where nothing was drawn.
    fit_rows : str
        ``none``, ``all`` or ``half``: the rows that the directions were learned from.
    rejected : tuple of str
        Labels of directions whose own simultaneous bound exceeds the limit (Holm at alpha).
    rms_cdf_error : float or None
        Square root of the discrepancy: error of the CDF in binomial standard deviations.
    statistic_mean : float or None
        Mean A*² at n itself.
    kolmogorov, kolmogorov_null : float or None
        Mean distance of the CDF from the fitted normal's, and its mean under normality at this n.
    wasserstein1 : float or None
        Mean Wasserstein-1 distance, in standard deviations.
    l_skewness, l_kurtosis, l_kurtosis_null : float or None
        Means of the L-moment ratios; 0 and 0.1226 under normality.
    global_test : GlobalTest or None
    worst : tuple of WorstDirection
    table : dict of str to (k,) array
        A value a direction: label, ad_star, ad_discrepancy, skewness, excess_kurtosis, sd, every
        test's statistic, p-value and its logarithm.
    growth : (s, 2) array
        Rows, and mean A*² on nested subsets of so many.
    qq : (w + 1, q) array
        Normal quantiles, then the quantiles of the worst directions and of the median one.
    qq_labels : (w,) array of str
    matrix : (d, k) array or None
        The directions, where they cannot be had again from the options.
    """

    directions: int
    seed: int | None
    fit_rows: str
    rejected: tuple[str, ...]
    rms_cdf_error: float | None
    statistic_mean: float | None
    kolmogorov: float | None
    kolmogorov_null: float | None
    wasserstein1: float | None
    l_skewness: float | None
    l_kurtosis: float | None
    l_kurtosis_null: float
    global_test: GlobalTest | None = None
    worst: tuple[WorstDirection, ...]
    table: dict[str, Array]
    growth: Array | None = None
    qq: Array | None = None
    qq_labels: Array | None = None
    matrix: Array | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # holds arrays
class LearnedLevel(DirectionalLevel):
    """Directions learned on one half of the rows: lower bounds from the other half.

    How non-Gaussian a learned direction comes out depends on how well it was found, and so on n:
    these numbers rise with n, none is compared with a limit, and finding nothing supports nothing.

    Attributes
    ----------
    directions_rejected : int
        Directions that Holm rejects on held-out rows.
    negentropy : tuple of float
        Lower bound of each direction's negentropy, in nats a row, in the order of ``table``.
    negentropy_median, negentropy_largest : float or None
    variance_share : float
        Share of the rows' variance that the rejected directions account for, 0 to 1.
    could_miss_kurtosis : float or None
        Excess kurtosis of a single direction that a search at this n and d finds in 95 % of cases:
        what is less non-Gaussian may have been missed. None where next to anything may have been.
    """

    directions_rejected: int
    negentropy: tuple[float, ...]
    negentropy_median: float | None
    negentropy_largest: float | None
    variance_share: float
    could_miss_kurtosis: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JointLevel(Level):
    """A statistic of several dimensions at once.

    Attributes
    ----------
    k : int
        Dimensions.
    """

    k: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubspaceTests:
    """What the p-values of joint tests on subspaces rest on.

    Attributes
    ----------
    rows, subspaces, draws : int
        Rows and subspaces of each dimension that were tested, and simulated draws of the null.
    """

    rows: int
    subspaces: int
    draws: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubspacePoint:
    """Random subspaces of one dimension.

    Attributes
    ----------
    k : int
        Dimension.
    subspaces : int
        How many were looked at.
    status : str
    value, null_mean, limit : float
        Of the shell A² at the level's reference; both depend on k.
    value_ci : (float, float)
    times_limit : float
    discrepancy : float
    pvalues : dict of str to tuple
        P-values of joint tests on the first subspaces, by test; None where not defined.
    """

    k: int
    subspaces: int
    status: Status
    value: float
    value_ci: Interval
    null_mean: float
    limit: float
    times_limit: float
    discrepancy: float
    pvalues: dict[str, tuple[float | None, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubspaceLevel(JointLevel):
    """Random subspaces of several dimensions; the worst decides.

    Attributes
    ----------
    tests : SubspaceTests
    curve : tuple of SubspacePoint
        A point a dimension.
    """

    tests: SubspaceTests
    curve: tuple[SubspacePoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectionTest:
    """One test along all directions of a level.

    Attributes
    ----------
    scope, null : str
        What the test looks at, and whether its null estimates parameters.
    n : int
        Rows behind it.
    calibration : str
        ``asymptotic``, ``table``, ``monte_carlo`` or ``none``.
    notes : tuple of str
    statistic_mean, pvalue_mean : float or None
        Over directions; None where the test is not defined.
    tested, rejected, holm, bh : int or None
        Directions tested, and those that reject at alpha: singly, by Holm, by Benjamini-Hochberg.
    """

    scope: str
    null: str
    n: int
    calibration: str
    notes: tuple[str, ...] = ()
    statistic_mean: float | None = None
    pvalue_mean: float | None = None
    tested: int | None = None
    rejected: int | None = None
    holm: int | None = None
    bh: int | None = None


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
    eigenvalues: Array | None = None


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
