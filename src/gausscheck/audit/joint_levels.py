"""Levels that look at several dimensions at once: subspaces, lengths and directions of whole rows.

All are affine invariant, so they do not depend on scale, correlation or the mean; and all are free
of n in the way the directions' A*² is: null mean + n · discrepancy, read at the reference.
"""

from __future__ import annotations

import numpy as np

from gausscheck.audit.effect import Effect, estimate_effect
from gausscheck.audit.inputs import LevelInputs
from gausscheck.audit.subspaces import ROWS, SHARE, subspace_level
from gausscheck.audit.verdict import level_fields
from gausscheck.core import F64
from gausscheck.normality import whiten_tall
from gausscheck.normality.sphere.energy import energy_null, sphere_without
from gausscheck.normality.sphere.shell import shell_limit, shell_mean, shell_without
from gausscheck.report import JointLevel

BYTES = 128 << 20
"""Bytes of float64 rows that levels of whole rows may take."""


def joint_levels(inputs: LevelInputs) -> tuple[dict[str, JointLevel], dict[str, str]]:
    """Run the joint levels that the options ask for and that these rows allow.

    Returns
    -------
    levels, reasons : dict
        By name: what was found, and why a level was left out.
    """
    wanted = inputs.config.joint_levels()
    reasons = {name: why for name, why in _not_applicable(inputs).items() if name in wanted}
    todo = [name for name in wanted if name not in reasons]
    levels: dict[str, JointLevel] = {}
    if "marginals" in todo:
        levels["marginals"] = subspace_level(inputs)
    if "norms" in todo or "sphere" in todo:
        m = _joint_rows(inputs)
        y, _ = whiten_tall(inputs.projector.first_rows(m))
        if "norms" in todo:
            levels["norms"] = _norms(inputs, y)
        if "sphere" in todo:
            levels["sphere"] = _sphere(inputs, y)
    return levels, reasons


def _norms(inputs: LevelInputs, y: F64) -> JointLevel:
    """A² of squared lengths of whitened rows against their exact Beta law. Cost O(n d²)."""
    inputs.progress("testing norms", 0.0)
    r = y.shape[1]
    whole, without = shell_without(y, inputs.config.groups)
    effect = _effect(inputs, whole, without, y, shell_mean(r), shell_limit(r))
    return JointLevel(**level_fields(effect, kind="joint", statistic="shell A²"), k=r)


def _sphere(inputs: LevelInputs, y: F64) -> JointLevel:
    """Energy statistic of the directions of whitened rows against uniformity. Cost O(n² r)."""
    inputs.progress("testing sphere", 0.0)
    r = y.shape[1]
    null = energy_null(r)
    whole, without = sphere_without(y, inputs.config.groups, inputs.projector.pool)
    effect = _effect(inputs, whole, without, y, null.mean, null.limit)
    return JointLevel(**level_fields(effect, kind="joint", statistic="energy N"), k=r)


def _effect(
    inputs: LevelInputs, whole: float, without: F64, y: F64, null_mean: float, limit: float
) -> Effect:
    return estimate_effect(
        np.array([whole]),
        without[None],
        y.shape[0],
        reference=inputs.config.reference // SHARE,
        confidence=inputs.config.confidence,
        null_mean=null_mean,
        limit=limit,
        least=3 * y.shape[1],
    )


def _joint_rows(inputs: LevelInputs) -> int:
    """Count the sampled rows that levels of whole rows read."""
    projector = inputs.projector
    return min(projector.sample.m, ROWS, max(BYTES // (8 * projector.preparation.dim), 1))


def _not_applicable(inputs: LevelInputs) -> dict[str, str]:
    """Say which joint levels cannot speak of these rows, and why."""
    m, rank = _joint_rows(inputs), inputs.space.rank
    reasons: dict[str, str] = {}
    if m < 3 * rank:
        why = (
            f"{m:,} rows looked at span {rank} dimensions: whitened, rows look alike whatever they "
            "are; 3 rows a dimension are needed"
        )
        reasons = {"norms": why, "sphere": why}
    elif rank < 3:
        reasons = {"sphere": f"rank {rank}: a sphere needs 3 dimensions"}
    if inputs.preflight.constant_norm or inputs.projector.preparation.kind == "unit":
        reasons["norms"] = "rows are L2-normalised: their lengths say nothing"
    return reasons
