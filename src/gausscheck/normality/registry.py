"""The table of tests."""

from __future__ import annotations

from gausscheck.core import Spec
from gausscheck.normality.distance import ENERGY_1D
from gausscheck.normality.ecf import EPPS_PULLEY
from gausscheck.normality.edf import ANDERSON_DARLING, CRAMER_VON_MISES, LILLIEFORS
from gausscheck.normality.moments import (
    ANSCOMBE_KURTOSIS,
    DAGOSTINO_PEARSON,
    DAGOSTINO_SKEWNESS,
    JARQUE_BERA,
)
from gausscheck.normality.regression import SHAPIRO_FRANCIA, SHAPIRO_WILK

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

TESTS: dict[str, Spec] = {spec.name: spec for spec in DIRECTION_TESTS}
"""Every test, by name, in the order reports list them."""
