"""The energy test in one dimension.

T = n (2 E|x − Z| − E|Z − Z'| − E|x − x'|) with Z, Z' standard normal and the sample standardised by
its n − 1 standard deviation. In one dimension every term has a closed form on the sorted sample:
E|z − Z| = z (2Φ(z) − 1) + 2φ(z), E|Z − Z'| = 2/√π, Σ_ij |z_i − z_j| = 2 Σ (2i − n − 1) z_(i).
"""

from __future__ import annotations

import numpy as np

from gausscheck.core import FloatArray
from gausscheck.normality.nulls.tables import table_law
from gausscheck.normality.spec import ONE_DIRECTION_NULL, Law, Ordered, Spec


def _energy(samples: Ordered) -> FloatArray:
    z, n = samples.z, samples.n
    density = np.exp(-0.5 * z * z)
    toward = np.einsum("ij,ij->i", z, 2 * samples.cdf - 1) + density.sum(axis=1) * np.sqrt(
        2 / np.pi
    )
    ranks = 2 * np.arange(1, n + 1) - (n + 1.0)
    within = 2 / n * np.einsum("ij,j->i", z, ranks)
    return np.asarray(2 * toward - n * 2 / np.sqrt(np.pi) - within)


def _energy_law(statistic: FloatArray, n: int, d: int) -> Law:
    return table_law("energy", statistic, n)


ENERGY_1D = Spec(
    name="energy_1d",
    scope="direction",
    null="composite",
    needs="ordered",
    statistic=_energy,
    law=_energy_law,
    sizes=(5, None),
    null_says=ONE_DIRECTION_NULL,
    cost="O(n log n k), one sort shared with the other tests on sorted values",
    reference="Székely & Rizzo (2005), Journal of Multivariate Analysis 93, 58-80",
)
