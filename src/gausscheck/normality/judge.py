"""From a statistic to an outcome, and one call to run a test by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import Evidence, FloatArray, GausscheckError, Law, Outcome, Spec
from gausscheck.normality.calibration import DRAWS, simulated_law
from gausscheck.normality.gather import gather
from gausscheck.normality.joint import RESOLUTION, SMOOTHING, null_sd
from gausscheck.normality.registry import TESTS
from gausscheck.normality.whiten import residuals


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


def evaluate(
    test: str,
    x: Any,
    *,
    calibration: str = "textbook",
    cache: bool = True,
    threads: int | None = None,
) -> Outcome:
    """Run one test by name.

    Parameters
    ----------
    test : str
        A key of ``gausscheck.TESTS``; ``gausscheck tests`` lists them.
    x : array_like
        Real numbers; float16 is upcast. Tests of a direction take n observations ``(n,)``, or
        ``(n, k)`` for k variables tested one by one; joint and sphere tests take rows ``(n, d)``.
        Sphere tests divide rows by their length and do not centre them. Joint tests work within
        the range of the covariance and note where that is smaller than d.
    calibration : {"textbook", "calibrated"}
        ``textbook`` gives the published p-value, which R and SciPy agree with, or None. Not every
        one of those keeps its level; ``calibrated`` takes a simulated null instead: a table for
        jarque_bera and dagostino_pearson, as every audit does, and for joint and sphere tests a
        simulation at this very n and d.
    cache : bool
        Whether simulated draws are kept on disk for the next time.
    threads : int, optional

    Returns
    -------
    Outcome
        ``statistic`` and ``pvalue`` of shape (k,), k = 1 for (n,) and for joint and sphere tests.

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
    >>> evaluate("henze_zirkler", x).scope
    'joint'
    """
    if calibration not in ("textbook", "calibrated"):
        raise GausscheckError(f"calibration: expected textbook or calibrated, got {calibration!r}")
    values = np.asarray(x)
    name = "energy_1d" if test == "energy" and values.ndim == 1 else test
    spec = TESTS.get(name)
    if spec is None:
        raise GausscheckError(f"expected a test out of {', '.join(TESTS)}, got {test!r}")
    shapes = "(n,) or (n, k)" if spec.scope == "direction" else "(n, d)"
    allowed = (1, 2) if spec.scope == "direction" else (2,)
    if values.dtype.kind not in "fiu" or values.ndim not in allowed or values.size == 0:
        raise GausscheckError(
            f"{test}: expected real numbers of shape {shapes}, got {values.dtype} of shape "
            f"{values.shape}"
        )
    if not np.isfinite(values).all():
        raise GausscheckError(f"{test}: expected finite values, got NaN or infinity; drop them")
    if spec.scope != "direction":
        return judge_rows(
            spec,
            values.astype(np.float64),
            calibrated=calibration == "calibrated",
            cache=cache,
            threads=threads,
        )
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


def judge_rows(
    spec: Spec,
    x: NDArray[np.float64],
    *,
    calibrated: bool,
    cache: bool,
    threads: int | None,
    draws: int = DRAWS,
) -> Outcome:
    """Run a joint or sphere test on rows ``(n, d)``."""
    n, d = x.shape
    notes: tuple[str, ...] = ()
    if spec.scope == "sphere":
        norms = np.linalg.norm(x, axis=1, keepdims=True)
        if d < 2 or not norms.all():
            raise GausscheckError(
                f"{spec.name}: expected rows of at least two dimensions and of positive length"
            )
        evidence, dimension = Evidence(n=n, unit=x / norms), d
        why = None
    else:
        y, dimension = residuals(x)
        evidence = Evidence(n=n, joint=x, residuals=y)
        why = _degenerate(spec, n, d, dimension)
        if dimension < d:
            notes = (f"covariance of rank {dimension} of {d}: tested within its range",)
    why = undefined(spec, n) or why
    if why is not None:
        return judge(spec, np.array([np.nan]), n, dimension, Law(None, notes=(why,)))
    statistic = spec.statistic(evidence)
    if calibrated and spec.name != "royston":
        law = simulated_law(
            spec, statistic, n, dimension, draws=draws, cache=cache, threads=threads
        )
    elif calibrated:
        law = Law(None, notes=("its null depends on the correlations: no calibrated p-value",))
    elif spec.textbook is not None:
        freedom = dimension if spec.freedom is None else spec.freedom(evidence)
        law = spec.textbook(statistic, n, freedom)
    else:
        law = spec.law(statistic, n, dimension)
    return judge(spec, statistic, n, dimension, replace(law, notes=(*notes, *law.notes)))


def _degenerate(spec: Spec, n: int, d: int, rank: int) -> str | None:
    """Say why a joint test cannot speak of these rows, or None where it can."""
    if rank == 0:
        return "not defined: the rows are all equal"
    if rank >= n - 1:
        return (
            f"not defined: {n} rows span all {rank} dimensions they could; whitened, any such rows "
            "look alike: take more rows or fewer dimensions"
        )
    if rank < d and spec.needs == "joint":
        return f"not defined: the covariance has rank {rank} of {d}"
    if spec.name in SMOOTHING:
        spread = null_sd(SMOOTHING[spec.name](n, rank), rank)
        if spread < RESOLUTION:
            return (
                f"not defined at d = {rank}: with its smoothing the null's standard deviation is "
                f"{spread:.0e}, which double precision cannot see; use energy, or fewer dimensions"
            )
    return None
