"""What is found at each level of the ladder: one frozen dataclass a kind of level."""

from __future__ import annotations

from dataclasses import dataclass, field

from gausscheck.report.codec import held
from gausscheck.report.sections import Array, Interval, Status


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
    counts: Array | None = field(default=None, metadata=held("b", finite=True))
    edges: Array | None = field(default=None, metadata=held("b+1", finite=True))


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
    table: dict[str, Array] = field(metadata=held("k"))
    growth: Array | None = field(default=None, metadata=held("s", "2"))
    qq: Array | None = field(default=None, metadata=held("w+1", "q", finite=True))
    qq_labels: Array | None = field(default=None, metadata=held("w"))
    matrix: Array | None = field(default=None, metadata=held("d", "k", finite=True))


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
        what is less non-Gaussian may have been missed. None where almost anything may have been.
    could_miss_skewness : float or None
        The same for skewness, to either side. None where any could have been missed, and in
        reports of searches for kurtosis alone.
    """

    directions_rejected: int
    negentropy: tuple[float, ...]
    negentropy_median: float | None
    negentropy_largest: float | None
    variance_share: float
    could_miss_kurtosis: float | None
    could_miss_skewness: float | None = field(default=None, metadata={"added": True})


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
        P-values of joint tests on the first subspaces, by test; None where not defined, none where
        rows depend on each other.
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
        Over directions; None where the test is not defined. No p-values where rows depend on each
        other: those of independent rows would be too small.
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
