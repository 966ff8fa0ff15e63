"""Terms of the page, one sentence or two each, and what to cite."""

GLOSSARY: tuple[tuple[str, str], ...] = (
    ("false-alarm rate", "Share of rows beyond a threshold that a Gaussian law sets. Gaussian rows "
     "give the nominal rate at any number of rows and dimensions, for the law allows for a mean "
     "and a covariance fitted to the same rows."),
    ("whitened length", "Length of a row after the mean is subtracted and the covariance made the "
     "identity; its square is the squared Mahalanobis distance."),
    ("leading components", "Principal components, largest variance first."),
    ("radial KL", "Log-likelihood that a Gaussian model loses in the lengths alone, in nats a row: "
     "a lower bound on what it loses in all."),
    ("normalised Gaussian twin", "Rows drawn from the Gaussian law with the same mean and "
     "covariance, each divided by its length: what normalisation alone does to a rate."),
    ("A*²", "The Anderson-Darling statistic with fitted mean and variance, modified for the number "
     "of rows; 0.752 is its 5 % point under normality."),
    ("times the limit", "(value − Gaussian mean) / (limit − Gaussian mean): 0 is Gaussian, 1 the "
     "limit. It estimates a property of the law of the rows and does not grow with their number."),
    ("level", "One way to look at the rows: along axes, random projections, principal components "
     "or learned directions, in random subspaces, by whitened norms, by whitened directions."),
    ("learned directions", "Directions searched on one half of the rows to be as non-Gaussian as "
     "possible and measured on the other half. Their numbers are lower bounds that rise with the "
     "number of rows."),
    ("inconclusive", "The interval spans the limit: these rows cannot tell."),
    ("on average, with exceptions", "The mean over directions lies below the limit, but not every "
     "direction does; those that do not are named."),
    ("shell A²", "The Anderson-Darling statistic of squared whitened lengths against their exact "
     "law."),
    ("effective rank", "exp of the entropy of the eigenvalues' shares of the variance."),
    ("participation ratio", "(Σλ)²/Σλ² of the eigenvalues λ of the covariance."),
    ("Holm", "A correction that keeps the chance of any false rejection over all directions at the "
     "stated level."),
    ("n", "Rows."),
    ("d", "Dimensions."),
)  # fmt: skip

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
