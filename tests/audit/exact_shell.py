"""The shell statistic in the shortest form: exact transforms, and groups left out one by one."""

import numpy as np
from scipy.special import betainc


def shell_transform(residuals):
    """Return the probability transforms of squared lengths of whitened rows ``(n, k)``.

    None is closer to 0 or 1 than 1e-16: beyond it their place is rounding.
    """
    n, k = residuals.shape
    square = (residuals**2).sum(axis=1)
    u = betainc(k / 2, (n - k - 1) / 2, np.clip(square / (n - 1), 0, 1))
    return np.clip(u, 1e-16, 1 - 1e-16)


def anderson_darling(u):
    """Return A² of a sample against the uniform law."""
    x = np.sort(u)
    i = np.arange(1, x.size + 1)
    return -x.size - np.mean((2 * i - 1) * (np.log(x) + np.log1p(-x[::-1])))


def shell(residuals):
    """Return the shell A² of whitened rows ``(n, k)``."""
    return anderson_darling(shell_transform(residuals))


def shell_without(residuals, groups):
    """Return the shell A² of whitened rows without each of G contiguous groups."""
    parts = np.array_split(shell_transform(residuals), groups)
    return np.array([
        anderson_darling(np.concatenate(parts[:g] + parts[g + 1 :])) for g in range(groups)
    ])  # fmt: skip
