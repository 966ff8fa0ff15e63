"""Whitening as a scikit-learn transformer: fitted at once or from a stream, within the rank."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import FLOAT_DTYPES, check_is_fitted, validate_data

from gausscheck.audit.preflight import dead_coordinates, eigenbasis
from gausscheck.audit.use.references import ledoit_wolf
from gausscheck.core import F64, GausscheckError
from gausscheck.estimators.moments import (
    RowMoments,
    blocks,
    merge_moments,
    moments_of_rows,
)
from gausscheck.preparation import Eigenbasis, Preparation

METHODS = ("pca", "zca")
LEDOIT_WOLF = "ledoit-wolf"


class GaussianWhitener(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    r"""Whiten rows: mean 0 and covariance I in the directions in which they vary.

    With mean m and n - 1 covariance S = V diag(λ) Vᵀ of the fit, ``pca`` maps a row x to
    diag(λ)^(-1/2) Vᵀ (x - m), largest component first, ``zca`` to V diag(λ)^(-1/2) Vᵀ (x - m), the
    whitened row that is nearest to x - m, in the coordinates of x.

    Parameters
    ----------
    n_components : int, float or None
        Leading components that are kept: a number; a share of the variance (0 to 1, exclusive)
        that they reach together; None keeps all that vary. More than the rank are not there:
        ``n_components_`` says how many, k, are kept.
    method : {"pca", "zca"}
        ``pca`` gives one coordinate a component, ``zca`` one a feature (of rank ``n_components_``).
    shrinkage : float, "ledoit-wolf" or None
        λ becomes (1 - a) λ + a mean(λ), for a between 0 and 1, or the a of Ledoit & Wolf, which
        minimises the expected squared error of the covariance. With n <= d the directions that no
        row reaches are then kept too, at a mean(λ).

    Attributes
    ----------
    mean_ : (d,) array
    components_ : (k, d) array
        Eigenvectors, largest variance first, their largest entry positive.
    explained_variance_ : (k,) array
        Variance along each, before shrinkage.
    explained_variance_ratio_ : (k,) array
        The same over the variance of all features.
    whitened_variance_ : (k,) array
        What each component is divided by the root of: ``explained_variance_``, shrunk.
    rank_ : int
        Numerical rank of the covariance of the features that vary: eigenvalues above
        max(d, 100) 2.2e-16 times the largest, n - 1 at most.
    dead_features_ : array of int
        Features that do not vary (sd below 1e-6 of the median feature's, or below rounding). They
        are left out; ``inverse_transform`` gives them their mean.
    n_components_ : int
    shrinkage_ : float
        The intensity a.
    matrix_ : (d, k) or (d, d) array
        A row is whitened by ``(x - mean_) @ matrix_``.
    n_samples_seen_ : int
    n_features_in_ : int
    feature_names_in_ : (d,) array of str
        Only where X has feature names that are all strings.

    Notes
    -----
    Cost O(n d²) a fit and O(d³) for the eigenvectors, which each ``partial_fit`` takes anew: feed
    it blocks of some d rows or more. Memory O(d²) beside X, which is read 4,096 rows at a time.
    Sums are in float64 whatever X is; float32 and float16 rows come out as float32.

    ``partial_fit`` over blocks equals ``fit`` on all rows up to rounding, Ledoit-Wolf shrinkage
    included. Rounding in a direction whose variance is c times smaller than the largest is about
    c 2.2e-16, relative.

    References
    ----------
    Kessy, Lewin & Strimmer (2018), The American Statistician 72, 309-314. Ledoit & Wolf (2004), J.
    Multivariate Analysis 88, 365-411. Chan, Golub & LeVeque (1983), The American Statistician 37,
    242-247.

    Examples
    --------
    >>> import numpy as np
    >>> from gausscheck import GaussianWhitener
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((500, 3)) @ rng.standard_normal((3, 3)) + 5
    >>> white = GaussianWhitener().fit_transform(x)
    >>> bool(np.allclose(np.cov(white.T), np.eye(3)))
    True
    >>> stream = GaussianWhitener(n_components=2)
    >>> for block in np.array_split(x, 5):
    ...     stream = stream.partial_fit(block)
    >>> bool(np.allclose(stream.transform(x), white[:, :2]))
    True
    >>> stream.get_feature_names_out().tolist()
    ['gaussianwhitener0', 'gaussianwhitener1']
    """

    def __init__(
        self,
        n_components: int | float | None = None,
        *,
        method: str = "pca",
        shrinkage: float | str | None = None,
    ) -> None:
        self.n_components = n_components
        self.method = method
        self.shrinkage = shrinkage

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Fit mean and covariance on rows.

        Parameters
        ----------
        X : (n, d) array
            Finite rows, two at least.
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Where rows or parameters are not as expected, or no feature varies.
        """
        x = validate_data(self, X, dtype=FLOAT_DTYPES, ensure_min_samples=2)
        return self._solve(moments_of_rows(x), float(np.finfo(x.dtype).eps))

    def partial_fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Add rows to those that were fitted.

        Parameters
        ----------
        X : (n, d) array
            One row at least; two that differ must have been seen before ``transform``.
        y : None
            Ignored.

        Returns
        -------
        self
        """
        before: RowMoments | None = getattr(self, "_moments", None)
        x = validate_data(self, X, dtype=FLOAT_DTYPES, reset=before is None)
        moments = moments_of_rows(x)
        if before is not None:
            moments = merge_moments(before, moments)
        self._eps = max(float(np.finfo(x.dtype).eps), getattr(self, "_eps", 0.0))
        if moments.spread.n > 1 and moments.spread.scatter.held.any():
            return self._solve(moments, self._eps)
        self._moments, self.n_samples_seen_ = moments, moments.spread.n
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.floating[Any]]:
        """Whiten rows.

        Parameters
        ----------
        X : (n, d) array

        Returns
        -------
        (n, k) array, or (n, d) for ``zca``
            float64; float32 for rows of float32 and float16.
        """
        check_is_fitted(self)
        x = validate_data(self, X, dtype=FLOAT_DTYPES, reset=False)
        shape = (len(x), self._n_features_out)
        out: NDArray[Any] = np.empty(shape, dtype=_narrow(x.dtype))
        done = 0
        for block in blocks(x):
            out[done : done + len(block)] = self.preparation_.apply(block)
            done += len(block)
        return out

    def inverse_transform(self, X: ArrayLike) -> NDArray[np.floating[Any]]:
        """Take whitened rows back: what lies outside the components kept comes as the mean.

        Parameters
        ----------
        X : (n, k) array, or (n, d) for ``zca``

        Returns
        -------
        (n, d) array
        """
        check_is_fitted(self)
        y = np.asarray(X)
        if y.ndim != 2 or y.shape[1] != self._n_features_out:
            raise GausscheckError(
                f"expected whitened rows of {self._n_features_out} columns, got shape {y.shape}"
            )
        scaled = self.components_ * np.sqrt(self.whitened_variance_)[:, None]
        back = self.components_.T @ scaled if self.method == "zca" else scaled
        return np.asarray(y @ back + self.mean_).astype(_narrow(y.dtype), copy=False)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[Any]:
        """Return the names of the columns that ``transform`` gives.

        ``gaussianwhitener0``, ... for ``pca``; for ``zca``, whose columns are those of X, their
        names.
        """
        check_is_fitted(self)
        if self.method != "zca":
            return np.asarray(super().get_feature_names_out(input_features))
        from sklearn.utils.validation import _check_feature_names_in

        return np.asarray(_check_feature_names_in(self, input_features))

    @property
    def preparation_(self) -> Preparation:
        """The map as :class:`gausscheck.Preparation`: ``save`` it for ``gausscheck apply``."""
        check_is_fitted(self)
        return Preparation("whiten", self.mean_, self.matrix_)

    @property
    def covariance_(self) -> F64:
        """The covariance that rows are whitened by, ``(d, d)``: shrunk, of the components kept."""
        check_is_fitted(self)
        return np.asarray((self.components_.T * self.whitened_variance_) @ self.components_)

    def __sklearn_is_fitted__(self) -> bool:
        """Whether two rows that differ were seen."""
        return hasattr(self, "matrix_")

    def __sklearn_tags__(self) -> Any:
        """Say that float32 stays float32."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _solve(self, moments: RowMoments, eps: float) -> Self:
        """Find components and the map from the moments of all rows seen."""
        spread = moments.spread
        d = spread.mean.size
        check_parameters(self.n_components, self.method, self.shrinkage, d)
        dead = dead_coordinates(spread, eps)
        live = np.setdiff1d(np.arange(d), dead)
        if not live.size:
            raise GausscheckError("expected rows that vary, got equal ones: nothing to whiten")
        basis = eigenbasis(spread, live)
        shrunk, self.shrinkage_ = shrunk_basis(basis, moments, self.shrinkage)
        variance = basis.values[::-1][: shrunk.rank].clip(min=0)
        k = _kept(self.n_components, variance)
        self.components_ = np.zeros((k, d))
        self.components_[:, live] = basis.vectors[:, ::-1][:, :k].T
        self.explained_variance_ = variance[:k]
        self.explained_variance_ratio_ = variance[:k] / spread.covariance.trace()
        self.whitened_variance_ = shrunk.values[::-1][:k]
        self.matrix_ = np.zeros((d, k))
        self.matrix_[live] = shrunk.whitening(k)
        if self.method == "zca":
            self.matrix_ = self.matrix_ @ self.components_
        self._n_features_out = self.matrix_.shape[1]
        self.mean_, self.dead_features_, self.rank_ = spread.mean, dead, basis.rank
        self.n_components_, self.n_samples_seen_ = k, spread.n
        self._moments, self._eps = moments, eps
        return self


def check_parameters(n_components: Any, method: str, shrinkage: Any, d: int) -> None:
    """Refuse parameters that cannot mean anything.

    Raises
    ------
    GausscheckError
    """
    whole = isinstance(n_components, Integral) and not isinstance(n_components, bool)
    number = isinstance(n_components, Real) and not isinstance(n_components, bool)
    meant = number and (1 <= n_components <= d if whole else 0 < n_components < 1)
    if n_components is not None and not meant:
        raise GausscheckError(
            f"n_components: expected 1 to {d} (features), a share between 0 and 1, or None, got "
            f"{n_components!r}"
        )
    if method not in METHODS:
        raise GausscheckError(f"method: expected one of {', '.join(METHODS)}, got {method!r}")
    number = isinstance(shrinkage, Real) and not isinstance(shrinkage, bool)
    meant = 0 <= shrinkage <= 1 if number else shrinkage in (None, LEDOIT_WOLF)
    if not meant:
        raise GausscheckError(
            f"shrinkage: expected a number from 0 to 1, {LEDOIT_WOLF!r} or None, got {shrinkage!r}"
        )


def shrunk_basis(
    basis: Eigenbasis, moments: RowMoments, shrinkage: float | str | None
) -> tuple[Eigenbasis, float]:
    """Shrink eigenvalues towards their mean.

    Returns
    -------
    basis : Eigenbasis
        The same vectors. Where n <= d + 1 and something is shrunk, all of them are within the rank.
    shrinkage : float
        The intensity.
    """
    if shrinkage is None or shrinkage == 0:
        return basis, 0.0
    n, d = moments.spread.n, basis.values.size
    p = d if n <= d + 1 else basis.rank
    values = basis.values.clip(min=0)
    values[: d - basis.rank] = 0
    intensity, _ = (
        ledoit_wolf(moments.fourth / n, values, n, p)
        if isinstance(shrinkage, str) else (float(shrinkage), 0.0)
    )  # fmt: skip
    if intensity == 0:
        return basis, 0.0
    mean = float(values.sum()) / p
    return replace(basis, values=(1 - intensity) * values + intensity * mean, rank=p), intensity


def _kept(n_components: int | float | None, variance: F64) -> int:
    """Return how many components are kept."""
    if n_components is None:
        return variance.size
    if isinstance(n_components, Integral):
        return min(int(n_components), variance.size)
    reached = np.cumsum(variance) / variance.sum()
    return min(int(np.searchsorted(reached, n_components, side="right")) + 1, variance.size)


def _narrow(dtype: np.dtype[Any]) -> type:
    """Return the type that results for rows of some type have."""
    return np.float32 if dtype.kind == "f" and dtype.itemsize < 8 else np.float64
