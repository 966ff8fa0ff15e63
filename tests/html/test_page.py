"""The page of a report: one file that asks for nothing, runs nothing and shows what it is given."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import gausscheck
from gausscheck import html
from gausscheck.report import Noticed
from headless import CHROMIUM, browse

GOLDEN = [Path(__file__).parents[1] / "data" / name for name in ("report_1_0", "report_1_1")]
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}{% raw %}\u202e\x00"


@pytest.fixture(scope="module")
def report():
    x = np.random.default_rng(3).standard_t(8, (1500, 24)) * np.linspace(1, 3, 24)
    return gausscheck.analyze(x, directions="axes,random:20,pca:4,ica:2")


@pytest.fixture(scope="module")
def hostile(report):
    (name, level), *_ = report.directional.items()
    worst = tuple(replace(w, direction=HOSTILE, shape=HOSTILE) for w in level.worst)
    labels = np.array([HOSTILE] * len(level.qq_labels))
    said = Noticed("grid", HOSTILE, (1,), (2,), HOSTILE, HOSTILE)
    return replace(
        report,
        source=replace(report.source, uri=f"/data/{HOSTILE}.h5:/e", notes=(HOSTILE,)),
        preflight=replace(report.preflight, notes=(HOSTILE,)),
        verdict=replace(report.verdict, summary=HOSTILE),
        levels=report.levels
        | {name: replace(level, worst=worst, qq_labels=labels, rejected=(HOSTILE,), note=HOSTILE)},
        noticed=(said,),
        not_applicable={HOSTILE: HOSTILE},
    )


class Page(HTMLParser):
    """Tags, ids, what is loaded, and the text of scripts."""

    void = frozenset({"meta", "link", "br", "img", "input", "hr"})

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids, self.loads, self.script = [], [], [], [], []
        self.unnamed = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        attrs = dict(attrs)
        assert not [name for name in attrs if name.startswith("on")]
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.loads += [attrs[k] for k in ("src", "href", "xlink:href", "data") if k in attrs]
        if tag == "script":
            assert attrs["type"] == "application/json"
        if tag == "svg" and not (attrs.get("role") == "img" and attrs.get("aria-label")):
            self.unnamed.append(tag)
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.void:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.script.append(data)


def embedded(page):
    (text,) = page.script
    return json.loads(text)


@pytest.fixture(scope="module")
def text(report):
    return html.render(report)


def test_it_is_small_and_asks_for_nothing(text):
    assert len(text.encode()) < 1_500_000
    page = Page(text)
    assert all(link.startswith(("#", "data:,")) for link in page.loads)
    assert not re.search(r"@import|url\((?!#)", text)
    assert page.tags.count("script") == 1
    assert "default-src 'none'" in text


def test_many_dimensions_make_no_large_page(report):
    (name, level), *_ = report.directional.items()
    wide = replace(
        report,
        levels=report.levels
        | {name: replace(level, rejected=tuple(f"axis {i}" for i in range(20_000)))},
        spectrum=replace(report.spectrum, eigenvalues=np.geomspace(1, 1e-6, 20_000)),
    )
    assert len(html.render(wide).encode()) < 1_000_000


def test_it_holds_the_report(text, report):
    assert embedded(Page(text)) == json.loads(json.dumps(report.to_dict()))
    for said in (report.use.sentence, report.verdict.summary):
        assert said.replace(" %", "\N{NO-BREAK SPACE}%") in text
    for level in report.directional.values():
        for worst in level.worst:
            assert worst.direction in text


def test_its_blocks_come_in_the_order_of_use(text):
    order = ["Answer", "made by", "What it means", "What was noticed", "How deep", "Most deviant",
             "Spectrum", "All tests", "The paper's table", "Checks before testing", "Glossary",
             "BibTeX", "report-json"]  # fmt: skip
    places = [text.index(words) for words in order]
    assert places == sorted(places)


def test_ids_are_there_once_and_figures_have_names(text):
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    wanted = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text))
    assert wanted <= set(page.ids)
    assert page.unnamed == []
    assert page.tags.count("svg") >= 8


def test_the_same_report_gives_the_same_text(text, report, tmp_path):
    report.save(tmp_path)
    assert html.render(gausscheck.load_report(tmp_path)) == text


def test_what_comes_from_files_does_nothing(hostile):
    for text in (html.render(hostile), html.notebook(hostile)):
        page = Page(text)
        assert "img" not in page.tags
        assert "\x00" not in text
        assert "\u202e" not in text
        assert "49" not in re.findall(r"onerror=alert\(2\)&gt;(.{2})", text)
        assert "{{7*7}}" in text  # written, not worked out
    page = Page(html.render(hostile))
    assert page.tags.count("script") == 1
    assert embedded(page)["verdict"]["summary"] == HOSTILE


@pytest.mark.parametrize("folder", GOLDEN, ids=lambda p: p.name)
def test_reports_of_older_schemas_have_a_page(folder):
    page = Page(html.render(gausscheck.load_report(folder)))
    assert page.unnamed == []


def test_the_isotropic_null_has_its_block():
    x = np.random.default_rng(1).standard_normal((800, 5))
    report = gausscheck.analyze(x, directions="axes", null="isotropic")
    text = html.render(report)
    Page(text)
    assert "Isotropic Gaussian, nothing fitted" in text
    assert "Mean zero, equal variances" in text


def test_the_command_makes_the_report_again():
    from gausscheck.html.methods import command

    x = np.random.default_rng(1).standard_normal((300, 3))
    report = gausscheck.analyze(x, directions="axes", levels="none", seed=4)
    assert command(report) == "gausscheck.analyze(rows, directions='axes', seed=4, levels='none')"
    named = replace(report, source=replace(report.source, uri="/data/my rows.npy"))
    assert command(named) == (
        "gausscheck analyze '/data/my rows.npy' --directions axes --seed 4 --levels none"
    )
    fine = replace(named, config=replace(named.config, confidence=0.9))
    assert command(fine).startswith("gausscheck.analyze('/data/my rows.npy', ")


def test_a_page_that_cannot_be_written_is_an_error_and_leaves_nothing(report, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(gausscheck.GausscheckError, match="cannot be written"):
        html.write(report, tmp_path / "taken" / "report.html")
    path = html.write(report, tmp_path / "report.html")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report.html", "taken"]
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_notebook_gets_the_first_blocks(report):
    text = html.notebook(report)
    page = Page(text)
    assert "script" not in page.tags
    assert "html" not in page.tags
    assert report.verdict.summary in text
    assert len(text) < 150_000
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    selectors = [s for rule in re.findall(r"([^{}]+)\{", style) for s in rule.split(",")]
    mine = [s.strip() for s in selectors if not s.strip().startswith(("@media", "--"))]
    assert len(mine) > 50
    assert all(s.startswith(".gausscheck") for s in mine)  # the notebook keeps its own style


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
def test_a_browser_says_nothing_and_asks_for_nothing(hostile, tmp_path):
    page = html.write(hostile, tmp_path / "report.html")
    assert browse(page, tmp_path) == ([], set())
    control = tmp_path / "control.html"
    control.write_text('<img src="http://192.0.2.1/x.png"><script>console.log("hi")</script>')
    said, asked = browse(control, tmp_path)
    assert len(said) >= 1
    assert asked == {"http://192.0.2.1/x.png"}


def test_the_methods_name_the_law_and_what_the_jackknife_leaves_out(tmp_path):
    from gausscheck.html.methods import methods

    rng = np.random.default_rng(0)
    x = rng.standard_normal((600, 6))
    np.save(tmp_path / "clusters.npy", np.arange(600) // 10)
    quick = {"directions": "axes", "levels": "none"}
    drift = np.cumsum(x, axis=0)
    said = {
        "20 random groups": gausscheck.analyze(x, **quick),
        "whole clusters": gausscheck.analyze(x, groups_by=str(tmp_path / "clusters.npy"), **quick),
        "blocks of neighbouring rows": gausscheck.analyze(drift, **quick),
    }
    for words, report in said.items():
        assert words in methods(report)
        assert methods(report).index("Beta(") < methods(report).index("of that law")
