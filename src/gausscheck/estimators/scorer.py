"""Outlier scores by a Gaussian as a scikit-learn detector, and which p-values to believe."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import (
    FLOAT_DTYPES,
    check_consistent_length,
    check_is_fitted,
    check_random_state,
    validate_data,
)

from gausscheck.core import F64, I64, GausscheckError
from gausscheck.estimators.conformal import ConformalRanks
from gausscheck.estimators.gaussian import fit_gaussian
from gausscheck.estimators.validity import false_alarm, holds

THRESHOLDS = ("auto", "gaussian", "conformal")


class GaussianScorer(OutlierMixin, BaseEstimator):  # type: ignore[misc]
    r"""Score rows by a Gaussian, with p-values that say whether they hold.

    A row's score is its log density once whitened, −(k log 2π + ‖w‖²)/2 with w its k whitened
    coordinates (Whitened CLIP: Betser, Levi & Gilboa 2025); ‖w‖² is its squared Mahalanobis
    distance. Two p-values go with it. The Gaussian one is exact if rows are normal, and only then:
    ``pvalues_valid_`` says whether its 1 % threshold was seen to hold on these rows. The conformal
    one is the rank among rows that were held out from the fit: it holds whatever the law of the
    rows, if they are exchangeable.

    Parameters
    ----------
    n_components : int, float or None
        Leading components that distances are taken in, as for :class:`GaussianWhitener`.
    shrinkage : float, "ledoit-wolf" or None
        Of the covariance, as for :class:`GaussianWhitener`.
    alpha : float
        Share of rows like those of the fit that ``predict`` may flag.
    threshold : {"auto", "gaussian", "conformal"}
        Which p-value ``predict`` holds against alpha: ``auto`` takes the Gaussian one where
        ``pvalues_valid_``, else the conformal one.
    contamination : float or None
        Share of outliers among the rows given to ``fit``, up to .5: the threshold is then this
        quantile of their scores, as in other detectors of scikit-learn, and alpha is not used.
    calibration : float or int
        Rows held out from the fit for conformal ranks: a share of them (of the groups), or their
        number; 0 for none. m rows can tell no level below 1/(m + 1).
    random_state : int, RandomState or None
        Of the split.

    Attributes
    ----------
    preparation_ : Preparation
        The whitening map, (d, k).
    location_ : (d,) array
        Mean of the fit (with fewer components than the rank: its part within them).
    log_determinant_ : float
        Of the covariance within the components: the log density of a row itself, within their
        span, is its score less half of this.
    shrinkage_ : float
        Intensity of shrinkage of the covariance.
    dead_features_ : int array
        Features that do not vary in the fit, which are left out.
    n_components_ : int
    n_fit_, fit_rows_ : int, int array
        Rows of X behind mean and covariance: how many, and which.
    calibration_rows_ : int array
        Rows of X that were held out, ascending.
    conformal_ : ConformalRanks or None
        None without calibration rows.
    pvalues_ : (n,) array
        Gaussian p-values of the rows given to ``fit``: by the Beta law for ``fit_rows_``, by the F
        law for the others.
    false_alarm_ : Rate or None
        Share of rows beyond the Gaussian 1 % threshold, with a 95 % interval: of ``fit_rows_``, as
        in the section ``use`` of a report; with a shrunk covariance, which has no exact law, of
        the calibration rows. None with too few of them (40).
    pvalues_valid_ : bool
        Whether the interval of ``false_alarm_`` lies within .5 and 2 % at its upper end (at 2 % at
        most, and not below .5 %), of ``n_fit_``/2 components at most. False may mean too few rows.
    threshold_ : {"gaussian", "conformal", "contamination"}
        What ``predict`` uses.
    offset_ : float
        ``decision_function`` is ``score_samples`` less this; minus infinity where calibration rows
        are too few for alpha, and nothing can be flagged.
    n_features_in_ : int
    feature_names_in_ : (d,) array of str
        Only where X has feature names that are all strings.

    Notes
    -----
    With n rows behind mean and n - 1 covariance and k components, under normality a row of the fit
    has n s/(n − 1)² ~ Beta(k/2, (n − k − 1)/2), a new row s n (n − k)/((n² − 1) k) ~ F(k, n − k),
    exactly, at every n and k. Leading components have more variance on the rows that they were
    found in than on new ones; so with fewer of them than the rank, one half of the rows finds the
    components and the other gives mean and covariance. With shrinkage s is held against chi-square
    on k degrees of freedom, which flags too many unless n is many times k. What a row has outside
    the span of the components is not looked at.

    Exchangeable means that a new row could as well have been one of those held out. Rows drawn at
    random from one file are. Rows of a new video, patient or day are not like rows of the old
    ones: name the groups in ``fit``, and whole groups are held out. Neighbouring rows that are
    alike (a file sorted by topic, a series) do not hurt a row drawn at random from the same
    file; of the next rows of a series no rank says anything.

    Cost of the fit O(n d² + d³), of a row O(d k).

    References
    ----------
    Betser, Levi & Gilboa (2025), Whitened CLIP as a Likelihood Surrogate of Images and Captions,
    ICML. Gnanadesikan & Kettenring (1972), Biometrics 28, 81-124. Vovk, Gammerman & Shafer (2005),
    Algorithmic Learning in a Random World. Lee, Barber & Willett (2023), Distribution-free
    inference with hierarchical data, arXiv:2306.06342.

    Examples
    --------
    >>> import numpy as np
    >>> from gausscheck import GaussianScorer
    >>> rng = np.random.default_rng(0)
    >>> scorer = GaussianScorer(random_state=0).fit(rng.standard_normal((4000, 8)))
    >>> scorer.pvalues_valid_, scorer.threshold_
    (True, 'gaussian')
    >>> scorer.predict([[0.0] * 8, [3.0] * 8]).tolist()
    [1, -1]

    Heavy tails: a Gaussian threshold set for 1 % flags many more, the conformal one does not.

    >>> t = rng.standard_t(3, size=(8000, 8))
    >>> scorer = GaussianScorer(random_state=0).fit(t[:4000])
    >>> scorer.pvalues_valid_, scorer.threshold_
    (False, 'conformal')
    >>> bool((scorer.pvalues(t[4000:]) <= 0.01).mean() > 0.03)
    True
    >>> bool((scorer.conformal_pvalues(t[4000:]) <= 0.01).mean() < 0.02)
    True
    """

    def __init__(
        self,
        n_components: int | float | None = None,
        *,
        shrinkage: float | str | None = None,
        alpha: float = 0.05,
        threshold: str = "auto",
        contamination: float | None = None,
        calibration: float | int = 0.25,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.shrinkage = shrinkage
        self.alpha = alpha
        self.threshold = threshold
        self.contamination = contamination
        self.calibration = calibration
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None, *, groups: ArrayLike | None = None) -> Self:
        """Fit the Gaussian on some rows, and rank the others.

        Parameters
        ----------
        X : (n, d) array
            Finite rows, two at least.
        y : None
            Ignored.
        groups : (n,) array, optional
            What rows belong together: whole groups are held out, and count once each.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Where rows, groups or parameters are not as expected.
        """
        x = validate_data(self, X, dtype=FLOAT_DTYPES, ensure_min_samples=2)
        self._check()
        clusters: I64 | None = None
        if groups is not None:
            check_consistent_length(x, groups)
            clusters = np.unique(np.asarray(groups), return_inverse=True)[1]
        rng = check_random_state(self.random_state)
        held = self._held_out(len(x), clusters, rng)
        inside, outside = (None, None) if clusters is None else (clusters[~held], clusters[held])
        fit = fit_gaussian(
            x[~held], rng, n_components=self.n_components, shrinkage=self.shrinkage, groups=inside
        )
        self._fit, self.location_, self.preparation_ = fit, fit.preparation.mean, fit.preparation
        self.n_components_, self.n_fit_ = fit.k, fit.n
        self.log_determinant_, self.shrinkage_ = fit.log_determinant, fit.shrinkage
        self.dead_features_ = fit.dead
        square = fit.distances(x)
        self.fit_rows_ = np.flatnonzero(~held)[fit.rows]
        self.calibration_rows_ = np.flatnonzero(held)
        self.conformal_ = ConformalRanks.of(square[held], outside) if held.any() else None
        self.pvalues_ = fit.pvalues(square)
        self.pvalues_[self.fit_rows_] = fit.fitted_pvalues(square[self.fit_rows_])
        self.false_alarm_ = false_alarm(
            fit, x[self.fit_rows_], None if inside is None else inside[fit.rows],
            self.pvalues_[held], outside,
        )  # fmt: skip
        self.pvalues_valid_ = holds(self.false_alarm_, fit.k, fit.n)
        self._set_offset(square)
        return self

    def mahalanobis(self, X: ArrayLike) -> F64:
        """Return squared Mahalanobis distances, ``(n,)``: squared lengths of whitened rows."""
        check_is_fitted(self)
        return self._fit.distances(validate_data(self, X, dtype=FLOAT_DTYPES, reset=False))

    def score_samples(self, X: ArrayLike) -> F64:
        """Return log densities of whitened rows, −(k log 2π + ‖w‖²)/2, ``(n,)``."""
        return np.asarray(self._score(self.mahalanobis(X)))

    def all_scores(self, X: ArrayLike) -> dict[str, F64]:
        """Return all that is told of rows that were not given to ``fit``, in one go.

        Returns
        -------
        dict of str to (n,) array
            ``distance2``, ``log_density``, ``p`` and, with calibration rows, ``conformal_p``.
        """
        square = self.mahalanobis(X)
        found = {
            "distance2": square,
            "log_density": self._score(square),
            "p": self._fit.pvalues(square),
        }
        if self.conformal_ is not None:
            found["conformal_p"] = self.conformal_.pvalues(square)
        return found

    def decision_function(self, X: ArrayLike) -> F64:
        """Return scores less ``offset_``: negative for outliers, ``(n,)``."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> I64:
        """Return -1 for outliers and 1 for the others, ``(n,)``."""
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def pvalues(self, X: ArrayLike) -> F64:
        """Return Gaussian p-values of rows that were not given to ``fit``, ``(n,)``.

        ``pvalues_`` has those of the rows that were.
        """
        return self._fit.pvalues(self.mahalanobis(X))

    def conformal_pvalues(self, X: ArrayLike) -> F64:
        """Return conformal p-values of rows that were not given to ``fit``, ``(n,)``.

        Raises
        ------
        GausscheckError
            Without calibration rows.
        """
        square = self.mahalanobis(X)
        if self.conformal_ is None:
            raise GausscheckError("conformal_pvalues: expected calibration rows: calibration is 0")
        return self.conformal_.pvalues(square)

    def _score(self, square: Any) -> Any:
        return -(self.n_components_ * np.log(2 * np.pi) + square) / 2

    def _check(self) -> None:
        for name in ("alpha", "contamination"):
            value = getattr(self, name)
            most = 0.5 if name == "contamination" else 1.0
            number = isinstance(value, Real) and not isinstance(value, bool)
            inside = number and (0 < value < 1 if name == "alpha" else 0 < value <= most)
            if not inside and not (name == "contamination" and value is None):
                raise GausscheckError(f"{name}: expected a number in (0, {most:g}], got {value!r}")
        if self.threshold not in THRESHOLDS:
            raise GausscheckError(
                f"threshold: expected one of {', '.join(THRESHOLDS)}, got {self.threshold!r}"
            )
        share = isinstance(self.calibration, Real) and not isinstance(self.calibration, bool)
        whole = isinstance(self.calibration, Integral)
        if not share or not self.calibration >= 0 or (not whole and self.calibration >= 1):
            raise GausscheckError(
                "calibration: expected a share from 0 to 1 or a number of rows, got "
                f"{self.calibration!r}"
            )

    def _held_out(self, n: int, clusters: I64 | None, rng: Any) -> NDArray[np.bool_]:
        """Draw which rows, or whole groups of rows, are held out from the fit."""
        units = np.arange(n) if clusters is None else clusters
        count, word = int(units.max()) + 1, "rows" if clusters is None else "groups"
        wanted = self.calibration
        held = int(wanted) if isinstance(wanted, Integral) else int(wanted * count)
        if wanted and clusters is not None:
            held = max(held, 1)
        if held and count - held < (2 if clusters is None else 1):
            raise GausscheckError(
                f"calibration: expected {word} left to fit on, got {held} of {count} held out; "
                "hold out fewer, or 0"
            )
        return np.isin(units, rng.permutation(count)[:held])

    def _set_offset(self, square: F64) -> None:
        """Choose the threshold of ``predict``."""
        if self.contamination is not None:
            self.threshold_ = "contamination"
            self.offset_ = float(np.percentile(self._score(square), 100 * self.contamination))
            return
        self.threshold_ = self.threshold
        if self.threshold == "auto":
            valid = self.pvalues_valid_ or self.conformal_ is None
            self.threshold_ = "gaussian" if valid else "conformal"
        if self.threshold_ == "gaussian":
            self.offset_ = float(self._score(self._fit.quantile(self.alpha)))
            return
        if self.conformal_ is None:
            raise GausscheckError("threshold: expected calibration rows for conformal ranks, got 0")
        self.offset_ = float(self._score(self.conformal_.threshold(self.alpha)))
        if np.isneginf(self.offset_):
            warnings.warn(
                f"conformal ranks among {self.conformal_.count} calibration rows or groups tell no "
                f"level below {1 / (self.conformal_.count + 1):.2g}: at alpha {self.alpha:g} no "
                "row is flagged; hold out more (calibration)",
                UserWarning,
                stacklevel=3,
            )
