"""What a comparison says of one model: what its tables, figure and page need of the report."""

from __future__ import annotations

from dataclasses import dataclass

from gausscheck.comparison.models import Model
from gausscheck.comparison.quantities import QUANTITIES, Cell, cell_of, learned_of
from gausscheck.report import Claims, PaperTable, SourceInfo, Status
from gausscheck.report.use import UseCurvePoint


@dataclass(frozen=True, slots=True)
class Compared:
    """A model in a comparison.

    Attributes
    ----------
    name : str
    source : SourceInfo
        Where its rows came from.
    unit_rows : bool
        Whether rows have length one, or were given it.
    status : str
        Of its report.
    claims : Claims
        Of its report.
    learned_directions : str
        How many learned directions deviate, such as ``3 of 20``; empty where none were learned.
    values : dict of str to Cell
        By quantity; those that the report has.
    use_curve : tuple of UseCurvePoint
        Empty where the report has none.
    paper_table : PaperTable
    """

    name: str
    source: SourceInfo
    unit_rows: bool
    status: Status
    claims: Claims
    learned_directions: str
    values: dict[str, Cell]
    use_curve: tuple[UseCurvePoint, ...]
    paper_table: PaperTable


def compared(model: Model) -> Compared:
    """Take from a model's report what a comparison says."""
    report = model.report
    cells = {name: cell_of(report, name) for name in QUANTITIES}
    return Compared(
        name=model.name,
        source=report.source,
        unit_rows=report.preflight.constant_norm,
        status=report.verdict.status,
        claims=report.verdict.claims,
        learned_directions=learned_of(report),
        values={name: cell for name, cell in cells.items() if cell is not None},
        use_curve=() if report.use is None else report.use.curve,
        paper_table=report.paper_table,
    )
