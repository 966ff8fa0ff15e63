"""The first screen of a report, 24 lines: what it is, what follows, what spoils it, how deep."""

from __future__ import annotations

import re
import textwrap

from rich.console import Console
from rich.text import Text

from gausscheck.audit.use.words import leading
from gausscheck.audit.verdict import LADDER, LEVEL_WORDS
from gausscheck.files import printable
from gausscheck.report import (
    DirectionalLevel,
    IsotropicResult,
    LearnedLevel,
    Level,
    Report,
    SubspaceLevel,
    Use,
)
from gausscheck.report.use import ONE, percent_digits
from gausscheck.terminal.console import STYLE, WIDTH, WORDS, beside_limit, text

LINES = 24
"""Lines of the screen."""

MOST_LINES = 4
"""Lines of the answer; sentences that do not fit are under -v."""

TITLE = 21
"""Columns of a rung's name."""

_MARKS = {
    "gaussian": "yes",
    "gaussian_except": "on average",
    "inconclusive": "inconclusive",
    "not_gaussian": "no",
}
_CLAIMS = {
    "holds": "hold",
    "fails": "fail",
    "inconclusive": "open",
    "not_defined": "not defined",
}
_UNIT_NORMS = "one by construction"


def show_first_screen(report: Report, out: Console) -> None:
    """Print it; the notes get the lines that the rest leaves."""
    head = [*_head(report), *_use(report)]
    foot = [*_ladder(report), *_claims(report), *_next(report)]
    room = LINES - len(head) - len(foot)
    for line in [*head, *_noticed(report, room), *foot]:
        out.print(line, no_wrap=True, overflow="ellipsis", crop=True)


def _lines(sentence: str, first: str = "", style: str = "") -> list[Text]:
    """Wrap a sentence to the width, later lines indented by two."""
    wrapped = textwrap.wrap(
        printable(sentence), WIDTH - 1, initial_indent=first, subsequent_indent="  "
    )
    return [Text(line, style=style) for line in wrapped]


def _head(report: Report) -> list[Text]:
    source, found = report.source, report.preflight
    size = f"{source.n:,} rows x {source.d:,}, {printable(source.dtype)}"
    size += ", unit length" if found.constant_norm else ""
    name = printable(source.uri)
    room = WIDTH - len(size) - 3
    if len(name) > room:
        tail = name[-(room - 1) :]
        folder = re.search(r"(?<!:)/", tail)  # whole folders go first
        name = "…" + (tail if folder is None else tail[folder.start() :])
    title = Text.assemble((name, "bold"), "   ", size)
    status = report.verdict.status
    sentences = [
        f"{WORDS[status].upper()}.",
        *re.split(r"(?<=\.) (?=[A-Z])", report.verdict.summary),
    ]
    words = _lines(" ".join(sentences))
    while len(words) > MOST_LINES and len(sentences) > 2:
        sentences.pop()
        words = _lines(" ".join(sentences))
    words[0].stylize(STYLE[status], 0, len(WORDS[status]) + 1)
    return [title, *words[:MOST_LINES], Text()]


def _use(report: Report) -> list[Text]:
    use = report.use
    if use is None:
        return []
    rate = use.false_alarm[ONE]
    value, low, high = (percent_digits(share) for share in (rate.value, *rate.ci))
    first = f"A 1 % outlier threshold flags {value} % of these rows [{low}, {high}]."
    if report.preflight.constant_norm:
        first += f" Normalised Gaussian rows: {percent_digits(rate.gaussian)} %."
    lines = [*_lines(first, style="bold"), *_lines(_components(use), "  ")]
    loss = use.radial_kl.value
    if loss > 0.005:
        lines.append(Text(f"  Likelihood lost in the radius: {loss:.2f} nats a row."))
    return lines


def _components(use: Use) -> str:
    """Say up to how many components the threshold can be used, and where it flags too few."""
    safe = use.safe_components
    if use.masked:
        return (
            f"{safe.of} components are fitted on {use.n:,} rows: the fit itself pulls this rate "
            "towards 1 %."
        )
    words = leading(use.curve, safe.ci)
    words = words[0].upper() + words[1:]
    few = [k for k in use.too_few if k != safe.of]
    if few:
        words += f"; too few at {few[0]}" if len(few) == 1 else f"; too few at {len(few)} sizes"
    return words + "."


def _noticed(report: Report, room: int) -> list[Text]:
    """List what was noticed, a line each, as far as the screen goes."""
    notes = [found.text for found in report.noticed]
    notes += list(report.preflight.notes)
    if not notes or room < 2:
        return []
    shown = notes if len(notes) < room else notes[: room - 2]
    lines = [Text("Noticed", style="bold"), *(text(f"  - {note}") for note in shown)]
    if len(shown) < len(notes):
        lines.append(Text(f"  - {len(notes) - len(shown)} more: -v", style="dim"))
    return lines


def _ladder(report: Report) -> list[Text]:
    confidence = f"{report.config.confidence:.0%}"
    head = f"{'How deep':<{TITLE + 2}}0 Gaussian, 1 limit: value and {confidence} interval"
    lines = [Text(head, style="bold")]
    for name in LADDER:
        title = f"  {LEVEL_WORDS[name]:<{TITLE}}"
        if name in report.levels:
            lines.append(_rung(title, report.levels[name]))
        elif name in report.not_applicable:
            lines.append(text(f"{title}n/a: {report.not_applicable[name]}", "dim"))
    if report.isotropic is not None:
        lines.append(_isotropic(report.isotropic))
    return lines


def _isotropic(found: IsotropicResult) -> Text:
    """Write the part of the isotropic null that is furthest out, in margins."""
    furthest = max(found.parts, key=lambda part: part.times_margin)
    span = "[" + ", ".join(beside_limit(end / furthest.margin) for end in furthest.effect_ci) + "]"
    mark = {"holds": "yes", "fails": "no", "inconclusive": "inconclusive"}.get(found.status, "n/a")
    worst = "" if found.status == "holds" else f": {furthest.name}"
    value = beside_limit(furthest.times_margin)
    return text(f"  {'isotropic, mean 0':<{TITLE}}{value:>6}  {span:<16}{mark}{worst}")


def _rung(title: str, level: Level) -> Text:
    if isinstance(level, LearnedLevel):
        return Text.assemble(title, _learned(level))
    low, high = level.times_limit_ci or (None, None)
    span = f"[{beside_limit(low)}, {beside_limit(high)}]"
    remark = _remark(level)
    mark = _MARKS[level.status]
    if level.status == "gaussian_except" and level.times_limit_ci and level.times_limit_ci[1] >= 1:
        mark = "yes"  # the exceptions bring the mean to the limit, and the others decide
        remark = remark.replace("not ", "without ", 1)
    return Text.assemble(
        f"{title}{beside_limit(level.times_limit):>6}  {span:<16}",
        (mark, STYLE[level.status]),
        f"{', ' if remark else ''}{remark}",
    )


def _remark(level: Level) -> str:
    if level.note:
        return printable(level.note).removeprefix("inconclusive by rule: ")
    if isinstance(level, DirectionalLevel) and level.rejected:
        count = f"{len(level.rejected)} of {level.directions}"
        if level.status == "gaussian_except":
            return f"not {count}: {level.rejected[0]}"
        worst = level.worst[0] if level.worst else None
        return f"{worst.direction}: {worst.shape}" if worst else f"{count} beyond"
    if level.status == "inconclusive" and level.rows_needed:
        return f"below {level.rows_needed:,} rows"
    return f"worst at k = {level.k}" if isinstance(level, SubspaceLevel) else ""


def _learned(level: LearnedLevel) -> Text:
    found = f"{level.directions_rejected} of {level.directions} deviate"
    if level.directions_rejected:
        return Text(f"{found} on held-out rows; {level.variance_share:.1%} of the variance")
    if level.could_miss_kurtosis is None:
        return Text(f"{found}; with so few rows any could be missed")
    skewness = level.could_miss_skewness
    also = "any skewness" if skewness is None else f"skewness {skewness:.2g}"
    return Text(f"{found}; could miss kurtosis {level.could_miss_kurtosis:.2g}, {also}")


def _claims(report: Report) -> list[Text]:
    claims = report.verdict.claims
    norms = _UNIT_NORMS if report.preflight.constant_norm else _CLAIMS[claims.norms]
    sphere = {"holds": "holds", "fails": "fails"}.get(claims.sphere, _CLAIMS[claims.sphere])
    line = (
        f"Claims of the paper: projections {_CLAIMS[claims.projections]} · norms {norms} · "
        f"sphere {sphere}"
    )
    return [text(line)]


def _next(report: Report) -> list[Text]:
    return [Text("More: -v all tests · --explain the terms · --out DIR report and figures", "dim")]
