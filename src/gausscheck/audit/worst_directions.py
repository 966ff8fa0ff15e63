"""The most deviant directions of a level: their shape, the rows at their ends, their Q-Q curves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.projector import Bench
from gausscheck.core import Directions
from gausscheck.normality import A0, Profile
from gausscheck.preparation import Preparation

QUANTILES = 201
"""Points of a stored Q-Q curve."""


def _worst(
    bench: Bench,
    prep: Preparation,
    ways: Directions,
    whole: Profile,
    arrays: dict[str, NDArray[Any]],
) -> list[dict[str, Any]]:
    """Name the most deviant directions, their shape and the rows at their ends; keep Q-Q curves."""
    from scipy.special import ndtri

    order = np.argsort(-whole.ad_star, kind="stable")
    chosen = order[: bench.config.worst]
    median = order[order.size // 2]
    picked = np.append(chosen, median)
    few = replace(ways, matrix=ways.matrix[:, picked], labels=tuple(ways.labels[j] for j in picked))
    block = bench.project(prep, few, slice(0, few.k)).astype(np.float64)
    block -= block.mean(axis=1, keepdims=True)
    block /= block.std(axis=1, keepdims=True)
    m = block.shape[1]
    levels = (np.unique(np.linspace(0, m - 1, min(QUANTILES, m)).astype(int)) + 0.5) / m
    tails = np.geomspace(0.5 / m, 0.05, 25)
    levels = np.unique(np.concatenate([tails, levels, 1 - tails]))
    arrays[f"{ways.kind}/qq"] = np.vstack([ndtri(levels), np.quantile(block, levels, axis=1).T])
    arrays[f"{ways.kind}/qq_label"] = np.array(few.labels)
    first, _ = bench.span(ways)
    mom = whole.moments
    entries = []
    for place, j in enumerate(chosen):
        skewness = float(mom.m3[j] / mom.m2[j] ** 1.5)
        excess = float(mom.m4[j] / mom.m2[j] ** 2 - 3)
        rank = np.argsort(block[place])
        entries.append(
            {
                "direction": ways.labels[j],
                "ad_star": float(whole.ad_star[j]),
                "rms_cdf_error": float(np.sqrt(max(whole.ad_star[j] - A0, 0) / whole.n)),
                "skewness": skewness,
                "excess_kurtosis": excess,
                "shape": shape(skewness, excess),
                "lowest_rows": bench.sample.index[first + rank[:3]].tolist(),
                "highest_rows": bench.sample.index[first + rank[::-1][:3]].tolist(),
            }
        )
    return entries


def shape(skewness: float, excess: float) -> str:
    """Name the shape of a one-dimensional law from its third and fourth moments.

    Sarle's coefficient (skewness² + 1) / kurtosis is 1/3 for the normal, 5/9 for the uniform and
    1 for two points; above 0.6 the law has two humps or is cut off on one side.
    """
    kurtosis = excess + 3
    if kurtosis > 0 and (skewness**2 + 1) / kurtosis > 0.6:
        return "bimodal or one-sided"
    words = []
    if abs(excess) > 0.2:
        words.append("heavy tails" if excess > 0 else "light tails")
    if abs(skewness) > 0.2:
        words.append("right skew" if skewness > 0 else "left skew")
    return ", ".join(words) or "near-normal moments"
