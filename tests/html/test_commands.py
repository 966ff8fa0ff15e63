"""The commands that write what people show to others."""

import re
from dataclasses import fields

import numpy as np
import pytest
from click.testing import CliRunner

import gausscheck
from gausscheck.cli import main
from gausscheck.cli.audit import analyze
from gausscheck.config import Config
from gausscheck.figures import FIGURES, ROW_FIGURES


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    x = np.random.default_rng(3).standard_normal((600, 5))
    gausscheck.analyze(x, directions="axes").save(folder)
    return folder


def run(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def test_show_writes_a_page_and_prints_where(saved, tmp_path):
    done = run("show", saved, "--html", tmp_path / "new" / "page.html")
    assert done.exit_code == 0
    assert done.output.strip() == str(tmp_path / "new" / "page.html")
    assert (tmp_path / "new" / "page.html").read_text(encoding="utf-8").startswith("<!DOCTYPE")


def test_out_holds_the_page(tmp_path):
    np.save(tmp_path / "rows.npy", np.random.default_rng(3).standard_normal((300, 4)))
    done = run("analyze", tmp_path / "rows.npy", "--directions", "axes", "--out", tmp_path / "o")
    assert done.exit_code == 0
    assert {"report.json", "report.npz", "report.html"} <= {
        p.name for p in (tmp_path / "o").iterdir()
    }
    assert "Report, page and figures" in done.output


def test_plot_lists_its_figures():
    done = run("plot", "--list")
    assert done.exit_code == 0
    names = re.findall(r"^  (\w+) ", done.output, re.MULTILINE)
    assert names == [*FIGURES, "comparison", *ROW_FIGURES]
    assert all(len(line) <= 80 for line in done.output.splitlines())
    papers = re.findall(r"\(paper:\s+([\d,\s]+)\)", done.output)
    assert sorted({int(k) for told in papers for k in told.split(",")}) == [2, 3, 4, *range(6, 12)]
    for one in ROW_FIGURES.values():
        assert " ".join(one.inputs.split()) in " ".join(done.output.split())


def test_plot_draws_what_is_asked_for(saved, tmp_path):
    done = run("plot", saved, "--figure", "use", "--figure", "norms", "--width", "single",
               "--style", "screen", "--format", "svg", "--out", tmp_path)  # fmt: skip
    assert done.exit_code == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["norms.svg", "use.svg"]
    assert 'viewBox="0 0 240.9' in (tmp_path / "use.svg").read_text(encoding="utf-8")
    refused = run("plot", saved, "--figure", "pie", "--out", tmp_path)
    assert refused.exit_code == 1
    assert "expected one of use, verdict" in refused.output


def test_the_command_of_a_page_has_options_that_exist():
    from gausscheck.html.methods import _LIBRARY_ONLY

    options = {parameter.name for parameter in analyze.params}
    assert {f.name for f in fields(Config)} - _LIBRARY_ONLY <= options
    assert not _LIBRARY_ONLY & options
