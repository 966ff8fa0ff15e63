"""The result of scaling: points, fits, and the laws beside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gausscheck.core import __version__
from gausscheck.files import plain, save_result

if TYPE_CHECKING:
    import pandas as pd

from gausscheck.core import F64

TITLES = {
    "ad_discrepancy": "squared distance δ",
    "kolmogorov": "Kolmogorov distance",
    "excess_kurtosis": "excess kurtosis",
    "norm_cv": "CV of the norms",
    "cosine_sd": "sd of the cosine",
    "effective_rank": "effective rank",
    "shell_discrepancy": "shell δ of whitened norms",
    "sphere_discrepancy": "sphere δ of whitened rows",
}
"""Statistics, in the order of tables."""

LAWS: dict[str, dict[str, Any]] = {
    "ad_discrepancy": {"slope": -2.0, "constant": 0.061, "law": "sphere", "gaussian": 0.0},
    "kolmogorov": {"slope": -1.0, "constant": 0.138, "law": "sphere", "gaussian": 0.0},
    "excess_kurtosis": {"slope": -1.0, "constant": -6.0, "law": "sphere", "gaussian": 0.0},
    "norm_cv": {"slope": -0.5, "constant": 0.5**0.5, "law": "Gaussian"},
    "cosine_sd": {"slope": -0.5, "constant": 1.0, "law": "sphere and Gaussian"},
    "effective_rank": {"slope": 1.0, "constant": 1.0, "law": "sphere and Gaussian"},
    "shell_discrepancy": {"gaussian": 0.0},
    "sphere_discrepancy": {"gaussian": 0.0},
}
"""Laws against d. ``law`` names whose they are; a true Gaussian has ``gaussian``."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """Statistics against a size, and the slope of each.

    Attributes
    ----------
    by : str
        ``d`` (files or prefixes), ``k`` (random subspaces) or ``n`` (rows).
    points : tuple of dict
        One a size: ``size``, ``label``, ``n``, ``d``, and per statistic value, low and high.
    fits : dict
        Per statistic ``slope``, ``slope_ci``, ``constant`` and ``points`` of the law constant ·
        size^slope, or the reason why there is none.
    theory : dict
        Per statistic the laws of the sphere and of the Gaussian: ``slope`` and ``constant``.
    notes : tuple of str
    """

    by: str
    points: tuple[dict[str, Any], ...]
    fits: dict[str, dict[str, Any]]
    theory: dict[str, dict[str, Any]]
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; what is not finite becomes None."""
        return {
            "schema": "gausscheck.scaling",
            "schema_version": [1, 0],
            "gausscheck_version": __version__,
            "by": self.by,
            "points": plain(self.points, "points", []),
            "fits": plain(self.fits, "fits", []),
            "theory": plain(self.theory, "theory", []),
            "notes": list(self.notes),
        }

    def save(self, directory: str | Path) -> Path:
        """Write scaling.json and scaling.npz (one column a statistic): both or neither appear."""
        arrays = {name: self.column(name) for name in TITLES}
        return save_result(directory, "scaling", self.to_dict(), {**arrays, "size": self.sizes})

    @property
    def sizes(self) -> F64:
        """The size of each point."""
        return np.array([point["size"] for point in self.points], dtype=float)

    def column(self, name: str) -> F64:
        """Value, low and high of a statistic at each point, ``(points, 3)``; NaN where absent."""
        missing = (np.nan, np.nan, np.nan)
        return np.array(
            [point["values"].get(name) or missing for point in self.points], dtype=float
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a point and statistic."""
        import pandas as pd

        rows = [
            {"size": p["size"], "label": p["label"], "statistic": name, "value": v[0], "low": v[1],
             "high": v[2]}
            for p in self.points for name, v in p["values"].items()
        ]  # fmt: skip
        return pd.DataFrame(rows)
