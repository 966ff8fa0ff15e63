"""Each term of screens, page and documentation in one line: the only glossary there is."""

from __future__ import annotations

from rich.text import Text

from gausscheck.terminal.console import console

TERMS = {
    "threshold set for 1 %": "a squared Mahalanobis length that 1 % of Gaussian rows exceed, "
    "by the exact Beta law at this n and dimension",
    "normalised Gaussian": "Gaussian rows with this mean and covariance, each divided by its "
    "length",
    "leading components": "the first principal components: those of largest variance",
    "flags too few": "clearly fewer rows than a Gaussian would: under .5 % at a 1 % threshold",
    "nats a row": "log-likelihood that a Gaussian model loses in the lengths alone, at least",
    "times the limit": "0 where Gaussian rows average, 1 where a deviation begins to matter; "
    "free of the number of rows",
    "axes": "each coordinate by itself",
    "random projections": "directions uniform on the sphere (in options: random)",
    "principal components": "the first 32 of each half of the rows, tested on the other half (pca)",
    "whitened lengths": "distances from the mean once all variances are one: the thin shell "
    "(norms)",
    "random subspaces": "whitened lengths within 1, 2, 4, ... 64 random dimensions (marginals)",
    "whitened directions": "where whitened rows point: evenly spread if Gaussian (sphere)",
    "learned directions": "the least Gaussian ones found on one half of the rows, tested on the "
    "other: lower bounds, that rise with n",
    "on average, except": "the mean over directions is below the limit, the named ones are beyond; "
    "of most: where these few bring the mean over it, that of the others is below",
    "inconclusive": "the interval holds the limit, too few rows are independent, or no learned "
    "direction stands out",
    "A*²": "Anderson-Darling distance of a direction from its best-fit normal; 0.385 on average "
    "for normal rows, 0.752 is the 5 % point",
    "shell A²": "the same distance of whitened lengths from their exact law",
    "energy N": "energy distance of directions from uniformity",
    "projections (claim)": "axes and random projections are Gaussian on average",
    "norms (claim)": "lengths vary no more than those of a Gaussian with this mean and covariance",
    "sphere (claim)": "rows divided by their lengths are uniform on the sphere, as they stand",
    "independent rows": "rows that would say as much about a mean if neighbours were not alike",
    "rank": "dimensions in which rows vary beyond rounding",
    "effective rank": "exp of the entropy of the eigenvalues' shares of the variance",
    "RankMe": "the same of the singular values of the rows, with their mean",
    "participation ratio": "(Σλ)²/Σλ² of the eigenvalues λ of the covariance",
    "α-ReQ": "a in λᵢ ~ i^(−a): how fast the eigenvalues fall",
    "Holm": "a correction that bounds the chance of any false rejection over all directions",
    "n, d": "rows, dimensions",
}
"""Definitions, in the order in which a reader meets the terms."""


def show_terms() -> None:
    """Print what each term means."""
    out = console()
    width = max(map(len, TERMS)) + 2
    for term, meaning in TERMS.items():
        out.print(Text.assemble((f"{term:<{width}}", "bold"), meaning), soft_wrap=False)
