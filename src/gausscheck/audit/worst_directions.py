"""The most deviant directions of a level: their shape, the rows at their ends, their Q-Q curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.inputs import LevelInputs
from gausscheck.core import F64, Directions
from gausscheck.normality import A0, Profile
from gausscheck.report import WorstDirection

QUANTILES = 201
"""Points of a stored Q-Q curve."""

BINS = np.linspace(-6, 6, 49)
"""Edges of the histogram of a worst direction, in standard deviations."""


@dataclass(frozen=True, slots=True)
class Extremes:
    """Standardised projections of the worst directions and of the median one, ``(w, m)``."""

    labels: tuple[str, ...]
    projections: F64


def worst_directions(
    inputs: LevelInputs, directions: Directions, whole: Profile, sparse: NDArray[np.bool_]
) -> tuple[tuple[WorstDirection, ...], Extremes]:
    """Name the most deviant directions, their shape and the rows at their ends.

    Nearly constant ones come first.
    """
    order = np.argsort(-np.where(sparse, np.inf, whole.ad_star), kind="stable")
    chosen = order[: inputs.config.worst]
    picked = np.append(chosen, order[order.size // 2])
    few = directions.take(picked)
    block = inputs.projector.project(few, slice(0, few.k)).astype(np.float64)
    block -= block.mean(axis=1, keepdims=True)
    block /= block.std(axis=1, keepdims=True)
    rows = inputs.projector.row_ids(directions)
    moments = whole.moments
    named = []
    for place, j in enumerate(chosen):
        skewness = float(moments.m3[j] / moments.m2[j] ** 1.5)
        excess = float(moments.m4[j] / moments.m2[j] ** 2 - 3)
        rank = np.argsort(block[place])
        named.append(
            WorstDirection(
                direction=directions.labels[j],
                ad_star=float(whole.ad_star[j]),
                rms_cdf_error=float(np.sqrt(max(whole.ad_star[j] - A0, 0) / whole.n)),
                skewness=skewness,
                excess_kurtosis=excess,
                shape="nearly constant" if sparse[j] else shape(skewness, excess),
                lowest_rows=tuple(rows[rank[:3]].tolist()),
                highest_rows=tuple(rows[rank[::-1][:3]].tolist()),
                counts=np.histogram(block[place].clip(BINS[0], BINS[-1]), BINS)[0],
                edges=BINS,
            )
        )
    return tuple(named), Extremes(few.labels, block)


def qq_curves(extremes: Extremes) -> tuple[F64, NDArray[Any]]:
    """Return normal quantiles and those of each direction, ``(w + 1, q)``, and the labels."""
    from scipy.special import ndtri

    m = extremes.projections.shape[1]
    levels = (np.unique(np.linspace(0, m - 1, min(QUANTILES, m)).astype(int)) + 0.5) / m
    tails = np.geomspace(0.5 / m, 0.05, 25)
    levels = np.unique(np.concatenate([tails, levels, 1 - tails]))
    curves = np.quantile(extremes.projections, levels, axis=1).T
    return np.vstack([ndtri(levels), curves]), np.array(extremes.labels)


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
