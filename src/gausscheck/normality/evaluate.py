"""One call to run a test by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.normality.evaluate_rows import run_on_rows
from gausscheck.normality.evidence import moments_of, order, standardise
from gausscheck.normality.outcomes import outcome_of, undefined
from gausscheck.normality.registry import TESTS
from gausscheck.normality.spec import Outcome, Spec


def evaluate(
    test: str,
    x: Any,
    *,
    calibration: Literal["calibrated", "textbook"] = "calibrated",
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
    calibration : {"calibrated", "textbook"}
        ``calibrated`` gives p-values that keep their level, as every audit does: the published law
        where it holds, else a simulated one: shipped tables for directions, and for joint and
        sphere tests draws of the null at this very n and d, simulated where none are at hand (cost:
        up to 1,999 times that of the statistic). ``textbook`` gives the published p-value, which R
        and SciPy agree with, or None; Mardia's kurtosis then rejects 79 % of normal samples of
        200 x 50 at 5 % (``docs/levels.md``).
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
    >>> evaluate("henze_zirkler", x).calibration
    'asymptotic'
    """
    if calibration not in ("calibrated", "textbook"):
        raise GausscheckError(f"calibration: expected calibrated or textbook, got {calibration!r}")
    spec, values = _checked(test, x)
    if spec.scope != "direction":
        return run_on_rows(
            spec,
            values,
            calibrated=calibration == "calibrated",
            cache=cache,
            threads=threads,
        )
    outcome = _run_on_directions(spec, values)
    return outcome if calibration == "calibrated" else _with_textbook_law(spec, outcome)


def _checked(test: str, x: Any) -> tuple[Spec, NDArray[Any]]:
    """Return the test of that name and its data, or say what is wrong with either."""
    if not isinstance(test, str):
        raise GausscheckError(
            f"expected the name of a test, then the rows; got {type(test).__name__}"
        )
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
    return spec, values


def _run_on_directions(spec: Spec, values: NDArray[Any]) -> Outcome:
    """Run a test of directions on n observations ``(n,)``, or on each column of ``(n, k)``."""
    block = np.atleast_2d(np.ascontiguousarray(values.T, dtype=np.float64))
    k, n = block.shape
    if undefined(spec, n) is not None:
        return outcome_of(spec, np.full(k, np.nan), n)
    moments = moments_of(block)
    if spec.needs == "moments":
        return outcome_of(spec, spec.statistic(moments), n)
    return outcome_of(spec, spec.statistic(order(standardise(block, moments))), n)


def _with_textbook_law(spec: Spec, outcome: Outcome) -> Outcome:
    """Give the published p-values in place of calibrated ones, where they differ."""
    if spec.textbook is None or undefined(spec, outcome.n):
        return outcome
    law = spec.textbook(outcome.statistic, outcome.n, 1)
    if outcome.calibration == "table":
        note = "the published p-value: calibration='calibrated' keeps its level at any n"
        law = replace(law, notes=(note,))
    return outcome_of(spec, outcome.statistic, outcome.n, law=law)
