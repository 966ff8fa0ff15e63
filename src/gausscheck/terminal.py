"""What a person reads in a terminal, at 80 columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gausscheck.config import AD_THRESHOLD
from gausscheck.core import Spec
from gausscheck.report import Report
from gausscheck.sources import Contents

WIDTH = 80
_STYLE = {"gaussian": "bold green", "not_gaussian": "bold red", "inconclusive": "bold yellow"}
_WORDS = {"gaussian": "Gaussian", "not_gaussian": "not Gaussian", "inconclusive": "inconclusive"}


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
    console.print(Text(str(source["uri"]), style="bold"))
    console.print(f"{source['n']:,} rows x {source['d']:,} dimensions, {source['dtype']}")
    verdict = report.verdict
    console.print()
    console.print(Text(_WORDS[verdict.status].upper(), style=_STYLE[verdict.status]))
    console.print(Padding(Text(verdict.summary), (0, 0, 1, 2)))
    for title, table in (
        _levels(report),
        _paper_table(report.paper_table, report.norms),
        _tests(report),
        _worst(report),
    ):
        console.print(Text(title, style="bold"))
        console.print(table)
        console.print()
    notes = [*report.preflight["notes"], *report.source.get("notes", [])]
    if notes:
        console.print(Text("Before testing", style="bold"))
        for note in notes:
            console.print(Padding(Text(f"- {note}"), (0, 0, 0, 2)))
        console.print()


def _levels(report: Report) -> tuple[str, Table]:
    reference = report.config["reference"]
    confidence = f"{report.config['confidence']:.0%}"
    title = (
        f"Levels: mean A*² read at {reference:,} rows, whatever n is "
        f"(Gaussian 0.385, limit {AD_THRESHOLD})"
    )
    interval = f"{confidence} interval"
    table = _table("level", "dirs", "A*²", interval, "CDF error", "seen from n", "verdict")
    for name, found in report.levels.items():
        low, high = found["ad_at_reference_ci"]
        detect = found["n_detect"]
        table.add_row(
            name,
            f"{found['directions']:,}",
            _number(found["ad_at_reference"]),
            f"{_number(low)} to {_number(high)}",
            f"{found['rms_cdf_error']:.2%}",
            "-" if detect is None else f"{_two_digits(detect):,}",
            Text(_WORDS[found["status"]], style=_STYLE[found["status"]]),
        )
    return title, table


def _paper_table(table: Mapping[str, Any], norms: Mapping[str, Any]) -> tuple[str, Table]:
    subsets = table["subsets"]
    rows = f"{subsets['m']:,} rows" if subsets["b"] == 1 else f"{subsets['b']} x {subsets['m']:,}"
    title = f"The field's table on {rows} (averages grow with n: compare with the null)"
    out = _table("", "raw rows", "unit rows", "true Gaussian")
    columns = [dict(table[k]) for k in ("raw", "unit", "gaussian")]
    if norms["applicable"] and norms["cv_gaussian"] is not None:
        columns[2]["cv"] = norms["cv_gaussian"]
    lines = (
        ("CV of the norms", "cv", ".3f"),
        (f"AD average (normal below {AD_THRESHOLD})", "ad_avg", ".3f"),
        ("AD normal coordinates", "ad_pass", ".1%"),
        ("DP average p-value (normal above 0.05)", "dp_avg", ".3f"),
        ("DP normal coordinates", "dp_pass", ".1%"),
    )
    for line, key, form in lines:
        cells = ["n/a" if c[key] is None else format(c[key], form) for c in columns]
        out.add_row(line, *cells)
    return title, out


def _tests(report: Report) -> tuple[str, Table]:
    alpha = report.config["alpha"]
    names = list(report.outcomes)
    title = f"Directions that reject at {alpha:.0%} (number left after Holm's correction)"
    table = _table("test", *names)
    first = report.outcomes[names[0]]
    for test in first:
        cells = []
        for level in names:
            found = report.outcomes[level][test]
            if "tested" not in found:
                cells.append("not defined")
            else:
                share = found["rejected"] / max(found["tested"], 1)
                cells.append(f"{share:.0%} ({found['holm']})")
        table.add_row(test, *cells)
    return title, table


def _worst(report: Report) -> tuple[str, Table]:
    table = _table("direction", "A*²", "skew", "ex. kurt.")
    table.add_column("shape", no_wrap=True)
    table.add_column("rows at its ends")
    for found in report.levels.values():
        for entry in found["worst"]:
            ends = [*entry["lowest_rows"][:1], *entry["highest_rows"][:1]]
            table.add_row(
                entry["direction"],
                _number(entry["ad_star"]),
                f"{entry['skewness']:+.2f}",
                f"{entry['excess_kurtosis']:+.2f}",
                entry["shape"],
                ", ".join(f"{row}" for row in ends),
            )
    return "Most deviant directions", table


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


def _number(value: float) -> str:
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
