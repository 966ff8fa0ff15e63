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
            of each level ``axes`` (value) and ``axes_times_limit``; ``norms_cv``; ``rankme``. With
            ``_low`` and ``_high`` where it has an interval, and ``_gaussian``, what Gaussian rows
            give, for rates and ``norms_cv``. ``status``: 0 gaussian, 1 gaussian_except,
            2 inconclusive, 3 not_gaussian; ``rows``. What these rows don't have is left out.
        """
        found: dict[str, float] = {"status": RANK[self.status], "rows": self.rows}
        for name, one in self._shown():
            found[name] = one.value
            if one.ci is not None:
                found |= {f"{name}_low": one.ci[0], f"{name}_high": one.ci[1]}
            if one.gaussian is not None and name in _OF_THESE_ROWS:
                found[f"{name}_gaussian"] = one.gaussian
        return {f"{prefix}{name}": float(value) for name, value in found.items()}

    def _shown(self) -> Iterator[tuple[str, _Shown]]:
        """Give each number that these rows have, by its name."""
        for level, rate in self.false_alarm.items():
            yield f"false_alarm_{level}", _Shown(rate.value, rate.ci, rate.gaussian)
        safe = self.safe_components
        if safe is not None:
            yield "safe_components", _Shown(safe.value, safe.ci, safe.of)
        for name, found in self.levels.items():
            if found.value is not None and found.times_limit is not None:
                yield name, _Shown(found.value, found.value_ci, found.null_mean)
                times = _Shown(found.times_limit, found.times_limit_ci, 0.0)
                yield f"{name}_times_limit", times
        if self.norms.cv is not None:
            cv = _Shown(self.norms.cv, self.norms.cv_ci, self.norms.cv_gaussian)
            yield "norms_cv", cv
        if self.rankme is not None:
            yield "rankme", _Shown(self.rankme, self.rankme_ci, None)

    def __str__(self) -> str:
        """Return a table: each number with its interval, and what Gaussian rows give."""
        share = f"{100 * self.report.config.confidence:g} % interval"
        head = f"{self.rows:,} of {self.seen:,} rows: {self.status.replace('_', ' ')}"
        lines = [head, f"{'':24}{'value':>10}  {share:<20}{'Gaussian':>9}"]
        for name, one in self._shown():
            span = "" if one.ci is None else f"[{one.ci[0]:.4g}, {one.ci[1]:.4g}]"
            gaussian = "" if one.gaussian is None else f"{one.gaussian:.4g}"
            line = f"  {name:<22}{one.value:>10.4g}  {span:<20}{gaussian:>9}"
            lines.append(line.rstrip())
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A number, its interval, and what Gaussian rows give."""

    value: float
    ci: Interval | None
    gaussian: float | None


_OF_THESE_ROWS = ("false_alarm_0.05", "false_alarm_0.01", "false_alarm_0.001", "norms_cv")
"""Numbers whose Gaussian value depends on the rows."""
