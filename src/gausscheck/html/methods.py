"""The methods text of a paper and the command that makes the report again."""

from __future__ import annotations

import shlex
from dataclasses import fields

from gausscheck.config import AD_THRESHOLD, Config
from gausscheck.report import Report

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
            f"under normality and 1 its 5 % point, {AD_THRESHOLD}. Directions beyond the limit by "
            "their own bound (Holm over a family) are named."
        )
    joint = [words for name, words in _JOINT.items() if name in report.levels]
    if joint or report.use is not None:
        said.append(
            "The exact law of squared whitened lengths s in sample is "
            "n s/(n − 1)² ~ Beta(k/2, (n − k − 1)/2) in k dimensions."
        )
    said += joint
    if report.use is not None:
        said.append(
            "False-alarm rates are shares of rows whose squared whitened length lies beyond the "
            "5, 1 and 0.1 % quantiles of that law, with all components and among the k leading "
            "ones; their intervals are Jeffreys' at the effective number of rows of a jackknife "
            "that fits the whitening anew."
        )
    if report.preflight.constant_norm:
        said.append(
            "Rows have one length: whitened lengths and rates are held against Gaussian rows with "
            "this mean and covariance divided by their lengths."
        )
    said.append(
        f"Intervals are at {config.confidence:.0%}, by the delete-a-group jackknife with "
        f"{_groups(report)}. A level counts as Gaussian where its interval lies below the "
        "limit, as not Gaussian where it lies above, else as inconclusive; where a mean below "
        "the limit hides directions beyond it, it is Gaussian on average, with exceptions."
    )
    return " ".join(said)


def _groups(report: Report) -> str:
    """Say what the jackknife leaves out."""
    most = report.config.groups
    if report.config.groups_by is not None:
        return f"up to {most} groups of whole clusters ({report.config.groups_by})"
    noticed = {found.kind for found in report.noticed}
    if "serial_dependence" in noticed:
        return f"{most} blocks of neighbouring rows, which are alike"
    if report.why_no_pvalues is not None and "near_duplicates" in noticed:
        return f"{most} groups that keep rows together which nearly equal each other"
    return f"{most} random groups"


_JOINT = {
    "norms": "Whitened lengths were compared with it by the Anderson-Darling statistic of their "
    "probability transforms.",
    "marginals": "So were those within random subspaces of 1 to 64 dimensions, the worst dimension "
    "counting.",
    "sphere": "Directions of whitened rows were compared with the uniform law on the sphere by the "
    "energy statistic without its first two harmonics.",
}
"""What is said of each joint level, in the order of a report's."""

_FAMILIES = {
    "axes": "coordinate axes",
    "random": "random directions",
    "pca": "principal components (those of one half of the rows tested on the other)",
    "learned": "directions learned on one half of the rows and tested on the other",
    "file": "given directions",
}
