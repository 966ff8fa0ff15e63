"""Levels that look at several dimensions at once: subspaces, lengths and directions of whole rows.

All are affine invariant, so they do not depend on scale, correlation or the mean; and all are free
of n in the way the directions' A*² is: null mean + n · discrepancy, read at the reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gausscheck.audit.effect import Effect, LeftOut, estimate_effect
from gausscheck.audit.inputs import LevelInputs
from gausscheck.audit.sphere_limit import sphere_limit, whitening_shrinkage
from gausscheck.audit.subspaces import ROWS, SHARE, subspace_level
from gausscheck.audit.unit_shell import normalised_twin_delta
from gausscheck.audit.verdict import level_fields
from gausscheck.core import F64
from gausscheck.normality import whiten_tall
from gausscheck.normality.groups import Partition
from gausscheck.normality.rotated import whitened_rows
from gausscheck.normality.sphere.energy import energy_null, sphere_left_out
from gausscheck.normality.sphere.shell import shell_left_out, shell_limit, shell_mean
from gausscheck.preparation import Preparation
from gausscheck.report import JointLevel
from gausscheck.rng import stream

BYTES = 128 << 20
"""Bytes of float64 rows that levels of whole rows may take."""

ON_SPHERE = "rows are uniform on the sphere: lengths are one by construction, nothing to judge"


@dataclass(frozen=True, slots=True)
class _Whole:
    """Whitened rows, and the partitions whose groups are left out."""

    y: F64
    partitions: list[Partition]


def joint_levels(
    inputs: LevelInputs, on_sphere: bool
) -> tuple[dict[str, JointLevel], dict[str, str]]:
    """Run the joint levels that the options ask for and that these rows allow.

    Parameters
    ----------
    inputs : LevelInputs
    on_sphere : bool
        Whether rows of length one are uniform on the sphere: their lengths, whitened or within
        subspaces, then say nothing that the claim does not.

    Returns
    -------
    levels, reasons : dict
        By name: what was found, and why a level was left out.
    """
    wanted = inputs.config.joint_levels()
    reasons = {n: why for n, why in _not_applicable(inputs, on_sphere).items() if n in wanted}
    todo = [name for name in wanted if name not in reasons]
    levels: dict[str, JointLevel] = {}
    whitening = None
    if "norms" in todo or "sphere" in todo:  # beside the subspaces
        whitening = inputs.projector.pool.submit(_whole_rows, inputs, _joint_rows(inputs))
    if "marginals" in todo:
        levels["marginals"] = subspace_level(inputs)
    if whitening is not None:
        whole = whitening.result()
        if "norms" in todo:
            levels["norms"] = _norms(inputs, whole)
        if "sphere" in todo:
            levels["sphere"] = _sphere(inputs, whole)
    return levels, reasons


def _whole_rows(inputs: LevelInputs, m: int) -> _Whole:
    """Return m whitened rows, and their groups."""
    rows, axes = inputs.projector.first_rows(m), inputs.space.axes
    y = whitened_rows(rows if axes.size == rows.shape[1] else rows[:, axes], whiten_tall)
    return _Whole(y, inputs.partitions(m))


def _norms(inputs: LevelInputs, whole: _Whole) -> JointLevel:
    """A² of squared lengths of whitened rows against their exact Beta law. Cost O(n d²).

    Groups are left out with the whitening fitted anew, so that the jackknife puts back what the fit
    on the same rows takes off a deviation. Lengths of whitened unit rows vary, but as those of a
    normalised Gaussian do: for them the mean is that of such a twin, fitted on as many rows, and
    the limit lies a margin above it.
    """
    inputs.progress("testing norms", 0.0)
    y, r = whole.y, whole.y.shape[1]
    null_mean, limit = shell_mean(r), shell_limit(r)
    reference = inputs.config.reference // SHARE
    pool = inputs.projector.pool
    drawing = pool.submit(_twin_delta, inputs, y) if inputs.unit else None
    value, (without, *others) = shell_left_out(
        y, whole.partitions, refitted=True, pool=pool, known=inputs.lengths
    )
    blocks = _blocks(whole, others)
    if drawing is not None:
        twin, error = (reference * part for part in drawing.result())
        null_mean += twin
        limit += (1 + TWIN_MARGIN) * twin + TWIN_ERRORS * error
    effect = _effect(
        inputs, value, without, y, null_mean=null_mean, limit=limit, blocks=blocks,
        offset=shell_mean(r), refitted=True,
    )  # fmt: skip
    return _level(inputs, effect, "shell A²", r)


TWIN_MARGIN = 0.15
"""What the twin of unit rows may be off by: its error on simulated normalised Gaussians and
spheres, and as much again."""


TWIN_ERRORS = 2.0
"""Standard errors of the twin that the limit leaves room for."""


def _twin_delta(inputs: LevelInputs, y: F64) -> tuple[float, float]:
    """Set whitened rows beside a twin with the moments of these rows before they were prepared.

    Of columns that vary: on those rows of one length lie on a sphere too.
    """
    projector = inputs.projector
    kind = "unit" if projector.preparation.kind == "unit" else "raw"
    stored = Preparation(kind, np.zeros_like(projector.center))
    live = np.setdiff1d(np.arange(projector.center.size), inputs.preflight.dead)
    rows = projector.prepared_as(stored, projector.center).rows(0, len(y))[:, live]
    apart = rows.mean(axis=0)
    rows -= apart
    mean, covariance = projector.center[live] + apart, rows.T @ rows / len(rows)
    rng = stream(inputs.config.seed, "shell twin")
    return normalised_twin_delta(mean, covariance, len(y), rng, y)


def _sphere(inputs: LevelInputs, whole: _Whole) -> JointLevel:
    """Energy statistic of the directions of whitened rows against uniformity. Cost O(n² r).

    The limit is a margin: discrepancy in standard deviations of the kernel over uniform pairs.
    """
    inputs.progress("testing sphere", 0.0)
    y, r = whole.y, whole.y.shape[1]
    value, (without, *others) = sphere_left_out(y, whole.partitions, inputs.projector.pool)
    effect = _effect(
        inputs,
        value,
        without,
        y,
        null_mean=energy_null(r).mean,
        limit=sphere_limit(r, inputs.config.reference // SHARE),
        blocks=_blocks(whole, others),
        shrinkage=whitening_shrinkage(*y.shape),
    )
    return _level(inputs, effect, "energy N", r)


def _blocks(whole: _Whole, others: list[F64]) -> LeftOut | None:
    """Return what a level is without blocks of rows that are alike, where there are any."""
    return LeftOut(others[0][None], whole.partitions[1].sizes) if others else None


def _level(inputs: LevelInputs, effect: Effect, statistic: str, k: int) -> JointLevel:
    few = inputs.too_few_whole
    rule: dict[str, Any] = {} if few is None else {"status": "inconclusive"}
    return JointLevel(
        **level_fields(effect, kind="joint", statistic=statistic, note=few or inputs.note, **rule),
        k=k,
    )


def _effect(
    inputs: LevelInputs,
    whole: float,
    without: F64,
    y: F64,
    *,
    null_mean: float,
    limit: float,
    blocks: LeftOut | None,
    shrinkage: float = 1.0,
    offset: float | None = None,
    refitted: bool = False,
) -> Effect:
    reference = inputs.config.reference // SHARE
    base = null_mean if offset is None else offset
    found = estimate_effect(
        np.array([whole]),
        without[None],
        y.shape[0],
        reference=reference,
        confidence=inputs.config.confidence,
        null_mean=base,
        limit=limit,
        blocks=blocks,
        shrinkage=shrinkage,
        refitted=refitted,
    )
    return found if offset is None else found.seen_from(null_mean)


def _joint_rows(inputs: LevelInputs) -> int:
    """Count the sampled rows that levels of whole rows read."""
    projector = inputs.projector
    return min(projector.sample.m, ROWS, max(BYTES // (8 * projector.preparation.dim), 1))


def _not_applicable(inputs: LevelInputs, on_sphere: bool) -> dict[str, str]:
    """Say which joint levels cannot speak of these rows, and why."""
    m, rank = _joint_rows(inputs), inputs.space.rank
    reasons: dict[str, str] = {}
    if m < 3 * rank:
        # fewer look alike once whitened, whatever they are
        why = f"{m:,} rows, {3 * rank:,} needed: 3 rows a dimension"
        reasons = {"norms": why, "sphere": why}
    elif rank < 3:
        reasons = {"sphere": f"rank {rank}: a sphere needs 3 dimensions"}
    if on_sphere:
        reasons |= {"norms": ON_SPHERE, "marginals": ON_SPHERE}
    return reasons
