"""Rows of each label by themselves: a mixture's components."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.inputs import LevelInputs
from gausscheck.config import Config
from gausscheck.core import GausscheckError, Source
from gausscheck.report import GroupLevel, GroupResult, Groups, Report
from gausscheck.sources import open_source

SHOWN, LEAST_ROWS = 50, 100
"""Labels that are audited, the largest first, and the rows that one needs."""

Audit = Callable[[Source, Config], Report]


def audit_groups(
    inputs: LevelInputs, labels: NDArray[Any] | None, audit: Audit, uri: str
) -> Groups:
    """Audit the sampled rows of each label by themselves.

    A label whose rows cannot be audited (equal rows, too few of them) is named with the reason;
    the others stand.

    Raises
    ------
    GausscheckError
        If there are no labels.
    """
    if labels is None:
        raise GausscheckError(
            f"{uri}: expected labels for the audit of groups, found none; name them with labels=, "
            "a file or FILE:KEY"
        )
    sample = inputs.projector.sample
    mine = labels[sample.index]
    names, counts = np.unique(mine, return_counts=True)
    enough = counts >= LEAST_ROWS
    order = np.argsort(-counts[enough], kind="stable")[:SHOWN]
    rows = sample.read(0, sample.m)
    settings = replace(inputs.config, directions="axes,random:64", levels="none", group=False)
    shown: dict[str, GroupResult] = {}
    held = {str(name): int(count) for name, count in zip(names, counts, strict=True)}
    every = [str(name) for name in np.unique(labels)]  # some may have no row in the sample
    few = [name for name in every if held.get(name, 0) < LEAST_ROWS]
    failed = {name: f"{held.get(name, 0)} rows of {LEAST_ROWS} needed" for name in few[:SHOWN]}
    for place, name in enumerate(names[enough][order]):
        try:
            report = audit(open_source(rows[mine == name]), settings)
        except GausscheckError as err:
            failed[str(name)] = str(err)
        else:
            shown[str(name)] = _summed(report)
        inputs.progress("groups", (place + 1) / order.size)
    return Groups(labels=len(every), shown=shown, not_audited=failed)


def _summed(report: Report) -> GroupResult:
    return GroupResult(
        n=report.source.n,
        verdict=report.verdict.status,
        paper_table=report.paper_table.raw,
        levels={
            name: GroupLevel(status=level.status, value=level.value, value_ci=level.value_ci)
            for name, level in report.levels.items()
        },
    )
