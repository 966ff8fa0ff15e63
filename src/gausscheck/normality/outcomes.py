"""From a statistic to an outcome."""

from __future__ import annotations

import numpy as np

from gausscheck.core import FloatArray
from gausscheck.normality.spec import Law, Outcome, Spec


def undefined(spec: Spec, n: int) -> str | None:
    """Say why a test is not defined at size n, or None where it is."""
    low, high = spec.sizes
    if n < low or (high is not None and n > high):
        span = f"from {low} rows" if high is None else f"from {low} to {high} rows"
        return f"not defined at n = {n}: {spec.name} is defined {span}"
    return None


def outcome_of(
    spec: Spec, statistic: FloatArray, n: int, d: int = 1, law: Law | None = None
) -> Outcome:
    """Put statistics and their null law into an outcome.

    Parameters
    ----------
    spec : Spec
    statistic : (k,) array
        NaN where not defined.
    n, d : int
    law : Law, optional
        Instead of the test's own, for instance a Monte-Carlo one.
    """
    why = undefined(spec, n)
    if why is not None:
        law = Law(None, notes=(why,))
        statistic = np.full(np.shape(statistic), np.nan)
    elif law is None:
        law = spec.law(statistic, n, d)
    notes = law.notes
    missing = np.isnan(statistic)
    broken = np.flatnonzero(missing)

    def blank(values: FloatArray | None) -> FloatArray | None:
        return None if values is None else np.where(missing, np.nan, values)

    if why is None and broken.size and spec.scope == "direction":
        named = ", ".join(map(str, broken[:5])) + (", ..." if broken.size > 5 else "")
        notes = (*notes, f"not defined on {broken.size} constant columns: {named}")
    return Outcome(
        test=spec.name,
        scope=spec.scope,
        null=spec.null,
        n=n,
        d=d,
        statistic=statistic,
        pvalue=blank(law.pvalue),
        log_pvalue=blank(law.log_pvalue),
        calibration=law.calibration,
        notes=notes,
    )
