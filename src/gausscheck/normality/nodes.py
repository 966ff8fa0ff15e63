"""Nodes of the integrals over a null law that are taken again and again."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from gausscheck.core import F64


@lru_cache(maxsize=4)
def gauss_legendre(count: int) -> tuple[F64, F64]:
    """Return nodes and weights on [−1, 1]: exact for polynomials of degree 2 count − 1.

    They are the eigenvalues of a matrix of that size, O(count³), and kept for the next integral.

    Examples
    --------
    >>> node, weight = gauss_legendre(3)
    >>> round(float(weight @ node**4), 12)
    0.4
    """
    node, weight = np.polynomial.legendre.leggauss(count)
    node.flags.writeable = weight.flags.writeable = False
    return node, weight
