"""What scoring found: how many rows lie beyond thresholds, by which law, and which to believe."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from gausscheck.core import __version__
from gausscheck.report.codec import encode
from gausscheck.report.use import Interval, Rate

SCHEMA, SCHEMA_VERSION = "gausscheck.scores", (1, 0)

Believe = Literal["gaussian", "conformal", "neither"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Scores of new rows by a reference.

    Attributes
    ----------
    reference, new, out : str
        Where rows came from, and where their scores are.
    n, d : int
        New rows scored, and dimensions.
    components : int
        Whitened components that distances are taken in.
    fit_rows : int
        Rows of the reference behind mean and covariance.
    calibration_rows, calibration_groups : int, int or None
        Rows held out for conformal ranks, and the groups they come in.
    shrinkage : float
        Intensity of shrinkage of the covariance.
    gaussian : dict of str to Rate
        Share of new rows whose Gaussian p-value is at most .05, .01, .001, by level, with Jeffreys'
        95 % interval for independent rows.
    conformal : dict of str to (Rate or None)
        The same by conformal p-values; None where the calibration rows tell no such level.
    expected : dict of str to (interval or None)
        Where ``conformal`` lies in 95 of 100 cases if new rows are like those of the reference:
        the calibration rows vary as well as the new ones. None with groups.
    false_alarm : Rate or None
        Share of the reference's own rows beyond the Gaussian 1 % threshold.
    believe : {"gaussian", "conformal", "neither"}
        ``gaussian``: both hold, and Gaussian p-values go below what ranks can tell. ``neither``:
        the Gaussian ones do not hold and ranks tell no level of 5 %.
    sentence : str
        Which to believe, in words.
    notes : tuple of str
    """

    reference: str
    new: str
    out: str
    n: int
    d: int
    components: int
    fit_rows: int
    calibration_rows: int
    calibration_groups: int | None
    shrinkage: float
    gaussian: dict[str, Rate]
    conformal: dict[str, Rate | None]
    expected: dict[str, Interval | None]
    false_alarm: Rate | None
    believe: Believe
    sentence: str
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "schema": SCHEMA,
            "schema_version": list(SCHEMA_VERSION),
            "gausscheck_version": __version__,
            **{f.name: encode(getattr(self, f.name)) for f in fields(self)},
        }
