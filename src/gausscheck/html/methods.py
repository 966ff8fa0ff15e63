"""The methods text of a paper and the command that makes the report again."""

from __future__ import annotations

import shlex
from dataclasses import fields

from gausscheck.config import Config
from gausscheck.report import Report, SubspaceLevel

_LIBRARY_ONLY = {"groups", "confidence", "alpha", "worst"}
"""Options without one on the command line."""


def command(report: Report) -> str:
    """Return what makes this report again: a command, or Python for rows that were in memory."""
    given = {
        f.name: value
        for f in fields(Config)
        if (value := getattr(report.config, f.name)) != f.default
    }
    uri = str(report.source.uri)
    if uri.startswith("<") or _LIBRARY_ONLY & given.keys():
        source = "rows" if uri.startswith("<") else repr(uri)
        keywords = "".join(f", {name}={value!r}" for name, value in given.items())
        return f"gausscheck.analyze({source}{keywords})"
    parts = ["gausscheck", "analyze", uri]
    for name, value in given.items():
        if value is False:
            parts.append("--no-" + name.replace("_", "-"))
        else:
            parts += ["--" + name.replace("_", "-"), *([] if value is True else [str(value)])]
    return shlex.join(parts)


def methods(report: Report) -> str:
    """Return a paragraph for the methods section of a paper, with the numbers of this report."""
    config, source = report.config, report.source
    directions = ", ".join(
        f"{level.directions:,} {_FAMILIES.get(name, name)}"
        for name, level in report.directional.items()
    )
    said = [
        f"We audited {source.n:,} embeddings of {source.d:,} dimensions with gausscheck "
        f"{report.version} (preparation: {config.normalize}; seed {config.seed}).",
    ]
    if directions:
        said.append(
            f"Rows were projected on {directions}. Along each direction we took the "
            "Anderson-Darling statistic with mean and variance fitted, A*² (Stephens 1974); its "
            f"mean over a family is reported as it would come out at {config.reference:,} rows, "
            "whatever the number of rows at hand, in units of the limit, where 0 is the mean "
            "under normality and 1 the 5 % point."
        )
    if any(isinstance(level, SubspaceLevel) for level in report.levels.values()):
        said.append(
            "Random subspaces and whitened norms were compared with the exact law of squared "
            "whitened lengths in sample, n s/(n − 1)² ~ Beta(k/2, (n − k − 1)/2)."
        )
    if report.use is not None:
        said.append(
            "False-alarm rates are shares of rows whose squared whitened length lies beyond the "
            "5, 1 and 0.1 % quantiles of that law, with all components and among the k leading "
            "ones; their intervals are Jeffreys' at the effective number of rows of a jackknife "
            "that fits the whitening anew."
        )
    said.append(
        f"Intervals are at {config.confidence:.0%}, by the delete-a-group jackknife with "
        f"{config.groups} groups. A level counts as Gaussian where its interval lies below the "
        "limit, as not Gaussian where it lies above, else as inconclusive."
    )
    return " ".join(said)


_FAMILIES = {
    "axes": "coordinate axes",
    "random": "random directions",
    "pca": "principal components",
    "learned": "directions learned on one half of the rows and tested on the other",
    "file": "given directions",
}
