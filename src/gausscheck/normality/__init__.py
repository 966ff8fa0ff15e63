"""The battery: every test by its name, one call to run one, one engine to run them all.

A test is a :class:`Spec`: a statistic and its null law, both pure functions.
"""

from gausscheck.normality.engine.effects import L_KURTOSIS_NORMAL
from gausscheck.normality.engine.profile import Profile, profile
from gausscheck.normality.evaluate import evaluate
from gausscheck.normality.evaluate_rows import run_on_rows
from gausscheck.normality.evidence import moments_of
from gausscheck.normality.nulls.laws import A0
from gausscheck.normality.nulls.tables import kolmogorov_null
from gausscheck.normality.registry import DIRECTION_TESTS, JOINT_TESTS, TESTS
from gausscheck.normality.spec import Outcome, Spec
from gausscheck.normality.sphere.uniformity import SPHERE_TESTS
from gausscheck.normality.univariate.edf import anderson_darling_pvalue
from gausscheck.normality.whiten import residuals, whiten_tall

__all__ = [
    "A0",
    "DIRECTION_TESTS",
    "JOINT_TESTS",
    "L_KURTOSIS_NORMAL",
    "SPHERE_TESTS",
    "TESTS",
    "Outcome",
    "Profile",
    "Spec",
    "anderson_darling_pvalue",
    "evaluate",
    "kolmogorov_null",
    "moments_of",
    "profile",
    "residuals",
    "run_on_rows",
    "whiten_tall",
]
