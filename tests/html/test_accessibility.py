"""The pages by axe-core in headless Chromium, and the contrast of what axe-core leaves open."""

import re
from importlib.resources import files
from importlib.util import find_spec

import numpy as np
import pytest

import gausscheck
from gausscheck import html
from gausscheck.html import comparison
from gausscheck.html.svg import _INKS
from headless import CHROMIUM, axe

needs_browser = pytest.mark.skipif(
    CHROMIUM is None or find_spec("axe_core_python") is None, reason="no Chromium, or no axe-core"
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    rng = np.random.default_rng(3)
    x = rng.standard_t(8, (900, 16)) * np.linspace(1, 3, 16)
    x[:, 2] = rng.random(900) < 0.03  # noticed: a sparse column
    x[5] = x[6]
    path = tmp_path_factory.mktemp("labels") / "labels.npy"
    np.save(path, np.repeat(["one", "two"], 450))
    report = gausscheck.analyze(
        x, labels=str(path), group=True, directions="axes,random:8,ica:2", levels="norms,marginals"
    )
    isotropic = gausscheck.analyze(x[:, 3:], directions="axes", null="isotropic")
    compared = gausscheck.compare({"a": report, "b": isotropic})
    return {
        "report": html.render(report),
        "isotropic": html.render(isotropic),
        "comparison": comparison.render(compared),
    }


@needs_browser
@pytest.mark.parametrize("look", ["light", "dark", "phone"])
@pytest.mark.parametrize("page", ["report", "isotropic", "comparison"])
def test_axe_finds_nothing(pages, page, look, tmp_path):
    found = axe(pages[page], tmp_path, dark=look == "dark", wide=390 if look == "phone" else 1280)
    assert found["dark"] == (look == "dark")
    assert found["passes"] > 25
    assert found["violations"] == []
    # the background of text in a figure is more than axe-core works out: it is tested below
    left_open = [node for rule, nodes in found["incomplete"] for node in nodes]
    assert {rule for rule, _ in found["incomplete"]} <= {"color-contrast"}
    if look != "phone":  # what is out of sight is left open there
        assert [node for node in left_open if ": <text" not in node] == []


@needs_browser
def test_axe_finds_what_is_wrong(pages, tmp_path):
    spoilt = pages["report"].replace('role="img"', "").replace('<html lang="en"', "<html")
    spoilt = spoilt.replace("--muted: #59616c", "--muted: #c9c9c9")
    found = axe(spoilt, tmp_path, dark=False)
    rules = {rule for rule, _ in found["violations"]}
    assert {"html-has-lang", "color-contrast"} <= rules


def palettes():
    """Colours of the page by name, in light and in dark."""
    css = (files("gausscheck.html") / "templates" / "report.css").read_text(encoding="utf-8")
    dark = css.index("prefers-color-scheme: dark")
    light = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", css[:dark]))
    night = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", css[dark:]))
    assert set(light) == set(night)
    return {"light": light, "dark": night}


def luminance(colour):
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, two):
    """WCAG 2: from 1 to 21."""
    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("look", ["light", "dark"])
def test_texts_and_lines_stand_out(look):
    """4.5 for text, 3 for lines and marks (WCAG 2 AA), on the page and on cards."""
    assert contrast("#000000", "#ffffff") == 21
    palette = palettes()[look]
    for name, colour in palette.items():
        if name in ("paper", "card", "band", "line"):
            continue
        written = name in (
            "ink", "muted", "link", "gaussian", "gaussian-except", "inconclusive", "not-gaussian",
        )  # fmt: skip
        for ground in ("paper", "card"):
            assert contrast(colour, palette[ground]) >= (4.5 if written else 3), (name, ground)


def test_figures_in_pages_have_no_colour_of_their_own(pages):
    """Every colour is one that the page sets, so that it changes in the dark."""
    for text in pages.values():
        drawn = "".join(re.findall(r'<svg class="figure".*?</svg>', text, re.DOTALL))
        assert "var(--ink)" in drawn
        left = {c.lower() for c in re.findall(r"#[0-9a-fA-F]{6}\b", drawn)}
        assert left == set(), left & set(_INKS)


def test_texts_of_figures_are_inks():
    css = (files("gausscheck.html") / "templates" / "report.css").read_text(encoding="utf-8")
    assert ".gausscheck svg.figure text { fill: var(--ink); }" in css
