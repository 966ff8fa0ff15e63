"""A comparison that was saved says what the original says, or is refused in one line."""

import json
import random

import numpy as np
import pytest
from click.testing import CliRunner

import gausscheck
from gausscheck import figures
from gausscheck.cli import main
from gausscheck.comparison import FORMATS
from gausscheck.html import comparison as page

HOSTILE = '=cmd|"<script>alert(1)</script>$\\input{x}_%&#~^\n]('


@pytest.fixture(scope="module")
def found():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((500, 6))
    models = {
        "normal": x,
        HOSTILE: np.round(x * abs(x), 2) + 7,
        "unit": x / np.linalg.norm(x, axis=1)[:, None],
    }
    return gausscheck.compare(models, directions="axes,ica:2", same_space=True, threads=1)


@pytest.fixture
def folder(found, tmp_path):
    return found.save(tmp_path / "compared")


def test_a_loaded_comparison_is_the_original(found, folder, tmp_path):
    loaded = gausscheck.load_comparison(folder)
    assert loaded.to_dict() == found.to_dict()
    assert loaded.reports == {}
    assert (loaded.order, loaded.worse) == (found.order, found.worse)
    assert loaded.difference("axes", HOSTILE, "normal") == found.difference(
        "axes", HOSTILE, "normal"
    )
    for write in FORMATS.values():
        assert write(loaded) == write(found)
    assert page.render(loaded) == page.render(found)
    assert loaded.to_frame().equals(found.to_frame())
    drawn = [figures.draw(one, tmp_path / str(i)) for i, one in enumerate((found, loaded))]
    assert [p.read_bytes() for p in drawn[0]] == [p.read_bytes() for p in drawn[1]]
    assert loaded.plot().axes
    again = gausscheck.load_comparison(loaded.save(tmp_path / "again"))
    assert again.to_dict() == found.to_dict()
    assert gausscheck.load_comparison(folder / "comparison.json").baseline is None


def run(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def test_show_and_plot_take_what_compare_wrote(folder, found, tmp_path):
    shown = run("show", folder)
    assert shown.exit_code == 0
    assert "Order, nearest to Gaussian first" in shown.output
    assert max(map(len, shown.output.splitlines())) <= 80
    assert json.loads(run("show", folder, "--json").stdout) == found.to_dict()
    assert run("show", folder, "--html", tmp_path / "c.html").exit_code == 0
    assert (tmp_path / "c.html").read_text(encoding="utf-8") == page.render(found)
    done = run("plot", folder, "--format", "pdf", "--width", "single")
    assert done.exit_code == 0
    assert (folder / "comparison.pdf").exists()
    gated = run("show", folder, "--fail-on", "not_gaussian")
    assert gated.exit_code == 1
    assert "expected a report for --require" in gated.stderr


def test_a_report_goes_first_where_a_folder_holds_both(folder):
    gausscheck.analyze(np.random.default_rng(0).standard_normal((300, 3)), levels="none").save(
        folder
    )
    assert "300 rows x 3" in run("show", folder).output
    assert "Order, nearest" in run("show", folder / "comparison.json").output


def damage(folder, change):
    path = folder / "comparison.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.pop("models"), "expected models, which is missing"),
        (lambda d: d.update(schema="gausscheck.report"), "expected schema gausscheck.comparison"),
        (lambda d: d.update(schema_version=[9, 0]), "schema version 9 is newer than 1"),
        (lambda d: d.update(schema_version="1"), "expected schema_version"),
        (lambda d: d["models"].pop(), "expected the name of a model"),
        (lambda d: d["models"][0].update(name="unit"), "whose names differ"),
        (lambda d: d["models"][0]["values"].update(pie={"value": 1, "ci": [0, 1]}), "'pie'"),
        (lambda d: d["models"][0]["values"]["axes"].update(ci=[1]), "a list of 2"),
        (lambda d: d["models"][0]["values"]["axes"].update(status="fine"), "expected one of"),
        (lambda d: d["models"][0]["use_curve"][0]["false_alarm"].pop("0.01"), "at 0.01"),
        (lambda d: d["differences"][0].update(quantity=3), "expected a string, got 3"),
        (lambda d: d["pairing"].update(kind="magic"), "a kind of groups"),
        (lambda d: d.update(baseline="nobody"), "'nobody'"),
    ],
)
def test_a_damaged_one_is_refused_in_one_line(folder, change, said):
    damage(folder, change)
    done = run("show", folder)
    assert done.exit_code == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_what_is_no_comparison_is_refused(tmp_path):
    with pytest.raises(gausscheck.GausscheckError, match="found none; make one with"):
        gausscheck.load_comparison(tmp_path)
    for text in ("", "{", "[1]", "null"):
        (tmp_path / "comparison.json").write_text(text)
        with pytest.raises(gausscheck.GausscheckError):
            gausscheck.load_comparison(tmp_path)


def places(value, path=()):
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(
        value, list) else ()  # fmt: skip
    for key, child in children:
        yield from places(child, (*path, key))


def test_whatever_is_put_in_place_of_a_value_is_read_or_refused(found, tmp_path):
    """600 changes at random places: what is read can be written, else it is the one error."""
    rng, text = random.Random(5), json.dumps(found.to_dict())
    every = [path for path in places(json.loads(text)) if path]
    refused = 0
    for _ in range(600):
        data = json.loads(text)
        *way, last = rng.choice(every)
        inner = data
        for key in way:
            inner = inner[key]
        inner[last] = rng.choice([None, -1, 1e308, "", "x", [], {}, True, [None], {"a": 1}])
        (tmp_path / "comparison.json").write_text(json.dumps(data), encoding="utf-8")
        try:
            loaded = gausscheck.load_comparison(tmp_path)
        except gausscheck.GausscheckError:
            refused += 1
            continue
        for write in FORMATS.values():
            write(loaded)
    assert 200 < refused < 600
