"""Means and covariances of two samples of one space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gausscheck.comparison.models import Model
from gausscheck.core import F64, GausscheckError, Source
from gausscheck.passes.common_rows import common_rows

COMPONENTS, ROWS = 20, 5_000
"""Leading components of the joint covariance, and rows of each sample, at most."""

ALIKE = "serial_dependence"
"""What is noticed of a sample whose neighbouring rows are alike."""

TAKEN = "they are of independent rows"


@dataclass(frozen=True, slots=True)
class TwoSamples:
    """Hotelling's T² of two means and Box's M of two covariances, on joint leading components.

    Attributes
    ----------
    model, baseline : str
    k : int
        Components of the joint covariance of both samples, each sample centred by the joint mean.
    n : (int, int)
        Rows.
    paired : bool
        Whether T² is of the differences between corresponding rows. Box's M takes the samples for
        independent all the same.
    t2, f : float
        Hotelling's T² and its F.
    mean_pvalue : float or None
        None where rows of a sample depend on one another: its law is that of independent rows.
    box_m : float
        Its chi-square statistic.
    covariance_pvalue : float or None
        Of Box's M: it rejects for tails that are not Gaussian too. None as ``mean_pvalue`` is.
    """

    model: str
    baseline: str
    k: int
    n: tuple[int, int]
    paired: bool
    t2: float
    f: float
    mean_pvalue: float | None
    box_m: float
    covariance_pvalue: float | None


def two_samples(model: Model, baseline: Model, *, paired: bool) -> TwoSamples:
    """Compare the first two moments of two samples of the same space: checkpoints, or splits.

    Parameters
    ----------
    model, baseline : Model
        With sources of the same d. Coordinate j must mean the same in both.
    paired : bool
        Row i of both is the same thing.

    Returns
    -------
    TwoSamples
        T² by pingouin's ``multivariate_ttest``, on k <= 20 leading components of the
        joint covariance and 5,000 rows of each at most. Without p-values where
        :func:`dependent_rows` has a reason.

    Raises
    ------
    GausscheckError
        Where dimensions differ, rows are too few, or a report was given without its rows.
    """
    sources = [_source(model), _source(baseline)]
    if sources[0].d != sources[1].d:
        raise GausscheckError(
            f"same_space: expected samples of one space, got {sources[0].d} and {sources[1].d} "
            f"dimensions for {model.name} and {baseline.name}; leave same_space out"
        )
    a, b = _rows(sources, model.report.config.seed, paired)
    a, b = model.report.preparation.rows(a), model.report.preparation.rows(b)
    k = min(COMPONENTS, sources[0].d, (min(len(a), len(b)) - 2) // 2)
    if k < 2:
        raise GausscheckError(
            f"same_space: expected 6 rows or more and 2 dimensions or more, got {len(a)} and "
            f"{len(b)} rows of {sources[0].d}"
        )
    x, y = _joint_components(a, b, k)
    found = _tested(x, y, paired, (model.name, baseline.name))
    if dependent_rows((model, baseline)) is None:
        return found
    return replace(found, mean_pvalue=None, covariance_pvalue=None)


def dependent_rows(models: Sequence[Model]) -> str | None:
    """Say why no p-value that takes rows for independent holds; None if there is no reason.

    With 60 clusters whose rows correlate by .5 they reject whenever asked.
    """
    grouped = [m.name for m in models if m.report.config.groups_by is not None]
    if grouped:
        return f"rows of {_listed(grouped)} belong together (groups_by); {TAKEN}"
    alike = [m.name for m in models if any(f.kind == ALIKE for f in m.report.noticed)]
    if alike:
        return f"neighbouring rows of {_listed(alike)} are alike; {TAKEN}"
    return None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _source(model: Model) -> Source:
    if model.source is None:
        raise GausscheckError(
            f"same_space: expected files or arrays, got a report for {model.name}; give its rows"
        )
    return model.source


def _rows(sources: list[Source], seed: int, paired: bool) -> list[F64]:
    """Read random rows of both: the same ones where rows correspond."""
    parts = [sources] if paired else [[source] for source in sources]
    rows = [x for part in parts for x in common_rows(part, seed, ROWS)[1]]
    return [x.astype(np.float64) for x in rows]


def _joint_components(a: F64, b: F64, k: int) -> tuple[F64, F64]:
    both = np.concatenate([a, b])
    mean = both.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(both - mean, rowvar=False))
    lead = vectors[:, ::-1][:, :k] / np.sqrt(values[::-1][:k])
    if values[-k] <= 1e-12 * values[-1]:
        raise GausscheckError(
            f"same_space: expected rows that vary in {k} dimensions, got fewer; leave same_space "
            "out"
        )
    return (a - mean) @ lead, (b - mean) @ lead


def _tested(x: F64, y: F64, paired: bool, names: tuple[str, str]) -> TwoSamples:
    import pingouin

    found = pingouin.multivariate_ttest(x, y, paired=paired).iloc[0]
    return TwoSamples(
        *names,
        x.shape[1],
        (len(x), len(y)),
        paired,
        float(found["T2"]),
        float(found["F"]),
        float(found["pval"]),
        *box_m(x, y),
    )


def box_m(x: F64, y: F64) -> tuple[float, float]:
    """Return Box's M as a chi-square statistic, and its p-value.

    (1 − c) (Σ v · log|S| − Σ vᵢ log|Sᵢ|), S pooled and vᵢ = nᵢ − 1, on k (k + 1)/2 degrees of
    freedom; c = (2k² + 3k − 1)/(6 (k + 1)) · (Σ 1/vᵢ − 1/Σ vᵢ) (Box 1949). In logarithms: the
    product of determinants underflows at a few thousand rows.

    Examples
    --------
    >>> x, y = np.random.default_rng(0).standard_normal((2, 200, 3))
    >>> box_m(x, y)[1] > 0.01, box_m(x, 9 * y)[1]
    (True, 0.0)
    """
    from scipy.stats import chi2

    k, v = x.shape[1], np.array([len(x), len(y)]) - 1
    each = [np.cov(part, rowvar=False) for part in (x, y)]
    pooled = (v[0] * each[0] + v[1] * each[1]) / v.sum()
    logs = [float(np.linalg.slogdet(matrix)[1]) for matrix in (pooled, *each)]
    shrink = (2 * k * k + 3 * k - 1) / (6 * (k + 1)) * float((1 / v).sum() - 1 / v.sum())
    value = (1 - shrink) * float(v.sum() * logs[0] - v @ logs[1:])
    return value, float(chi2.sf(value, k * (k + 1) / 2))
