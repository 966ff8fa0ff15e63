"""The result of a comparison: models, what orders them, differences, and its files."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gausscheck.comparison.compared import Compared
from gausscheck.comparison.differences import Difference
from gausscheck.comparison.models import comparable
from gausscheck.comparison.paired import Pairing
from gausscheck.comparison.quantities import QUANTITIES, Cell, order_of
from gausscheck.comparison.two_samples import TwoSamples
from gausscheck.core import GausscheckError, __version__
from gausscheck.files import atomic_folder
from gausscheck.presenters import presenter
from gausscheck.report import Report
from gausscheck.report.codec import encode

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

SCHEMA, SCHEMA_VERSION = "gausscheck.comparison", (1, 0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # reports hold arrays
class Comparison:
    """Models side by side.

    Attributes
    ----------
    models : tuple of Compared
        What is said of each, as they were given.
    baseline : str or None
        What the others are compared with; None where each is compared with each.
    confidence : float
        Of every interval by itself.
    differences : tuple of Difference
        Of every quantity that two models have.
    pairing : Pairing or None
        What paired differences rest on; None where rows do not correspond.
    two_samples : tuple of TwoSamples
        Where the models are said to be samples of one space.
    not_applicable : dict of str to str
        What was left out, and why.
    warnings : tuple of str
        In what the reports differ beside the models.
    version : str
        Of the gausscheck that compared.
    reports : dict of str to Report
        By model; empty where the comparison was loaded, as its files do not hold them.
    """

    models: tuple[Compared, ...]
    baseline: str | None
    confidence: float
    differences: tuple[Difference, ...]
    pairing: Pairing | None
    two_samples: tuple[TwoSamples, ...]
    not_applicable: dict[str, str]
    warnings: tuple[str, ...]
    version: str = __version__
    reports: dict[str, Report] = field(default_factory=dict)

    def cells(self, quantity: str) -> dict[str, Cell]:
        """Return each model's value of a quantity; models without one are left out."""
        return {m.name: m.values[quantity] for m in self.models if quantity in m.values}

    @property
    def quantities(self) -> tuple[str, ...]:
        """Quantities that some model has: use first, then rungs from weak to strong."""
        return tuple(name for name in QUANTITIES if self.cells(name))

    @property
    def order(self) -> dict[str, tuple[tuple[str, ...], ...]]:
        """By quantity the models, nearest to Gaussian first; those that are tied in one group."""
        return {
            name: order_of(name, self.cells(name))
            for name in self.quantities
            if comparable([m.unit_rows for m in self.models], name, self.cells(name).values())
        }

    @property
    def worse(self) -> tuple[Difference, ...]:
        """Differences that say a model is worse than the baseline, by more than a trifle."""
        return tuple(d for d in self.differences if d.worse and d.k is None)

    def difference(self, quantity: str, model: str, baseline: str, k: int | None = None
    ) -> Difference:  # fmt: skip
        """Return one difference.

        Raises
        ------
        GausscheckError
            If there is none.
        """
        for found in self.differences:
            if (found.quantity, found.model, found.baseline, found.k) == (
                quantity, model, baseline, k
            ):  # fmt: skip
                return found
        raise GausscheckError(
            f"difference: expected a quantity out of {', '.join(self.quantities)} and two models "
            f"out of {', '.join(m.name for m in self.models)}, got {quantity!r} of {model!r} and "
            f"{baseline!r}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; what is not finite becomes None."""
        told = [f.name for f in fields(self) if f.name not in ("version", "reports")]
        return {
            "schema": SCHEMA,
            "schema_version": list(SCHEMA_VERSION),
            "gausscheck_version": self.version,
            "order": encode(self.order),
            **{name: encode(getattr(self, name)) for name in told},
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row a model and three columns a quantity: value, ``_low`` and ``_high``."""
        import pandas as pd

        rows = []
        for m in self.models:
            row: dict[str, Any] = {
                "model": m.name, "n": m.source.n, "d": m.source.d, "status": m.status,
            }  # fmt: skip
            for name in self.quantities:
                cell = m.values.get(name)
                low, high = (None, None) if cell is None else cell.ci
                row |= {
                    name: None if cell is None else cell.value,
                    f"{name}_low": low,
                    f"{name}_high": high,
                }
            rows.append(row)
        return pd.DataFrame(rows)

    def differences_frame(self) -> pd.DataFrame:
        """Return one row a difference."""
        import pandas as pd

        rows = []
        for d in self.differences:
            row = {f.name: getattr(d, f.name) for f in fields(d) if f.name != "ci"}
            rows.append(row | {"low": d.ci[0], "high": d.ci[1]})
        return pd.DataFrame(rows)

    def save(self, directory: str | Path) -> Path:
        """Write comparison.json, .md, .tex and .csv: all of them appear, or none.

        Raises
        ------
        GausscheckError
            If the directory cannot be written.
        """
        with atomic_folder(directory, "comparison") as work:
            presenter("comparison files")(self, work)
        return Path(directory)

    def plot(self, name: str = "comparison") -> Figure:
        """Return its figure: ``gausscheck.figures.plot``."""
        figure: Figure = presenter("figure")(self, name)
        return figure

    def __repr__(self) -> str:
        """Return the tables as Markdown."""
        text: str = presenter("comparison text")(self)
        return text

    def _repr_html_(self) -> str:
        """Render the tables for a notebook."""
        text: str = presenter("comparison notebook")(self)
        return text
