"""What a person reads in a terminal, at 80 columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gausscheck.config import AD_THRESHOLD
from gausscheck.normality.spec import Spec
from gausscheck.pairs import Pairs
from gausscheck.report import (
    DirectionalLevel,
    JointLevel,
    Norms,
    PaperTable,
    Report,
    SubspaceLevel,
)
from gausscheck.scaling import TITLES, Scaling
from gausscheck.sources import Contents

WIDTH = 80
_STYLE = {
    "gaussian": "bold green",
    "gaussian_except": "bold green",
    "not_gaussian": "bold red",
    "inconclusive": "bold yellow",
}
_WORDS = {
    "gaussian": "Gaussian",
    "gaussian_except": "on average",
    "not_gaussian": "not Gaussian",
    "inconclusive": "inconclusive",
}


def _console() -> Console:
    console = Console(highlight=False)
    if console.width > 100 or not console.is_terminal:
        console.width = WIDTH if not console.is_terminal else 100
    return console


def _table(*columns: str) -> Table:
    """Return a table with a left-aligned first column and right-aligned others."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right", no_wrap=True)
    return table


def show_report(report: Report) -> None:
    """Print the verdict, the levels, the field's table, the tests and what preflight noted."""
    console = _console()
    source = report.source
    console.print(Text(str(source.uri), style="bold"))
    console.print(f"{source.n:,} rows x {source.d:,} dimensions, {source.dtype}")
    verdict = report.verdict
    console.print()
    console.print(Text(_WORDS[verdict.status].upper(), style=_STYLE[verdict.status]))
    console.print(Padding(Text(verdict.summary), (0, 0, 1, 2)))
    for title, table in (
        _levels(report),
        _paper_table(report.paper_table, report.norms),
        _tests(report),
        *_marginals(report),
        _worst(report),
        *_spectrum(report),
        *_groups(report),
    ):
        console.print(Text(title, style="bold"))
        console.print(table)
        console.print()
    left_out = [f"level {name} left out: {why}" for name, why in report.not_applicable.items()]
    notes = [*report.preflight.notes, *report.source.notes, *left_out]
    if notes:
        console.print(Text("Before testing", style="bold"))
        for note in notes:
            console.print(Padding(Text(f"- {note}"), (0, 0, 0, 2)))
        console.print()


def _levels(report: Report) -> tuple[str, Table]:
    reference = report.config.reference
    confidence = f"{report.config.confidence:.0%}"
    read = {v.reference for v in report.levels.values() if isinstance(v, JointLevel)}
    joint = "".join(f"\n(marginals and norms: shell A², sphere: energy N; at {r:,})" for r in read)
    title = f"Levels: mean A*² read at {reference:,} rows, whatever n is{joint}"
    table = _table("level", "value", f"{confidence} interval", "limit", "seen from n", "verdict")
    for name, found in report.levels.items():
        low, high = found.value_ci or (float("nan"), float("nan"))
        detect = found.n_detect
        size = f"{found.k}-dim" if isinstance(found, JointLevel) else ""
        if isinstance(found, DirectionalLevel):
            size = f"{found.directions:,}"
        table.add_row(
            f"{name} ({size})",
            _number(found.value),
            f"{_number(low)} to {_number(high)}",
            _number(found.limit),
            "-" if detect is None else f"{_two_digits(detect):,}",
            Text(_WORDS[found.status], style=_STYLE[found.status]),
        )
    for name in report.not_applicable:
        table.add_row(name, "-", "", "", "", Text("n/a", style="dim"))
    return title, table


def _paper_table(table: PaperTable, norms: Norms) -> tuple[str, Table]:
    subsets = table.subsets
    rows = f"{subsets.m:,} rows" if subsets.b == 1 else f"{subsets.b} x {subsets.m:,}"
    title = f"The paper's table on {rows} (averages grow with n: compare with the null)"
    out = _table("", "raw rows", "unit rows", "true Gaussian")
    gaussian = table.gaussian
    if norms.cv_gaussian is not None:
        gaussian = replace(gaussian, cv=norms.cv_gaussian)
    columns = (table.raw, table.unit, gaussian)
    lines = (
        ("CV of the norms", "cv", ".3f"),
        (f"AD average (normal below {AD_THRESHOLD})", "ad_avg", ".3f"),
        ("AD normal coordinates", "ad_pass", ".1%"),
        ("DP average p-value (normal above 0.05)", "dp_avg", ".3f"),
        ("DP normal coordinates", "dp_pass", ".1%"),
    )
    for line, key, form in lines:
        values = [getattr(column, key) for column in columns]
        out.add_row(line, *("n/a" if value is None else format(value, form) for value in values))
        if key == "cv" and norms.cv_ci is not None:
            out.add_row("  its interval", f"{norms.cv_ci[0]:.3f} to {norms.cv_ci[1]:.3f}", "", "")
    return title, out


def _tests(report: Report) -> tuple[str, Table]:
    alpha = report.config.alpha
    names = list(report.outcomes)
    title = f"Directions that reject at {alpha:.0%} (number left after Holm's correction)"
    table = _table("test", *names)
    for test in report.outcomes[names[0]] if names else ():
        cells = []
        for level in names:
            found = report.outcomes[level][test]
            if found.tested is None or found.rejected is None:
                cells.append("not defined")
            else:
                cells.append(f"{found.rejected / max(found.tested, 1):.0%} ({found.holm})")
        table.add_row(test, *cells)
    tests = [report.directional[level].global_test for level in names]
    if all(tests):
        cells = [f"p {_pvalue(found.pvalue, found.twins)}" for found in tests if found]
        table.add_row("all directions at once", *cells)
    return title, table


def _marginals(report: Report) -> list[tuple[str, Table]]:
    found = report.levels.get("marginals")
    if not isinstance(found, SubspaceLevel):
        return []
    alpha = report.config.alpha
    names = list(found.curve[0].pvalues)
    table = _table("dimension", "shell A²", "limit", *(name.replace("_", "\n") for name in names))
    for point in found.curve:
        cells = []
        for name in names:
            known = [p for p in point.pvalues[name] if p is not None]
            hits = sum(p < alpha for p in known)
            cells.append(f"{hits} of {len(known)}" if known else "not defined")
        value = Text(_number(point.value), style=_STYLE[point.status])
        table.add_row(f"{point.k}", value, _number(point.limit), *cells)
    title = (
        f"Random subspaces; joint tests that reject at {alpha:.0%} on {found.tests.rows:,} rows of "
        f"{found.tests.subspaces}"
    )
    return [(title, table)]


def _spectrum(report: Report) -> list[tuple[str, Table]]:
    table = _table("", "")
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
        table.add_row(line, "n/a" if value is None else format(value, form))
    table.show_header = False
    return [(f"Spectrum and concentration (rank {report.preflight.rank})", table)]


def _groups(report: Report) -> list[tuple[str, Table]]:
    groups = report.groups
    if groups is None:
        return []
    table = _table("label", "rows", "AD avg", "AD normal", "axes A*²", "random A*²", "verdict")
    for name, found in groups.shown.items():
        table.add_row(
            name if len(name) <= 20 else name[:19] + "…",
            f"{found.n:,}",
            _number(found.paper_table.ad_avg),
            f"{found.paper_table.ad_pass:.0%}",
            _number(found.levels["axes"].value),
            _number(found.levels["random"].value),
            Text(_WORDS[found.verdict], style=_STYLE[found.verdict]),
        )
    shown = len(groups.shown)
    some = "" if shown == groups.labels else f", the {shown} largest of {groups.labels}"
    return [(f"Rows of each label by themselves{some}", table)]


def _worst(report: Report) -> tuple[str, Table]:
    table = _table("direction", "A*²", "skew", "ex. kurt.")
    table.add_column("shape", no_wrap=True)
    table.add_column("rows at its ends")
    for level in report.directional.values():
        for found in level.worst:
            ends = [*found.lowest_rows[:1], *found.highest_rows[:1]]
            table.add_row(
                found.direction,
                _number(found.ad_star),
                f"{found.skewness:+.2f}",
                f"{found.excess_kurtosis:+.2f}",
                found.shape,
                ", ".join(f"{row}" for row in ends),
            )
    return "Most deviant directions", table


def show_pairs(found: Pairs) -> None:
    """Print alignment, uniformity and the bound between them, with what each would be at best."""
    console = _console()
    v = found.values
    console.print(Text(f"{found.anchor}\n{found.positive}", style="bold"))
    console.print(f"{found.n:,} pairs x {found.d:,}, temperature {found.temperature:g}\n")
    low, high = v["alignment_ci"]
    given = "given" if v["eta2_source"] == "given" else "estimated"
    lines = (
        ("alignment: mean cosine of pairs", f"{v['alignment']:.4f}", f"{low:.4f} to {high:.4f}"),
        ("  mean squared distance", f"{v['alignment_distance']:.4f}", ""),
        ("‖m‖² of the views", f"{v['mean_square']:.4f}", "0 if uniform"),
        (f"eta² ({given})", f"{v['eta2']:.4f}", ""),
        ("bound eta² + (1 − eta²) ‖m‖²", f"{v['bound']:.4f}", ""),
        ("  slack: bound − alignment", f"{v['slack']:+.4f}", "0 if reached"),
        ("uniformity potential Phi", f"{v['phi']:.4f}", f"{v['phi_uniform']:.4f} if uniform"),
        (
            "uniformity log E exp(−2‖u − v‖²)",
            f"{v['uniformity']:.4f}",
            f"{v['uniformity_uniform']:.4f} if uniform",
        ),
        ("InfoNCE in population", f"{v['infonce_population']:.4f}", ""),
        ("  of all rows as one batch", f"{v['infonce']:.4f}", ""),
        ("cosine of negatives: mean", f"{v['negative_mean']:.4f}", "0 if uniform"),
        (
            "  sd times sqrt(d)",
            f"{v['negative_sd_scaled']:.3f}",
            "1 if uniform",
        ),
        ("anchors nearest to their own positive", f"{v['top1']:.1%}", ""),
    )
    table = _table("", "value", "beside it")
    for line in lines:
        table.add_row(*line)
    console.print(table)
    console.print()
    console.print(Padding(Text(_pair_words(found)), (0, 0, 0, 2)))
    for note in found.notes:
        console.print(Padding(Text(f"- {note}"), (0, 0, 0, 2)))


def _pair_words(found: Pairs) -> str:
    v = found.values
    gap = v["phi"] - v["phi_uniform"]
    share = v["alignment"] / v["bound"] if v["bound"] > 0 else float("nan")
    spread = (
        "as evenly spread as the uniform law"
        if gap < 0.05
        else f"{gap:.2f} above the uniform law in Phi: not evenly spread"
    )
    tilt = (
        f" Views lean to one side (‖m‖² {v['mean_square']:.2f})." if v["mean_square"] > 0.05 else ""
    )
    return (
        f"Positives reach {share:.0%} of the alignment that the bound allows. Views are {spread}."
        f"{tilt}"
    )


def show_scaling(found: Scaling) -> None:
    """Print each statistic at each size, and the slope beside that of theory."""
    console = _console()
    sizes = [f"{size:,.0f}" for size in found.sizes]
    shown = list(range(len(sizes)))
    if len(shown) > 6:  # 80 columns hold six
        shown = sorted({round(i * (len(sizes) - 1) / 5) for i in range(6)})
    table = _table(f"against {found.by}", *(sizes[i] for i in shown))
    for name, title in TITLES.items():
        column = found.column(name)[:, 0]
        if name in found.fits:
            cells = ["" if value != value else f"{value:.2g}" for value in column[shown]]
            table.add_row(title, *cells)
    console.print(table)
    console.print()
    table = _table("statistic", "slope", "95% interval", "constant", "theory")
    for name, fit in found.fits.items():
        law = found.theory.get(name, {})
        said = f"{law['constant']:.3g} d^{law['slope']:g}" if "constant" in law else "0 if Gaussian"
        if "reason" in fit:
            table.add_row(TITLES[name], "-", fit["reason"], "", said if law else "")
            continue
        low, high = fit["slope_ci"]
        constant = fit.get("constant_at_law", fit["constant"])
        table.add_row(
            TITLES[name], f"{fit['slope']:.2f}", f"{low:.2f} to {high:.2f}", f"{constant:.3g}",
            said if law else "",
        )  # fmt: skip
    console.print(table)
    console.print()
    if found.theory:
        console.print(Text("  constant: at the slope of theory, where there is one"))
    for note in found.notes:
        console.print(Padding(Text(f"- {note}"), (0, 0, 0, 2)))


def show_tests(specs: Iterable[Spec]) -> None:
    """Print every test with its null, cost and reference."""
    console = _console()
    for spec in specs:
        console.print(Text(spec.name, style="bold"), Text(f"({spec.scope}, {spec.null} null)"))
        for label, text in (
            ("null", spec.null_says),
            ("cost", spec.cost),
            ("see", spec.reference),
        ):
            console.print(Padding(Text(f"{label:<5} {text}"), (0, 0, 0, 2)))
        console.print()


def _pvalue(value: float, draws: int) -> str:
    """Write a p-value; one that no draw reached is only bounded. Without draws, to .001."""
    floor = 1 / (draws + 1) if draws else 0.001
    return f"≤ {floor:.3f}" if value <= floor * 1.0001 else f"= {value:.2f}"


def _number(value: float | None) -> str:
    if value is None:
        return "n/a"
    return f"{value:.2f}" if abs(value) < 100 else f"{value:,.0f}"


def _two_digits(value: float) -> int:
    from math import floor, log10

    step = 10 ** max(floor(log10(max(value, 1))) - 1, 0)
    return int(round(value / step) * step)


def show_contents(contents: Contents) -> None:
    """Print the arrays of a file, marking the one analyze would take."""
    console = _console()
    size = "" if contents.size is None else f", {contents.size:,} bytes"
    console.print(Text(contents.uri, style="bold"), f"{contents.format}{size}", sep="\n")
    table = _table("array", "shape", "type")
    table.add_column("", no_wrap=False)
    for entry in contents.entries:
        shape = " x ".join(f"{size:,}" for size in entry.shape)
        remark = "<- analyze takes this" if entry.key == contents.chosen else entry.problem or ""
        table.add_row(entry.key, shape, entry.dtype, remark)
    console.print(table)
    console.print(f"Chosen: {contents.chosen or 'nothing'} ({contents.reason})", soft_wrap=True)
