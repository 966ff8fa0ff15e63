"""The shell statistic in the shortest form: exact transforms, and groups left out one by one."""

import numpy as np
from scipy.special import betainc


def shell_transform(square, n, k):
    """Return the probability transforms of squared lengths of rows whitened among n.

    None is closer to 0 or 1 than 1e-16: beyond it their place is rounding.
    """
    u = betainc(k / 2, (n - k - 1) / 2, np.clip(square / (n - 1), 0, 1))
    return np.clip(u, 1e-16, 1 - 1e-16)


def anderson_darling(u):
    """Return A² of a sample against the uniform law."""
    x = np.sort(u)
    i = np.arange(1, x.size + 1)
    return -x.size - np.mean((2 * i - 1) * (np.log(x) + np.log1p(-x[::-1])))


def shell(residuals):
    """Return the shell A² of whitened rows ``(n, k)``."""
    return anderson_darling(shell_transform((residuals**2).sum(axis=1), *residuals.shape))


def shell_without(residuals, sizes):
    """Return the shell A² without each group of rows, the others' mean length that of a fit."""
    n, k = residuals.shape
    square, ends = (residuals**2).sum(axis=1), np.cumsum(sizes)
    left = [
        np.delete(square, np.s_[end - size : end]) for size, end in zip(sizes, ends, strict=True)
    ]
    return np.array([
        anderson_darling(shell_transform(rest * k / rest.mean(), n, k)) for rest in left
    ])  # fmt: skip
