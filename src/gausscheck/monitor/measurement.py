"""What a monitor measured: sections of a report, and the same as plain numbers for a logger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gausscheck.audit.verdict import RANK
from gausscheck.report import Level, Norms, Report, Spectrum, Status, Use
from gausscheck.report.use import Rate, SafeComponents

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a monitor measured. Values are those that ``analyze`` reports of the same rows.

    Attributes
    ----------
    seen : int
        Rows that the monitor was given.
    rows : int
        Rows in its sample, which everything below is about.
    status : {"gaussian", "gaussian_except", "inconclusive", "not_gaussian"}
        That of the worst level measured.
    false_alarm : dict of str to Rate
        Share of rows beyond Gaussian outlier thresholds of level "0.05", "0.01", "0.001"; empty
        where there are too few rows to tell.
    safe_components : SafeComponents or None
        Leading components up to which the 1 % threshold flags at most 2 %.
    levels : dict of str to Level
        ``axes`` and whatever else was asked for: value, times_limit, status.
    norms : Norms
        Coefficient of variation of the lengths, ``cv``, with its interval and Gaussian value.
    rankme : float or None
        Effective rank: exp of the entropy of the rows' singular values, not centred.
    rankme_ci : (float, float) or None
    report : Report
        The whole report of these rows.
    """

    seen: int
    rows: int
    status: Status
    false_alarm: dict[str, Rate]
    safe_components: SafeComponents | None
    levels: dict[str, Level]
    norms: Norms
    rankme: float | None
    rankme_ci: Interval | None
    report: Report = field(repr=False)

    @classmethod
    def of(cls, report: Report, seen: int) -> Measurement:
        """Take from a report what a monitor shows."""
        use: Use | None = report.use
        spectrum: Spectrum = report.spectrum
        return cls(
            seen=seen,
            rows=report.source.n,
            status=report.verdict.status,
            false_alarm={} if use is None else use.false_alarm,
            safe_components=None if use is None else use.safe_components,
            levels=report.levels,
            norms=report.norms,
            rankme=spectrum.rankme,
            rankme_ci=spectrum.rankme_ci,
            report=report,
        )

    def metrics(self, prefix: str = "gaussian/") -> dict[str, float]:
        """Return the numbers by name, for a logger.

        Parameters
        ----------
        prefix : str
            Put before each name.

        Returns
        -------
        dict of str to float
            ``false_alarm_0.05``, ``false_alarm_0.01``, ``false_alarm_0.001``; ``safe_components``;
            of each level ``axes`` (value) and ``axes_times_limit``; ``norms_cv``,
            ``norms_cv_gaussian``; ``rankme``; each with ``_low`` and ``_high`` where it has an
            interval; ``status``: 0 gaussian, 1 gaussian_except, 2 inconclusive, 3 not_gaussian;
            ``rows``. What these rows don't have is left out.
        """
        found: dict[str, float] = {}
        for name, value, ci in self._values():
            if value is not None:
                ends = {} if ci is None else {f"{name}_low": ci[0], f"{name}_high": ci[1]}
                found |= {name: value, **ends}
        return {f"{prefix}{name}": float(value) for name, value in found.items()}

    def _values(self) -> Iterator[tuple[str, float | None, Interval | None]]:
        for level, rate in self.false_alarm.items():
            yield f"false_alarm_{level}", rate.value, rate.ci
        if self.safe_components is not None:
            yield "safe_components", self.safe_components.value, self.safe_components.ci
        for name, found in self.levels.items():
            yield name, found.value, found.value_ci
            yield f"{name}_times_limit", found.times_limit, found.times_limit_ci
        yield "norms_cv", self.norms.cv, self.norms.cv_ci
        yield "norms_cv_gaussian", self.norms.cv_gaussian, None
        yield "rankme", self.rankme, self.rankme_ci
        yield "status", RANK[self.status], None
        yield "rows", self.rows, None

    def __str__(self) -> str:
        """One line a number."""
        lines = [f"{self.rows:,} of {self.seen:,} rows: {self.status.replace('_', ' ')}"]
        for name, value, ci in self._values():
            if value is not None and name not in ("status", "rows"):
                span = "" if ci is None else f"  [{ci[0]:.4g}, {ci[1]:.4g}]"
                lines.append(f"  {name:<20} {value:>8.4g}{span}")
        return "\n".join(lines)
