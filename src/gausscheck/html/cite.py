"""What to cite, as BibTeX."""

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
