"""The battery: every test by its name, one call to run one, one engine to run them all.

A test is a :class:`gausscheck.core.Spec`: a statistic and its null law, both pure functions.
"""

from gausscheck.normality.edf import anderson_darling_pvalue
from gausscheck.normality.evaluate import evaluate
from gausscheck.normality.gather import gather, moments_of
from gausscheck.normality.judge import judge, run
from gausscheck.normality.profile import A0, Profile, profile
from gausscheck.normality.registry import DIRECTION_TESTS, JOINT_TESTS, TESTS
from gausscheck.normality.rows import judge_rows
from gausscheck.normality.sphere import SPHERE_TESTS
from gausscheck.normality.tables import kolmogorov_null
from gausscheck.normality.whiten import residuals, whiten_tall

__all__ = [
    "A0",
    "DIRECTION_TESTS",
    "JOINT_TESTS",
    "SPHERE_TESTS",
    "TESTS",
    "Profile",
    "anderson_darling_pvalue",
    "evaluate",
    "gather",
    "judge",
    "judge_rows",
    "kolmogorov_null",
    "moments_of",
    "profile",
    "residuals",
    "run",
    "whiten_tall",
]
