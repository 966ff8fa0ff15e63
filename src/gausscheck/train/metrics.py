"""What is read off held-out outputs at every epoch, by the audit's own engine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.paper_table import table_column
from gausscheck.audit.spectrum import companions
from gausscheck.normality import profile
from gausscheck.passes.spread import spread_of

NAMES = (
    "cv", "cv_scaled", "ad_raw", "ad_pass_raw", "dp_raw", "dp_pass_raw", "ad_unit", "ad_pass_unit",
    "dp_unit", "dp_pass_unit", "ad_random", "ad_pass_random", "dp_random", "dp_pass_random",
    "effective_rank", "mean_square", "alignment", "slack", "uniformity", "cosine_sd_scaled", "loss",
)  # fmt: skip
"""Metrics, one value an epoch; epoch 0 is the untrained encoder."""


def measure(
    z: NDArray[np.floating], u: NDArray[np.floating], v: NDArray[np.floating], eta2: float | None
) -> dict[str, float]:
    """Read the metrics off outputs of held-out rows and of two views of them.

    Parameters
    ----------
    z, u, v : (n, d) array
    eta2 : float or None
        For the slack of the alignment bound; NaN where it is not known.

    Returns
    -------
    dict
        ``cv`` of ‖z‖ and ``cv_scaled`` = cv sqrt(2 d), 1 for N(0, I); the field's table of the
        coordinates of z, of unit rows, and of 128 random projections of z; ``effective_rank``;
        ``mean_square`` ‖m‖² of the unit views, ``alignment`` E[u·v], ``slack`` of
        eta² + (1 − eta²) ‖m‖²; ``uniformity`` log E exp(−2‖u − u'‖²) and ``cosine_sd_scaled`` =
        sd(cosine) sqrt(d) over pairs of 2,000 rows at most. Cost O(n d² + n log n d).
    """
    z = z.astype(np.float64)
    d = z.shape[1]
    norms = np.linalg.norm(z, axis=1)
    found = {"cv": float(norms.std() / norms.mean())}
    found["cv_scaled"] = found["cv"] * float(np.sqrt(2 * d))
    unit = z / norms[:, None]
    ways = np.random.default_rng(20_260_316).standard_normal((d, 128))
    ways /= np.linalg.norm(ways, axis=0)
    for name, rows in (("raw", z), ("unit", unit), ("random", z @ ways)):
        got = profile(
            np.ascontiguousarray(rows.T),
            tests=("anderson_darling", "dagostino_pearson"),
            effects=False,
            overwrite=True,
        )
        p = np.exp(-np.asarray(got.outcomes["dagostino_pearson"].statistic) / 2)
        row = table_column(None, got.ad_star[:, None], p[:, None])
        for key, short in (("ad_avg", "ad"), ("ad_pass", "ad_pass"), ("dp_avg", "dp"),
                           ("dp_pass", "dp_pass")):  # fmt: skip
            found[f"{short}_{name}"] = float(getattr(row, key) or 0.0)
    spread = spread_of(np.array(z, dtype=np.float64))
    values = np.asarray(np.linalg.eigvalsh(spread.covariance.dense()), dtype=np.float64)
    rank = int((values > values[-1] * max(d, 100) * np.finfo(float).eps).sum())
    found["effective_rank"] = float(companions(values, max(rank, 1))["effective_rank"] or 0)
    a, b = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (u, v))
    mean = (a.mean(axis=0) + b.mean(axis=0)) / 2
    found["mean_square"] = float(mean @ mean)
    found["alignment"] = float(np.einsum("ij,ij->i", a, b).mean())
    known = np.nan if eta2 is None else eta2
    found["slack"] = known + (1 - known) * found["mean_square"] - found["alignment"]
    some = unit[:2000]
    cosine = (some @ some.T)[np.triu_indices(len(some), 1)]
    found["uniformity"] = float(np.log(np.exp(4 * cosine - 4).mean()))
    found["cosine_sd_scaled"] = float(cosine.std() * np.sqrt(d))
    return found
