"""Figures come from the report alone, whole or not at all, and are the same bytes each time."""

import numpy as np
import pytest

import gausscheck
from gausscheck.figures import FIGURES, draw


@pytest.fixture(scope="module")
def report():
    x = np.random.default_rng(3).standard_t(8, (1500, 12)) * np.linspace(1, 3, 12)
    return gausscheck.analyze(x, directions="axes,random:20,pca:4")


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_draws(report, name):
    figure = FIGURES[name](report)
    assert figure is not None
    for axes in figure.axes:
        assert axes.get_xlabel()
        assert axes.has_data()


def test_the_same_report_gives_the_same_bytes(report, tmp_path):
    first = draw(report, tmp_path / "a", formats=("png", "svg", "pdf"))
    report.save(tmp_path / "saved")
    again = draw(gausscheck.load_report(tmp_path / "saved"), tmp_path / "b",
                 formats=("png", "svg", "pdf"))  # fmt: skip
    assert len(first) == 3 * len(FIGURES)
    for one, two in zip(first, again, strict=True):
        assert one.name == two.name
        assert one.read_bytes() == two.read_bytes()


def test_figures_do_not_depend_on_what_was_set_before(report, tmp_path):
    import matplotlib as mpl

    (first,) = draw(report, tmp_path / "a", formats=["svg"], names=["growth"])
    with mpl.rc_context({"font.size": 20, "axes.grid": True, "lines.linewidth": 9}):
        (second,) = draw(report, tmp_path / "b", formats=["svg"], names=["growth"])
    assert first.read_bytes() == second.read_bytes()


def test_normalised_rows_have_no_norm_figure(tmp_path):
    x = np.random.default_rng(0).standard_normal((400, 6))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    report = gausscheck.analyze(x, directions="axes")
    names = {p.stem for p in draw(report, tmp_path, formats=["png"])}
    assert names == set(FIGURES) - {"norms"}


def test_unknown_names_are_refused(report, tmp_path):
    with pytest.raises(gausscheck.GausscheckError, match="expected one of png, svg, pdf"):
        draw(report, tmp_path, formats=["gif"])
    with pytest.raises(gausscheck.GausscheckError, match="verdict, growth"):
        draw(report, tmp_path, names=["pie"])


def test_a_failure_leaves_no_partial_file(report, tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    def fail(self, path, **options):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(gausscheck.GausscheckError, match="No space left"):
        draw(report, tmp_path)
    assert list(tmp_path.iterdir()) == []
