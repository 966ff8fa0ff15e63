"""The rest of a report, for -v: effects, every test, the paper's table, subspaces, spectrum."""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from gausscheck.config import AD_THRESHOLD
from gausscheck.report import (
    DirectionalLevel,
    JointLevel,
    Report,
    SubspaceLevel,
)
from gausscheck.terminal.console import (
    STYLE,
    WORDS,
    beside_limit,
    indented,
    number,
    pvalue,
    table,
    two_digits,
)


def show_details(report: Report, out: Console) -> None:
    """Print what was noticed in full, then every table."""
    _notes(report, out)
    for title, made in (
        *_use(report),
        _levels(report),
        *_isotropic(report),
        _paper_table(report),
        _tests(report),
        *_marginals(report),
        _worst(report),
        *_spectrum(report),
        *_groups(report),
    ):
        out.print()
        out.print(Text(title, style="bold"))
        out.print(made)


def _notes(report: Report, out: Console) -> None:
    if report.noticed or report.source.notes or report.not_applicable:
        out.print()
        out.print(Text("Noticed, in full", style="bold"))
    for found in report.noticed:
        out.print(indented(f"- {found.text}"))
        if found.effect:
            out.print(indented(f"effect: {found.effect}", 4))
        out.print(indented(f"remedy: {found.remedy}", 4))
    for note in (*report.preflight.notes, *report.source.notes):
        out.print(indented(f"- {note}"))
    for name, why in report.not_applicable.items():
        out.print(indented(f"- level {name} left out: {why}"))


def _use(report: Report) -> list[tuple[str, Table]]:
    use = report.use
    if use is None:
        return []
    made = table("leading components", "5 %", "1 %", "its interval", "0.1 %", "Gaussian at 1 %")
    for point in use.curve:
        five, one, tenth = (point.false_alarm[key] for key in ("0.05", "0.01", "0.001"))
        made.add_row(
            f"{point.k:,}",
            f"{five.value:.1%}",
            f"{one.value:.1%}",
            f"{one.ci[0]:.1%} to {one.ci[1]:.1%}",
            f"{tenth.value:.2%}",
            f"{one.gaussian:.1%}",
        )
    return [("Use: share of rows beyond a Gaussian threshold", made)]


def _levels(report: Report) -> tuple[str, Table]:
    made = table("level", "value", "interval", "limit", "half power at", "status")
    for name, found in report.levels.items():
        low, high = found.value_ci or (None, None)
        size = f"{found.k}-dim" if isinstance(found, JointLevel) else ""
        if isinstance(found, DirectionalLevel):
            size = f"{found.directions:,}"
        made.add_row(
            f"{name} ({size})",
            beside_limit(found.value, found.limit, 3),
            f"{beside_limit(low, found.limit, 3)} to {beside_limit(high, found.limit, 3)}",
            _limit(found.limit),
            "-" if found.n_detect is None else f"{two_digits(found.n_detect):,}",
            Text(_SHORT[found.status], style=STYLE[found.status]),
        )
    read = {found.reference: found.statistic for found in report.levels.values()}
    said = ", ".join(f"{statistic} at {rows:,} rows" for rows, statistic in read.items())
    return f"Levels: what the statistic would be, whatever n is ({said})", made


def _isotropic(report: Report) -> list[tuple[str, Table]]:
    if report.isotropic is None:
        return []
    made = table("part", "effect", "interval", "margin", "p", "status")
    for part in report.isotropic.parts:
        made.add_row(
            part.name,
            f"{part.effect:.2g}",
            " to ".join(f"{end:.2g}" for end in part.effect_ci),
            f"{part.margin:g}",
            "-" if part.pvalue is None else pvalue(part.pvalue, 0).removeprefix("= "),
            part.status,
        )
    return [("Isotropic null: mean 0, a multiple of the identity, Gaussian; nothing fitted", made)]


def _limit(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") if value < 100 else f"{value:,.0f}"


_SHORT = {
    "gaussian": "Gaussian",
    "gaussian_except": "on average",
    "inconclusive": "inconclusive",
    "not_gaussian": "no",
}


def _paper_table(report: Report) -> tuple[str, Table]:
    found, norms = report.paper_table, report.norms
    subsets = found.subsets
    rows = f"{subsets.m:,} rows" if subsets.b == 1 else f"{subsets.b} x {subsets.m:,}"
    as_if = "" if report.why_no_pvalues is None else ", taken as independent"
    title = f"The paper's table on {rows}{as_if} (averages grow with n: compare with the null)"
    made = table("", "raw rows", "unit rows", "true Gaussian")
    gaussian = found.gaussian
    if norms.cv_gaussian is not None:
        gaussian = replace(gaussian, cv=norms.cv_gaussian)
    columns = (found.raw, found.unit, gaussian)
    lines = (
        ("CV of the norms", "cv", ".3f"),
        (f"AD average (normal below {AD_THRESHOLD})", "ad_avg", ".3f"),
        ("AD normal coordinates", "ad_pass", ".1%"),
        ("DP average p-value (normal above 0.05)", "dp_avg", ".3f"),
        ("DP normal coordinates", "dp_pass", ".1%"),
    )
    for line, key, form in lines:
        values = [getattr(column, key) for column in columns]
        made.add_row(line, *("n/a" if value is None else format(value, form) for value in values))
        if key == "cv" and norms.cv_ci is not None:
            made.add_row("  its interval", f"{norms.cv_ci[0]:.3f} to {norms.cv_ci[1]:.3f}", "", "")
    return title, made


def _tests(report: Report) -> tuple[str, RenderableType]:
    alpha = report.config.alpha
    names = list(report.outcomes)
    title = f"Directions that reject at {alpha:.0%} (number left after Holm's correction)"
    if report.why_no_pvalues is not None:
        return title, indented(report.why_no_pvalues)
    made = table("test", *names)
    for test in report.outcomes[names[0]] if names else ():
        cells = []
        for level in names:
            found = report.outcomes[level][test]
            if found.tested is None or found.rejected is None:
                cells.append("not defined")
            else:
                cells.append(f"{found.rejected / max(found.tested, 1):.0%} ({found.holm})")
        made.add_row(test, *cells)
    tests = [report.directional[level].global_test for level in names]
    if all(tests):
        cells = [f"p {pvalue(found.pvalue, found.twins)}" for found in tests if found]
        made.add_row("all directions at once", *cells)
    return title, made


def _marginals(report: Report) -> list[tuple[str, Table]]:
    found = report.levels.get("marginals")
    if not isinstance(found, SubspaceLevel):
        return []
    alpha = report.config.alpha
    names = [name for name, ps in found.curve[0].pvalues.items() if ps]
    made = table("dimension", "shell A²", "limit", *(name.replace("_", "\n") for name in names))
    for point in found.curve:
        cells = []
        for name in names:
            known = [p for p in point.pvalues[name] if p is not None]
            hits = sum(p < alpha for p in known)
            cells.append(f"{hits} of {len(known)}" if known else "not defined")
        value = Text(number(point.value), style=STYLE[point.status])
        made.add_row(f"{point.k}", value, number(point.limit), *cells)
    title = "Random subspaces"
    if names:
        title += (
            f"; joint tests that reject at {alpha:.0%} on {found.tests.rows:,} rows of "
            f"{found.tests.subspaces}"
        )
    return [(title, made)]


def _spectrum(report: Report) -> list[tuple[str, Table]]:
    made = table("", "")
    lines = (
        ("effective rank (entropy of the covariance spectrum)", "effective_rank", ".1f"),
        ("RankMe (entropy of the singular values)", "rankme", ".1f"),
        ("participation ratio", "participation_ratio", ".1f"),
        ("alpha-ReQ (power-law decay of the spectrum)", "alpha_req", ".2f"),
        ("share of the first eigenvalue", "first_share", ".1%"),
        ("mean cosine of two rows", "mean_cosine", ".4f"),
        ("mean resultant length", "mean_resultant", ".3f"),
        ("von Mises-Fisher concentration", "vmf_concentration", ".1f"),
    )
    for line, key, form in lines:
        value = getattr(report.spectrum, key)
        made.add_row(line, "n/a" if value is None else format(value, form))
    made.show_header = False
    return [(f"Spectrum and concentration (rank {report.preflight.rank})", made)]


def _groups(report: Report) -> list[tuple[str, Table]]:
    groups = report.groups
    if groups is None:
        return []
    made = table("label", "rows", "AD avg", "AD normal", "axes A*²", "random A*²", "verdict")
    for name, found in groups.shown.items():
        made.add_row(
            name if len(name) <= 20 else name[:19] + "…",
            f"{found.n:,}",
            number(found.paper_table.ad_avg),
            f"{found.paper_table.ad_pass:.0%}",
            number(found.levels["axes"].value),
            number(found.levels["random"].value),
            Text(WORDS[found.verdict], style=STYLE[found.verdict]),
        )
    shown = len(groups.shown)
    some = "" if shown == groups.labels else f", the {shown} largest of {groups.labels}"
    return [(f"Rows of each label by themselves{some}", made)]


def _worst(report: Report) -> tuple[str, Table]:
    made = table("direction", "A*²", "skew", "ex. kurt.")
    made.add_column("shape", no_wrap=True)
    made.add_column("rows at its ends")
    for level in report.directional.values():
        for found in level.worst:
            ends = [*found.lowest_rows[:1], *found.highest_rows[:1]]
            made.add_row(
                found.direction,
                number(found.ad_star),
                f"{found.skewness:+.2f}",
                f"{found.excess_kurtosis:+.2f}",
                found.shape,
                ", ".join(f"{row}" for row in ends),
            )
    return "Most deviant directions", made
