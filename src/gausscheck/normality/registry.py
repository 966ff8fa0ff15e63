"""The table of tests."""

from __future__ import annotations

from gausscheck.normality.multivariate.bhep import BHEP
from gausscheck.normality.multivariate.doornik_hansen import DOORNIK_HANSEN
from gausscheck.normality.multivariate.energy import ENERGY
from gausscheck.normality.multivariate.henze_zirkler import HENZE_ZIRKLER
from gausscheck.normality.multivariate.mardia import MARDIA_KURTOSIS, MARDIA_SKEWNESS
from gausscheck.normality.multivariate.royston import MULTIVARIATE_SHAPIRO, ROYSTON
from gausscheck.normality.multivariate.sliced import (
    SLICED_EPPS_PULLEY,
    SLICED_EPPS_PULLEY_MAX,
)
from gausscheck.normality.spec import Spec
from gausscheck.normality.sphere.uniformity import SPHERE_TESTS
from gausscheck.normality.univariate.edf import (
    ANDERSON_DARLING,
    CRAMER_VON_MISES,
    LILLIEFORS,
)
from gausscheck.normality.univariate.energy import ENERGY_1D
from gausscheck.normality.univariate.epps_pulley import EPPS_PULLEY
from gausscheck.normality.univariate.moments import (
    ANSCOMBE_KURTOSIS,
    DAGOSTINO_PEARSON,
    DAGOSTINO_SKEWNESS,
    JARQUE_BERA,
)
from gausscheck.normality.univariate.shapiro import SHAPIRO_FRANCIA, SHAPIRO_WILK

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
