"""What repair found: false alarms on held-out rows under each remedy, and which to take."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gausscheck.core import __version__
from gausscheck.files import atomic_folder
from gausscheck.report.codec import encode
from gausscheck.report.use import KEYS, ONE, Interval, Rate

if TYPE_CHECKING:
    import pandas as pd

SCHEMA, SCHEMA_VERSION = "gausscheck.repair", (1, 0)

Kind = Literal["none", "prepare", "calibrate"]
Finding = Literal["nothing_to_repair", "prepare", "calibrate", "none_helps"]
Split = Literal["random", "blocks", "groups"]


@dataclass(frozen=True, slots=True)
class Change:
    """What a remedy adds to a false-alarm rate, measured on the same held-out rows.

    ``ci`` is Student's interval over the splits, for rows that are shared between them.
    """

    value: float
    ci: Interval


@dataclass(frozen=True, slots=True)
class Remedy:
    """One thing that can be done, and what thresholds then do on rows that it has not seen.

    Attributes
    ----------
    name : str
        ``as_is``, ``affine``, ``unit``, ``centre_unit``, ``shrink``, ``drop_K``, ``keep_K``,
        ``conformal``, ``radial``.
    title : str
    kind : {"none", "prepare", "calibrate"}
        What is changed: nothing that counts, the rows, or the threshold.
    components : int
        Whitened components that distances are taken in.
    false_alarm : dict of str to Rate
        Share of held-out rows beyond the thresholds for 5, 1 and .1 %, by level. ``ci``: Jeffreys'
        at the effective number of rows that the variance between splits leaves.
    change : dict of str to Change
        Less the rate of the rows as they are.
    masked : bool
        More components than half the rows behind the covariance: thresholds then hold whatever
        the rows, and it does not count.
    told : tuple of str
        Levels that can be told: all by a law, by ranks those of 1/(G + 1) or more.
    holds_at : tuple of str
        Those at which the rate is within a factor of two of nominal, or its interval holds the
        nominal one.
    """

    name: str
    title: str
    kind: Kind
    components: int
    false_alarm: dict[str, Rate]
    change: dict[str, Change]
    masked: bool
    told: tuple[str, ...]
    holds_at: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether thresholds hold at every level that can be told, 1 % among them."""
        return ONE in self.told and self.holds_at == self.told


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """Which remedy helps.

    Attributes
    ----------
    uri : str
    n, d : int
        Rows measured, and dimensions.
    folds, repeats : int
        Rows were split into so many folds, so many times; each fold was held out once a time.
    split : {"random", "blocks", "groups"}
        What a fold is made of: rows at random, blocks of neighbouring rows, or whole groups.
    remedies : tuple of Remedy
        The rows as they are first, then from the mildest preparation to new thresholds.
    recommended : str or None
        Name of the first that holds; None where none does.
    finding : {"nothing_to_repair", "prepare", "calibrate", "none_helps"}
    sentence : str
        The same in words.
    notes : tuple of str
    """

    uri: str
    n: int
    d: int
    folds: int
    repeats: int
    split: Split
    remedies: tuple[Remedy, ...]
    recommended: str | None
    finding: Finding
    sentence: str
    notes: tuple[str, ...]

    def __getitem__(self, name: str) -> Remedy:
        """Return a remedy by name. Raises KeyError if there is none."""
        for remedy in self.remedies:
            if remedy.name == name:
                return remedy
        raise KeyError(f"expected one of {', '.join(r.name for r in self.remedies)}, got {name!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "schema": SCHEMA,
            "schema_version": list(SCHEMA_VERSION),
            "gausscheck_version": __version__,
            **{f.name: encode(getattr(self, f.name)) for f in fields(self)},
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row a remedy: rates in columns by level, with ``_low`` and ``_high``."""
        import pandas as pd

        rows = []
        for remedy in self.remedies:
            row: dict[str, Any] = {
                "remedy": remedy.name, "components": remedy.components, "holds": remedy.holds,
            }  # fmt: skip
            for key in KEYS:
                rate, change = remedy.false_alarm[key], remedy.change[key]
                row |= {
                    key: rate.value, f"{key}_low": rate.ci[0], f"{key}_high": rate.ci[1],
                    f"{key}_change": change.value,
                }  # fmt: skip
            rows.append(row)
        return pd.DataFrame(rows)

    def save(self, directory: str | Path) -> Path:
        """Write repair.json.

        Raises
        ------
        GausscheckError
            If the directory cannot be written.
        """
        text = json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n"
        with atomic_folder(directory, "repair") as work:
            (work / "repair.json").write_text(text, encoding="utf-8")
        return Path(directory)
