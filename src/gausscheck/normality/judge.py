"""From a statistic to an outcome, and one call to run a test by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gausscheck.core import Evidence, FloatArray, GausscheckError, Law, Outcome, Spec
from gausscheck.normality.gather import gather
from gausscheck.normality.registry import TESTS


def undefined(spec: Spec, n: int) -> str | None:
    """Say why a test is not defined at size n, or None where it is."""
    low, high = spec.sizes
    if n < low or (high is not None and n > high):
        span = f"from {low} rows" if high is None else f"from {low} to {high} rows"
        return f"not defined at n = {n}: {spec.name} is defined {span}"
    return None


def judge(spec: Spec, statistic: FloatArray, n: int, d: int = 1, law: Law | None = None) -> Outcome:
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

    if why is None and broken.size:
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


def run(spec: Spec, evidence: Evidence) -> Outcome:
    """Run one test on evidence that holds what it needs."""
    n = evidence.n
    if spec.needs == "moments" and evidence.moments is not None:
        n = evidence.moments.n
    if undefined(spec, n) is not None:
        k = 1 if evidence.moments is None else evidence.moments.m2.size
        return judge(spec, np.full(k, np.nan), n)
    d = 1 if evidence.joint is None else evidence.joint.shape[1]
    return judge(spec, spec.statistic(evidence), n, d)


def evaluate(test: str, x: Any, *, calibration: str = "textbook") -> Outcome:
    """Run one test by name.

    Parameters
    ----------
    test : str
        A key of ``gausscheck.TESTS``; ``gausscheck tests`` lists them.
    x : array_like, shape (n,) or (n, k)
        n observations of one variable, or of k variables that are tested one by one. Any real
        dtype; float16 is upcast.
    calibration : {"textbook", "calibrated"}
        ``textbook`` gives the published p-value, which R and SciPy agree with. Two of them do not
        keep their level at small n (jarque_bera, dagostino_pearson): ``calibrated`` replaces those
        by a simulated table, as every audit does, and a note says so where it matters.

    Returns
    -------
    Outcome
        ``statistic`` and ``pvalue`` of shape (k,), k = 1 for (n,).

    Raises
    ------
    GausscheckError
        On an unknown test, on rows that are not finite, or on another number of dimensions.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((500, 2))
    >>> outcome = evaluate("anderson_darling", x)
    >>> bool((outcome.pvalue > 0.01).all())
    True
    """
    if calibration not in ("textbook", "calibrated"):
        raise GausscheckError(f"calibration: expected textbook or calibrated, got {calibration!r}")
    values = np.asarray(x)
    name = "energy_1d" if test == "energy" and values.ndim == 1 else test
    spec = TESTS.get(name)
    if spec is None:
        raise GausscheckError(f"expected a test out of {', '.join(TESTS)}, got {test!r}")
    if values.dtype.kind not in "fiu" or values.ndim not in (1, 2) or values.size == 0:
        raise GausscheckError(
            f"{test}: expected real numbers of shape (n,) or (n, k), got {values.dtype} of shape "
            f"{values.shape}"
        )
    if not np.isfinite(values).all():
        raise GausscheckError(f"{test}: expected finite values, got NaN or infinity; drop them")
    block = np.atleast_2d(np.ascontiguousarray(values.T, dtype=np.float64))
    outcome = run(spec, gather(block, (spec.needs,)))
    if calibration == "calibrated" or spec.textbook is None or outcome.pvalue is None:
        return outcome
    law = spec.textbook(outcome.statistic, outcome.n, 1)
    if outcome.calibration == "table":
        note = (
            f"the published p-value is off at n = {outcome.n}: calibration='calibrated' keeps its "
            "level"
        )
        law = replace(law, notes=(note,))
    return judge(spec, outcome.statistic, outcome.n, law=law)
