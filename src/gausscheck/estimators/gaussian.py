"""A Gaussian fitted to rows such that distances of new rows have a known law."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import F64, I64
from gausscheck.estimators.moments import blocks
from gausscheck.estimators.whitener import GaussianWhitener
from gausscheck.normality.sphere.lengths import fitted_pvalues, new_pvalues, new_quantile
from gausscheck.preparation import Preparation


@dataclass(frozen=True, slots=True)
class GaussianFit:
    """A fitted Gaussian.

    Attributes
    ----------
    preparation : Preparation
        The whitening map, (d, k).
    rows : (n,) int array
        Which rows mean and covariance are of.
    log_determinant : float
        Of the covariance of the components.
    shrinkage : float
        Intensity of shrinkage; above 0 the law is chi-square, approximately.
    dead : int array
        Features that do not vary.
    exact : bool
        Whether the law is exact for normal rows.
    """

    preparation: Preparation
    rows: I64
    log_determinant: float
    shrinkage: float
    dead: I64
    exact: bool

    @property
    def n(self) -> int:
        """Rows behind mean and covariance."""
        return int(self.rows.size)

    @property
    def k(self) -> int:
        """Components."""
        return self.preparation.dim

    def distances(self, x: NDArray[Any]) -> F64:
        """Return squared distances of rows, ``(n,)``; memory for one block. Cost O(n d k)."""
        parts = [np.einsum("ij,ij->i", y, y) for y in map(self.preparation.apply, blocks(x))]
        return np.concatenate(parts) if parts else np.empty(0)

    def pvalues(self, square: F64) -> F64:
        """Return p-values of new rows from their squared distances."""
        if not self.shrinkage:
            return new_pvalues(square, self.n, min(self.k, self.n - 1))
        from scipy.special import chdtrc

        return np.asarray(chdtrc(self.k, square))

    def fitted_pvalues(self, square: F64) -> F64:
        """Return p-values of the rows that mean and covariance are of; of new rows if not exact."""
        return fitted_pvalues(square, self.n, self.k) if self.exact else self.pvalues(square)

    def quantile(self, level: float) -> float:
        """Return the squared distance at which the p-value of a new row is ``level``."""
        if not self.shrinkage:
            return new_quantile(level, self.n, min(self.k, self.n - 1))
        from scipy.special import chdtri

        return float(chdtri(self.k, level))


def fit_gaussian(
    x: NDArray[Any],
    rng: np.random.RandomState | np.random.Generator,
    *,
    n_components: int | float | None = None,
    drop: int = 0,
    shrinkage: float | str | None = None,
    groups: I64 | None = None,
) -> GaussianFit:
    """Fit a Gaussian to rows, in all directions in which they vary or in some components.

    Parameters
    ----------
    x : (n, d) array
        Finite, two rows at least.
    rng : RandomState or Generator
        Of the halves.
    n_components, shrinkage
        As for :class:`gausscheck.GaussianWhitener`.
    drop : int
        Leave out so many of the leading components.
    groups : (n,) int array, optional
        Halves hold whole groups.

    Returns
    -------
    GaussianFit

    Notes
    -----
    Components that are chosen by their variance have more of it on the rows that they were chosen
    on than on new ones: with 50 of 200 components of 1,125 normal rows the F threshold for 5 %
    would flag .4 % of new rows. So components are found on one half of the rows, and mean and
    covariance within them are those of the other half: the law F(k, n − k) is then exact, n the
    rows of that half. With all components nothing is chosen and one fit takes all rows.
    """
    whole = GaussianWhitener(n_components, shrinkage=shrinkage)
    if (n_components is None and not drop) or len(x) < 4:
        return _fit(whole.fit(x), None, np.arange(len(x)))
    first = _half(len(x), rng, groups)
    found = GaussianWhitener(None if drop else n_components).fit(x[first])
    basis = found.components_[drop:]
    if not drop and found.n_components_ == found.rank_ == x.shape[1]:
        return _fit(whole.fit(x), None, np.arange(len(x)))
    rows = np.flatnonzero(~first)
    inner = GaussianWhitener(shrinkage=shrinkage).fit(x[rows] @ basis.T)
    return replace(_fit(inner, basis, rows), dead=found.dead_features_)


def _half(n: int, rng: Any, groups: I64 | None) -> NDArray[np.bool_]:
    """Draw half of the rows, in whole groups where there are several."""
    units = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    if units.max() < 1:
        units = np.arange(n)
    count = int(units.max()) + 1
    return np.isin(units, rng.permutation(count)[: count // 2])


def _fit(whitener: GaussianWhitener, basis: F64 | None, rows: I64) -> GaussianFit:
    """Put the map together: onto the components, and whitening within them."""
    mean, matrix = whitener.mean_, whitener.matrix_
    if basis is not None:
        mean, matrix = mean @ basis, basis.T @ matrix
    k, a = whitener.n_components_, whitener.shrinkage_
    return GaussianFit(
        preparation=Preparation("whiten", mean, matrix),
        rows=rows,
        log_determinant=float(np.log(whitener.whitened_variance_).sum()),
        shrinkage=a,
        dead=whitener.dead_features_,
        exact=a == 0 and k == whitener.rank_ <= rows.size - 2,
    )
