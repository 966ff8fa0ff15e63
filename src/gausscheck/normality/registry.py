"""The table of tests."""

from __future__ import annotations

from gausscheck.core import Spec
from gausscheck.normality.distance import ENERGY_1D
from gausscheck.normality.ecf import EPPS_PULLEY
from gausscheck.normality.edf import ANDERSON_DARLING, CRAMER_VON_MISES, LILLIEFORS
from gausscheck.normality.joint import (
    BHEP,
    ENERGY,
    HENZE_ZIRKLER,
    MARDIA_KURTOSIS,
    MARDIA_SKEWNESS,
)
from gausscheck.normality.marginwise import DOORNIK_HANSEN, MULTIVARIATE_SHAPIRO, ROYSTON
from gausscheck.normality.moments import (
    ANSCOMBE_KURTOSIS,
    DAGOSTINO_PEARSON,
    DAGOSTINO_SKEWNESS,
    JARQUE_BERA,
)
from gausscheck.normality.regression import SHAPIRO_FRANCIA, SHAPIRO_WILK
from gausscheck.normality.sliced import SLICED_EPPS_PULLEY, SLICED_EPPS_PULLEY_MAX
from gausscheck.normality.sphere import SPHERE_TESTS

DIRECTION_TESTS: tuple[Spec, ...] = (
    ANDERSON_DARLING,
    CRAMER_VON_MISES,
    LILLIEFORS,
    SHAPIRO_WILK,
    SHAPIRO_FRANCIA,
    DAGOSTINO_SKEWNESS,
    ANSCOMBE_KURTOSIS,
    DAGOSTINO_PEARSON,
    JARQUE_BERA,
    EPPS_PULLEY,
    ENERGY_1D,
)

JOINT_TESTS: tuple[Spec, ...] = (
    MARDIA_SKEWNESS,
    MARDIA_KURTOSIS,
    HENZE_ZIRKLER,
    BHEP,
    DOORNIK_HANSEN,
    ROYSTON,
    MULTIVARIATE_SHAPIRO,
    ENERGY,
    SLICED_EPPS_PULLEY,
    SLICED_EPPS_PULLEY_MAX,
)

TESTS: dict[str, Spec] = {
    spec.name: spec for spec in (*DIRECTION_TESTS, *JOINT_TESTS, *SPHERE_TESTS)
}
"""Every test, by name, in the order reports list them."""
