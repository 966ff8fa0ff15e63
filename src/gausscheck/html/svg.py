"""Figures inside the page: cleaned, small, and in the colours of light or dark."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from gausscheck.figures import style
from gausscheck.html.numbers import printable

if TYPE_CHECKING:
    from markupsafe import Markup

    from gausscheck.report import WorstDirection

_INKS = {
    "#000000": "ink",
    style.INK: "ink",
    style.MUTED: "muted",
    style.BAND: "band",
    "#ffffff": "paper",
    **{tint: name.replace("_", "-") for name, tint in style.STATUS.items()},
    **{style.color(level): level for level in style.LADDER},
}
"""Colours that the page sets by name, since they differ in the dark."""


def inline(text: str, name: str, said: str) -> Markup:
    """Make an SVG document of :mod:`gausscheck.figures` part of a page.

    Its ids get a prefix, its own style goes (it would hold for the page), coordinates keep two
    decimals, colours become variables, and it gets a name for those who do not see it.
    """
    from markupsafe import Markup, escape

    body = text[text.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>|<defs>\s*<style.*?</style>\s*</defs>", "", body,
                  flags=re.DOTALL)  # fmt: skip
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', body))
    body = re.sub(r' id="([^"]*)"', lambda m: _id(m[1], name, used), body)
    body = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", body)
    body = re.sub(r'\b(?:d|x|y|transform)="[^"]*"', _shortened, body)
    body = re.sub(r"\s*\n\s*", " ", body)
    for tint, ink in _INKS.items():
        body = re.sub(f'(?i){tint}(?=[;"])', f"var(--{ink})", body)
    body = body.replace("font-family: 'DejaVu Sans'", "font-family: var(--sans)")
    view = re.search(r'viewBox="[^"]*"', body)
    head = (
        f'<svg class="figure" role="img" aria-label="{escape(said)}" '
        f'xmlns:xlink="http://www.w3.org/1999/xlink" {view[0] if view else ""}>'
    )
    return Markup(head + body[body.index(">") + 1 :])


def _shortened(match: re.Match[str]) -> str:
    return re.sub(r"(\d+\.\d\d)\d+", r"\1", match[0])


def _id(value: str, name: str, used: set[str]) -> str:
    return f' id="{name}-{value}"' if value in used else ""


WIDE, HIGH = 120, 34


def histogram(direction: WorstDirection) -> Markup | None:
    """Draw a worst direction's histogram beside the normal curve; None without counts."""
    from markupsafe import Markup, escape

    if direction.counts is None or direction.edges is None:
        return None
    counts, edges = np.asarray(direction.counts, float), np.asarray(direction.edges, float)
    density = counts / max(counts.sum(), 1) / np.diff(edges)
    left, right = -4.5, 4.5
    top = max(float(density.max(initial=0)), 0.4) * 1.04

    def point(x: float, y: float) -> str:
        across = (min(max(x, left), right) - left) / (right - left) * WIDE
        return f"{across:.1f} {HIGH * (1 - y / top):.1f}"

    steps = [point(left, 0)]
    for share, start, end in zip(density, edges[:-1], edges[1:], strict=True):
        if end > left and start < right:
            steps += [point(start, share), point(end, share)]
    steps.append(point(right, 0))
    curve = [point(x, np.exp(-x * x / 2) / np.sqrt(2 * np.pi)) for x in np.linspace(-4.5, 4.5, 37)]
    said = printable(f"Histogram of {direction.direction}: {direction.shape}")
    return Markup(
        f'<svg class="small" role="img" aria-label="{escape(said)}" viewBox="0 0 {WIDE} {HIGH}">'
        f'<path class="bars" d="M{"L".join(steps)}Z"/>'
        f'<path class="curve" d="M{"L".join(curve)}"/></svg>'
    )
