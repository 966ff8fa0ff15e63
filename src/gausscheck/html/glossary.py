"""Terms of the page in a line each, those of the screens first, and what to cite."""

from __future__ import annotations

from gausscheck.terminal.explain import TERMS

_MORE = {
    "rank": "dimensions in which rows vary beyond rounding",
    "effective rank": "exp of the entropy of the eigenvalues' shares of the variance",
    "RankMe": "the same of the singular values of the rows, with their mean",
    "participation ratio": "(Σλ)²/Σλ² of the eigenvalues λ of the covariance",
    "α-ReQ": "a in λᵢ ~ i^(−a): how fast the eigenvalues fall",
    "Holm": "a correction that bounds the chance of any false rejection over all directions",
    "n, d": "rows, dimensions",
}


def glossary() -> dict[str, str]:
    """Return what each term means."""
    return TERMS | _MORE


BIBTEX = """@software{{gausscheck,
  title   = {{gausscheck: audit embeddings for Gaussian structure}},
  author  = {{{{The gausscheck contributors}}}},
  version = {{{version}}}
}}

@inproceedings{{betser2026infonce,
  title     = {{{{InfoNCE}} Induces {{Gaussian}} Distribution}},
  author    = {{Betser and Gofer and Levi and Gilboa}},
  booktitle = {{International Conference on Learning Representations}},
  year      = {{2026}},
  note      = {{arXiv:2602.24012}}
}}

@article{{stephens1974edf,
  title   = {{{{EDF}} Statistics for Goodness of Fit and Some Comparisons}},
  author  = {{Stephens, M. A.}},
  journal = {{Journal of the American Statistical Association}},
  volume  = {{69}},
  pages   = {{730--737}},
  year    = {{1974}}
}}
"""
