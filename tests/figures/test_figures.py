"""Figures come from the report alone, whole or not at all, and are the same bytes each time."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import gausscheck
from gausscheck.figures import FIGURES, STYLES, WIDTHS, Page, draw, plot, style, svg
from gausscheck.figures.qq import band

GOLDEN = [Path(__file__).parents[1] / "data" / name for name in ("report_1_0", "report_1_1")]
MM = 1 / 25.4


@pytest.fixture(scope="module")
def report():
    x = np.random.default_rng(3).standard_t(8, (1500, 12)) * np.linspace(1, 3, 12)
    return gausscheck.analyze(x, directions="axes,random:20,pca:4,ica:2")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_draws_at_its_width(report, name, width):
    figure = plot(report, name, width=width)
    assert figure.get_size_inches()[0] == pytest.approx({"single": 85, "double": 178}[width] * MM)
    for axes in figure.axes:
        assert axes.has_data()
    assert any(axes.get_xlabel() for axes in figure.axes)
    assert "n = 1,500 · d = 12" in figure.get_supxlabel()
    box, size = figure.get_tightbbox(), figure.get_size_inches()  # nothing is clipped
    assert box.x0 > -0.02
    assert box.y0 > -0.02
    assert box.x1 < size[0] + 0.02
    assert box.y1 < size[1] + 0.02


@pytest.mark.parametrize("folder", GOLDEN, ids=lambda p: p.name)
def test_reports_of_older_schemas_draw(folder, tmp_path):
    written = {p.stem for p in draw(gausscheck.load_report(folder), tmp_path, formats=["svg"])}
    assert "verdict" in written
    assert "use" not in written  # they hold no false-alarm rates


def test_the_same_report_gives_the_same_bytes(report, tmp_path):
    report.save(tmp_path / "saved")
    first = draw(report, tmp_path / "a", formats=("svg", "pdf"))
    again = draw(gausscheck.load_report(tmp_path / "saved"), tmp_path / "b",
                 formats=("svg", "pdf"))  # fmt: skip
    assert len(first) == 2 * len(FIGURES)
    first += draw(report, tmp_path / "a", formats=["png"], names=["norms"])
    again += draw(report, tmp_path / "b", formats=["png"], names=["norms"])
    for one, two in zip(first, again, strict=True):
        assert one.name == two.name
        assert one.read_bytes() == two.read_bytes()
        assert one.stat().st_size < 250_000, one.name
        if one.suffix == ".pdf":
            assert b"/FontFile2" in one.read_bytes()  # fonts are in them
        elif one.suffix == ".svg":
            assert "<text" not in one.read_text()  # outlines: no font is asked for


def test_figures_do_not_depend_on_what_was_set_before(report, tmp_path):
    import matplotlib as mpl

    (first,) = draw(report, tmp_path / "a", formats=["svg"], names=["growth"])
    with mpl.rc_context({"font.size": 20, "axes.grid": True, "lines.linewidth": 9}):
        (second,) = draw(report, tmp_path / "b", formats=["svg"], names=["growth"])
    assert first.read_bytes() == second.read_bytes()


def test_on_a_screen_text_is_text(report):
    drawn = svg(report, "verdict", Page("single", "screen"))
    assert "random</text>" in drawn
    assert "n = 1,500" in drawn
    assert "n = 1,500" not in svg(report, "verdict", Page("single", "screen", caption=False))


def texts(figure):
    from matplotlib.text import Text

    return " | ".join(t.get_text() for t in figure.findobj(Text))


def test_numbers_stand_on_the_ladder(report):
    drawn = texts(plot(report, "verdict", width="single"))
    for name, level in report.levels.items():
        if name != "learned":
            assert f"{level.times_limit:.2f} [" in drawn or f"{level.times_limit:.1f} [" in drawn
    assert "of 2 deviate\n(lower bound)" in drawn


def test_the_use_curve_shows_safe_components_and_too_few():
    x = np.random.default_rng(1).standard_normal((2000, 32))
    sphere = gausscheck.analyze(x / np.linalg.norm(x, axis=1, keepdims=True), directions="axes")
    figure = plot(sphere, "use")
    assert "up to 32 of 32" in texts(figure)
    assert "1 % flags too few" in texts(figure)
    (crosses,) = (x for x in figure.axes[0].lines if x.get_label() == "1 % flags too few")
    assert tuple(crosses.get_xdata()) == sphere.use.too_few
    assert "Gaussian, normalised" in texts(figure)
    gaussian = plot(gausscheck.analyze(x, directions="axes"), "use")
    assert "Gaussian rows" in texts(gaussian)
    assert "normalised" not in texts(gaussian)


def test_normalised_rows_have_no_norm_figure(tmp_path):
    x = np.random.default_rng(0).standard_normal((400, 6))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    report = gausscheck.analyze(x, directions="axes")
    names = {p.stem for p in draw(report, tmp_path, formats=["png"])}
    assert "norms" not in names
    with pytest.raises(gausscheck.GausscheckError, match="figure norms"):
        plot(report, "norms")


def test_names_of_files_are_drawn_as_they_are(report, tmp_path):
    hostile = "$\\f{}$ <b>\x00\x1b\u202e 漢\n"
    (level, *_) = report.directional.values()
    worst = tuple(replace(w, direction=hostile) for w in level.worst)
    labels = np.array([hostile] * len(level.qq_labels))
    named = replace(
        report,
        source=replace(report.source, uri=f"/data/{hostile}.npy"),
        levels=report.levels | {"axes": replace(level, worst=worst, qq_labels=labels)},
    )
    for path in draw(named, tmp_path, formats=["svg"], names=["qq", "worst"], style="screen"):
        text = path.read_text(encoding="utf-8")
        assert "<b>" not in text
        assert "\x1b" not in text
        assert "$\\f{}$ &lt;b&gt;" in text


@pytest.mark.parametrize(("n", "seed"), [(30, 1), (1000, 2)])
def test_the_band_holds_whole_normal_samples(n, seed):
    from scipy.special import ndtri

    rng, draws = np.random.default_rng(seed), 1500
    theory = ndtri((np.arange(n) + 0.5) / n)
    low, high = band(theory, n)
    x = np.sort(rng.standard_normal((draws, n)), axis=1)
    x = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    left = ((x < low) | (x > high)).any(axis=1).mean()
    assert 0.02 < left < 0.08  # 5 %: five standard errors are 2.8 points
    y = np.sort(rng.laplace(size=(200, 1000)), axis=1)
    if n == 1000:
        y = (y - y.mean(axis=1, keepdims=True)) / y.std(axis=1, keepdims=True)
        assert ((y < low) | (y > high)).any(axis=1).mean() > 0.95


def test_statuses_and_levels_are_told_apart_without_colour():
    marks = {(style.MARKS[s], s == "inconclusive") for s in style.STATUS}
    assert len(marks) == len(style.STATUS)
    assert set(style.WORDS) == set(style.STATUS)


def test_words_are_those_of_the_screens():
    from gausscheck.audit.verdict import LEVEL_WORDS
    from gausscheck.terminal.console import WORDS

    assert style.WORDS == WORDS
    assert set(style.LADDER) == set(LEVEL_WORDS)


def test_unknown_names_are_refused(report, tmp_path):
    with pytest.raises(gausscheck.GausscheckError, match="expected one of png, svg, pdf"):
        draw(report, tmp_path, formats=["gif"])
    with pytest.raises(gausscheck.GausscheckError, match="use, verdict"):
        draw(report, tmp_path, names=["pie"])
    with pytest.raises(gausscheck.GausscheckError, match="width: expected one of single, double"):
        plot(report, "qq", width="half")
    with pytest.raises(gausscheck.GausscheckError, match="style: expected one of paper, screen"):
        plot(report, "qq", style="poster")
    assert STYLES == ("paper", "screen")


def test_a_failure_leaves_no_partial_file(report, tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    def fail(self, path, **options):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(gausscheck.GausscheckError, match="No space left"):
        draw(report, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_figure_is_laid_out_once(report):
    assert plot(report, "verdict").get_layout_engine() is None  # each format would draw twice
