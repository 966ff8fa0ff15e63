"""Rows of each label by themselves: a mixture's components."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.directions import FAMILIES, parse
from gausscheck.audit.projector import Bench
from gausscheck.core import GausscheckError
from gausscheck.passes.run import Workers
from gausscheck.sources import open_source

GROUPS, GROUP_ROWS = 50, 100
"""Labels that ``--group`` shows, the largest first, and the rows that one needs."""


_GROUP_KEYS = ("status", "ad_at_reference", "ad_at_reference_ci")


def _groups(
    bench: Bench, labels: NDArray[Any] | None, pool: ThreadPoolExecutor, audit: Callable[..., Any]
) -> dict[str, Any]:
    """Audit the sampled rows of each label by themselves: a mixture's components."""
    if labels is None:
        raise GausscheckError(
            f"{bench.source.uri}: --group expected labels, found none; name them with --labels "
            "FILE or FILE:KEY"
        )
    mine = labels[bench.sample.index]
    names, counts = np.unique(mine, return_counts=True)
    enough = counts >= GROUP_ROWS
    order = np.argsort(-counts[enough], kind="stable")[:GROUPS]
    rows = bench.sample.read(0, bench.sample.m)
    settings = replace(bench.config, directions="axes,random:64", levels="none", group=False)
    families = parse(settings.directions, FAMILIES)
    found = {}
    for place, name in enumerate(names[enough][order]):
        part = open_source(rows[mine == name])
        told = audit(part, settings, families, None, Workers(pool, lambda stage, share: None))
        found[str(name)] = {
            "n": part.n,
            "verdict": told.verdict.status,
            "paper_table": told.paper_table["raw"],
            "levels": {k: {key: v[key] for key in _GROUP_KEYS} for k, v in told.levels.items()},
        }
        bench.report("groups", (place + 1) / order.size)
    return {"labels": int(names.size), "shown": found}
