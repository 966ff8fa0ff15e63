"""The report of an audit as one frozen value, and its two files: report.json and report.npz."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gausscheck.config import Config
from gausscheck.preparation import Preparation
from gausscheck.presenters import presenter
from gausscheck.report.claims import IsotropicResult, SphereClaim
from gausscheck.report.codec import Arrays
from gausscheck.report.levels import (
    DirectionalLevel,
    DirectionTest,
    JointLevel,
    LearnedLevel,
    Level,
    SubspaceLevel,
)
from gausscheck.report.noticed import Noticed
from gausscheck.report.save import named_arrays, plain_values, save_report
from gausscheck.report.sections import (
    Groups,
    Norms,
    PaperTable,
    Preflight,
    SourceInfo,
    Spectrum,
    Verdict,
)
from gausscheck.report.use import Use

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

KINDS: dict[str, type[Level]] = {
    "directional": DirectionalLevel,
    "learned": LearnedLevel,
    "subspaces": SubspaceLevel,
    "joint": JointLevel,
}
"""The class of a level by its ``kind``."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # holds arrays
class Report:
    """What an audit found.

    Attributes
    ----------
    source : SourceInfo
        Where the rows came from.
    config : Config
        Every option, as used.
    verdict : Verdict
        The answer.
    use : Use or None
        What happens if the rows are treated as Gaussian.
    noticed : tuple of Noticed
        What was noticed in the data before any number, most telling first.
    preflight : Preflight
        What is wrong with rows and coordinates.
    levels : dict of str to Level
        Each way to look at the rows.
    outcomes : dict of str to dict
        Per directional level and test: how many directions reject.
    paper_table : PaperTable
        The table of the paper.
    norms : Norms
        Lengths of the rows.
    sphere_claim : SphereClaim or None
        Whether the rows, divided by their lengths, are uniform on the sphere.
    isotropic : IsotropicResult or None
        With ``null="isotropic"``: mean 0 and a multiple of the identity, known, not fitted.
    spectrum : Spectrum
        Effective rank and its companions.
    groups : Groups or None
        Audits of labels, where they were asked for.
    not_applicable : dict of str to str
        Levels left out, and why.
    preparation : Preparation
        The fitted map of rows, to apply to other rows.
    version : str
        Of the gausscheck that wrote it.
    """

    source: SourceInfo
    config: Config
    verdict: Verdict
    preflight: Preflight
    levels: dict[str, Level]
    outcomes: dict[str, dict[str, DirectionTest]]
    paper_table: PaperTable
    norms: Norms
    spectrum: Spectrum
    preparation: Preparation
    use: Use | None = None
    noticed: tuple[Noticed, ...] = ()
    sphere_claim: SphereClaim | None = None
    isotropic: IsotropicResult | None = None
    groups: Groups | None = None
    not_applicable: dict[str, str] = field(default_factory=dict)
    version: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the content of report.json: plain values; what is not finite becomes None."""
        return plain_values(self)

    def arrays(self) -> Arrays:
        """Return the content of report.npz: each array by the path of its field."""
        return named_arrays(self)

    @property
    def directional(self) -> dict[str, DirectionalLevel]:
        """The levels that are families of directions."""
        return {k: v for k, v in self.levels.items() if isinstance(v, DirectionalLevel)}

    @property
    def why_no_pvalues(self) -> str | None:
        """Why no test of directions has a p-value; None where one has."""
        tests = [test for level in self.outcomes.values() for test in level.values()]
        if not tests or any(test.tested is not None for test in tests):
            return None
        return next((test.notes[-1] for test in tests if test.notes), "no p-value at this n and d")

    def to_frame(self) -> pd.DataFrame:
        """Return one row a direction: level, direction, effect sizes, statistics and p-values."""
        import pandas as pd

        frames = [
            pd.DataFrame({"level": name, **level.table}) for name, level in self.directional.items()
        ]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"level": []})

    def levels_frame(self) -> pd.DataFrame:
        """Return one row a level: the fields that every level has."""
        import pandas as pd

        names = [f.name for f in fields(Level)]
        rows = [
            {"level": name, **{key: getattr(level, key) for key in names}}
            for name, level in self.levels.items()
        ]
        return pd.DataFrame(rows, columns=["level", *names])

    def save(self, directory: str | Path) -> Path:
        """Write report.json and report.npz: both or neither appear.

        Raises
        ------
        GausscheckError
            If the directory cannot be written.
        """
        return save_report(self, directory)

    def __repr__(self) -> str:
        """One line a level, then the verdict."""
        lines = [f"gausscheck report: {self.source.uri} ({self.source.n:,} rows)"]
        lines += [f"  {name:<10} {_line(level)}" for name, level in self.levels.items()]
        return "\n".join([*lines, f"  {self.verdict.summary}"])

    def plot(self, name: str) -> Figure:
        """Return one figure, such as ``use`` or ``verdict``: ``gausscheck.figures.plot``."""
        figure: Figure = presenter("figure")(self, name)
        return figure

    def _repr_html_(self) -> str:
        """Return the first blocks of the page, for a notebook."""
        page: str = presenter("report notebook")(self)
        return page


def _line(level: Level) -> str:
    return (
        f"{level.status:<13} {level.statistic} at {level.reference:,} rows "
        f"{_number(level.value)} {_span(level.value_ci)}"
    )


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"


def _span(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else f"[{interval[0]:.3f}, {interval[1]:.3f}]"


def level_class(cls: type, data: Mapping[str, Any]) -> type:
    """Return the class of a level by its ``kind``; other classes are what they are."""
    return KINDS.get(str(data.get("kind")), cls) if issubclass(cls, Level) else cls
