"""The report of an audit, and its two files: ``report.json`` and ``report.npz``.

Numbers that people and programs read are in the JSON; arrays (per-direction statistics, what the
figures need, the fitted preparation) are in the .npz. Pickle is never written nor read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError, Verdict
from gausscheck.files import plain, save_result
from gausscheck.preparation import Preparation

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "gausscheck.report"
SCHEMA_VERSION = (1, 1)

_SECTIONS = (
    "source",
    "config",
    "preflight",
    "paper_table",
    "norms",
    "levels",
    "outcomes",
)

_LATER = ("spectrum", "groups", "not_applicable")
"""Sections that reports of schema 1.0 do not have."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an audit found.

    Attributes
    ----------
    source : dict
        uri, n, d, dtype.
    config : dict
        Every option, as used.
    preflight : dict
        Bad rows, dead coordinates, rank, normalisation; ``notes`` in words.
    paper_table : dict
        The field's table: ``raw``, ``unit`` and ``gaussian`` (its null), each with cv, ad_avg,
        ad_pass, dp_avg, dp_pass (shares between 0 and 1).
    norms : dict
        Coefficient of variation beside its Gaussian value.
    levels : dict
        Per level: status, effect sizes with intervals, worst directions. Joint levels have
        ``kind`` "joint".
    outcomes : dict
        Per level and test: calibration, n, and how many directions reject.
    verdict : Verdict
    spectrum : dict
        Effective rank and its companions, mean cosine, mean resultant length.
    groups : dict
        With ``group``: the number of ``labels``, and the table of each in ``shown``.
    not_applicable : dict
        Levels left out, and why.
    arrays : dict of str to array
        Per-direction values and figure data, keyed ``level/name``.
    """

    source: Mapping[str, Any]
    config: Mapping[str, Any]
    preflight: Mapping[str, Any]
    paper_table: Mapping[str, Any]
    norms: Mapping[str, Any]
    levels: Mapping[str, Any]
    outcomes: Mapping[str, Any]
    verdict: Verdict
    spectrum: Mapping[str, Any] = field(default_factory=dict)
    groups: Mapping[str, Any] = field(default_factory=dict)
    not_applicable: Mapping[str, str] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    version: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the content of report.json: plain values; what is not finite becomes None."""
        verdict = {
            "status": self.verdict.status,
            "worst_level": self.verdict.worst_level,
            "summary": self.verdict.summary,
            "levels": dict(self.verdict.levels),
        }
        body = {name: getattr(self, name) for name in (*_SECTIONS, *_LATER)}
        replaced: list[str] = []
        content = {key: plain(value, key, replaced) for key, value in body.items()}
        return {
            "schema": SCHEMA,
            "schema_version": list(SCHEMA_VERSION),
            "gausscheck_version": self.version,
            **content,
            "verdict": verdict,
            "notes": [f"not finite, written as null: {', '.join(replaced)}"] if replaced else [],
        }

    @property
    def directional(self) -> dict[str, Any]:
        """The levels that are families of directions."""
        return {k: v for k, v in self.levels.items() if v.get("kind") != "joint"}

    @property
    def preparation(self) -> Preparation:
        """The fitted map of rows, to apply to other rows."""
        names = ("kind", "mean", "matrix")
        return Preparation.from_arrays({k: self.arrays[f"preparation/{k}"] for k in names})

    def to_frame(self) -> pd.DataFrame:
        """Return one row a direction: level, direction, effect sizes, statistics and p-values."""
        import pandas as pd

        frames = []
        for level in self.directional:
            prefix = f"{level}/direction/"
            columns = {
                key.removeprefix(prefix): values
                for key, values in self.arrays.items()
                if key.startswith(prefix)
            }
            frame = pd.DataFrame({"level": level, **columns})
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    def save(self, directory: str | Path) -> Path:
        """Write report.json and report.npz: both or neither appear.

        Raises
        ------
        GausscheckError
            If the directory cannot be written.
        """
        return save_result(directory, "report", self.to_dict(), self.arrays)

    def __repr__(self) -> str:
        """One line a level, then the verdict."""
        lines = [f"gausscheck report: {self.source['uri']} ({self.source['n']:,} rows)"]
        for level, found in self.levels.items():
            low, high = found["ad_at_reference_ci"]
            statistic = found.get("statistic", "A*²")
            lines.append(
                f"  {level:<10} {found['status']:<13} {statistic} at {found['reference']:,} rows "
                f"{found['ad_at_reference']:.3f} [{low:.3f}, {high:.3f}]"
            )
        return "\n".join([*lines, f"  {self.verdict.summary}"])

    def _repr_html_(self) -> str:
        """Render the levels and the verdict for a notebook."""
        from html import escape

        rows = "".join(
            f"<tr><td>{escape(level)}</td><td>{escape(found['status'])}</td>"
            f"<td>{found['ad_at_reference']:.3f}</td>"
            f"<td>[{found['ad_at_reference_ci'][0]:.3f}, "
            f"{found['ad_at_reference_ci'][1]:.3f}]</td></tr>"
            for level, found in self.levels.items()
        )
        head = "<tr><th>level</th><th>status</th><th>A*² at reference</th><th>interval</th></tr>"
        return (
            f"<b>{escape(str(self.source['uri']))}</b><table>{head}{rows}</table>"
            f"<p>{escape(self.verdict.summary)}</p>"
        )


def load_report(directory: str | Path) -> Report:
    """Read a report that :meth:`Report.save` wrote.

    Parameters
    ----------
    directory : path
        The folder with report.json and report.npz, or the JSON file itself.

    Raises
    ------
    GausscheckError
        If the files are missing or damaged, or a newer gausscheck wrote them.
    """
    directory = Path(directory)
    if directory.name == "report.json":
        directory = directory.parent
    path = directory / "report.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as err:
        raise GausscheckError(
            f"{path}: expected a report, found none; make one with gausscheck analyze --out"
        ) from err
    except (OSError, ValueError) as err:
        raise GausscheckError(f"{path}: expected a JSON report: {err}") from err
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise GausscheckError(f"{path}: expected schema {SCHEMA}, got another kind of JSON")
    version = data.get("schema_version")
    if not isinstance(version, list) or not version or not isinstance(version[0], int):
        raise GausscheckError(f"{path}: expected schema_version [major, minor], got {version}")
    if version[0] > SCHEMA_VERSION[0]:
        raise GausscheckError(
            f"{path}: schema version {version[0]} is newer than {SCHEMA_VERSION[0]}, which this "
            "gausscheck reads; upgrade with pip install -U gausscheck"
        )
    try:
        with np.load(directory / "report.npz", allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError) as err:
        raise GausscheckError(f"{directory / 'report.npz'}: expected its arrays: {err}") from err
    missing = [name for name in (*_SECTIONS, "verdict") if name not in data]
    if missing:
        raise GausscheckError(f"{path}: the report lacks {', '.join(missing)}; write it again")
    sections = {name: data[name] for name in _SECTIONS}
    sections |= {name: data.get(name, {}) for name in _LATER}
    return Report(
        **sections,
        verdict=Verdict(**data["verdict"]),
        arrays=arrays,
        version=data.get("gausscheck_version", ""),
    )
