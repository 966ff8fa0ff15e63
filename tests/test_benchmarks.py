"""The benchmarks' arithmetic, their peers' statistics, the page that is made of their results."""

import importlib
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from scipy.integrate import quad

import gausscheck
from pages import ROOT

FOLDER = ROOT / "benchmarks"
MODULES = ("timing", "performance", "speed", "workloads", "made_rows", "cluster")


@pytest.fixture
def script(monkeypatch):
    """Import a module of benchmarks/ as the scripts there do; forget it afterwards."""
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield importlib.import_module
    for name in MODULES:
        sys.modules.pop(name, None)


# --- ratios


def test_a_ratio_is_of_runs_that_were_made_together(script):
    """A slow minute that meets both sides leaves it alone; a ratio of medians would say 1.5."""
    found = script("timing").Ratio.of([2.0, 20.0, 3.0], [1.0, 10.0, 2.0])
    assert (found.median, found.low, found.high) == (2.0, 1.5, 2.0)
    assert str(found) == "2.00 (1.50 to 2.00)"


def test_runs_without_a_partner_are_refused(script):
    with pytest.raises(ValueError, match="shorter"):
        script("timing").Ratio.of([1.0, 2.0], [1.0])


def test_sides_are_run_in_turn(script):
    timing, order = script("timing"), []

    def side(name):
        def run():
            order.append(name)
            return timing.Cost(float(len(order)), 0.0, 0)

        return run

    found = timing.paired({"a": side("a"), "b": side("b")}, 3)
    assert order == ["a", "b"] * 3
    assert [cost.wall for cost in found["b"]] == [2.0, 4.0, 6.0]


# --- growth


@pytest.mark.parametrize("power", [0.5, 1.0, 1.7, 3.0])
def test_what_does_not_grow_is_left_out_of_an_exponent(script, power):
    """Its own growth up to the small size too: without that, 3 + 2·4^p would be taken for fixed."""
    x0, sizes = 4.0, (4e3, 8e3, 1.6e4, 3.2e4)
    costs = [3 + 2 * x**power for x in (x0, *sizes)]
    found = script("timing").growth(x0, costs[0], sizes, costs[1:])
    assert found.power == pytest.approx(power, abs=1e-5)
    assert found.scale == pytest.approx(2, rel=1e-4)
    assert found.error < 1e-4
    assert found.sizes == sizes


def test_sizes_at_which_little_grows_are_not_fitted(script):
    """A fifth of the cost may be noise; where only two sizes grow enough, there is no exponent."""
    growth = script("timing").growth
    sizes = (10, 1000, 2000, 4000, 8000)
    costs = [100 + x for x in sizes]
    costs[0] = 125.0
    assert growth(0.1, 100.0, sizes, costs).sizes == (1000, 2000, 4000, 8000)
    assert growth(0.1, 100.0, sizes, costs).power == pytest.approx(1, abs=1e-3)
    assert growth(0.1, 3000.0, sizes, [3000 + x for x in sizes]) is None


def test_an_error_of_a_fit_is_the_worst(script):
    costs = [x * factor for x, factor in zip((1e3, 2e3, 4e3), (1, 1.2, 1), strict=True)]
    found = script("timing").growth(1.0, 0.0, (1e3, 2e3, 4e3), costs)
    assert 0.1 < found.error < 0.2


def test_a_line_goes_through_its_ends_and_says_how_far_off_it_is(script):
    found = script("timing").line((1e6, 3e6, 1e7), ([7e6] * 3, [22e6] * 3, [70e6] * 3))
    assert (found.fixed, found.each) == (pytest.approx(0, abs=1e-6), pytest.approx(7))
    assert found.error == pytest.approx(1 / 22)
    assert found.at(1e9) == pytest.approx(7e9)


def test_what_differs_between_runs_of_one_size_is_not_extrapolated(script):
    """Five bytes between ends, six between runs: a slope would be noise times a billion."""
    line = script("timing").line
    flat = line((1e6, 1e7), ([100.0, 101.0, 106.0], [106.0, 106.0, 107.0]))
    assert (flat.each, flat.at(1e9)) == (0, 106)
    assert line((1e6, 1e7), ([100.0, 101.0, 104.0], [106.0, 106.0, 107.0])).at(1e9) > 600


# --- processes


def test_work_runs_in_a_process_of_its_own_with_its_own_peak(script, tmp_path):
    """What this process holds is not counted, as it would be in the system's count for a child."""
    timing = script("timing")
    mine = np.ones(300 << 17)  # 300 MB
    path = tmp_path / "x.npy"
    np.save(path, np.arange(6.0).reshape(2, 3))
    found = timing.call("workloads:decode", str(path))
    assert found.told == [2, 3]
    assert 0 < found.peak < 200 << 20 < mine.nbytes
    np.save(path, np.ones((300 << 17, 1)))
    assert timing.call("workloads:decode", str(path)).peak > 300 << 20


def test_work_that_fails_says_what_it_printed(script, tmp_path):
    timing = script("timing")
    with pytest.raises(timing.RunFailed, match="FileNotFoundError"):
        timing.call("workloads:decode", str(tmp_path / "none.npy"))
    with pytest.raises(timing.RunFailed, match="no such thing"):
        timing.command([sys.executable, "-c", "raise SystemExit('no such thing')"])


def test_threads_of_products_are_those_asked_for(script, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    environment = script("timing").environment
    assert "OPENBLAS_NUM_THREADS" not in environment({}, None)
    assert "OPENBLAS_CORETYPE" not in environment({}, None)
    assert environment({"A": "b"}, 2)["OPENBLAS_NUM_THREADS"] == "2"
    assert environment({"A": "b"}, 2)["A"] == "b"


# --- floors and peers do what they are said to


def test_the_floor_reads_projects_and_sorts_all(script, rng, tmp_path):
    work = script("workloads")
    x = rng.standard_normal((1001, 70)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    trace, middle = work.battery_floor(str(tmp_path / "x.npy"), 90, 2)()
    every = np.hstack([x, x @ work.frame(70, 90)])
    assert trace == pytest.approx(x.var(axis=0, dtype=np.float64).sum(), rel=1e-5)
    assert middle == pytest.approx(np.median(every, axis=0).sum(dtype=np.float64), rel=1e-3)


def test_the_battery_alone_finds_what_the_audit_does(script, rng, tmp_path):
    np.save(tmp_path / "x.npy", rng.exponential(size=(3000, 12)).astype(np.float32))
    options = {"directions": "axes,random:16", "levels": "none", "threads": 2}
    found = script("workloads").directions(str(tmp_path / "x.npy"), **options)()
    levels = gausscheck.analyze(tmp_path / "x.npy", **options).levels
    assert found == [levels[name].value for name in ("axes", "random")]


@pytest.mark.parametrize("kind", ["h5", "shards", "parquet", "npy"])
def test_every_format_holds_the_same_rows(script, kind, tmp_path):
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    rows, work = script("made_rows"), script("workloads")
    path = getattr(rows, kind)(str(tmp_path), 9000, 5, "f2")()
    found = np.concatenate([np.array(block) for block in work.stored_blocks(path)])
    np.testing.assert_array_equal(found, np.concatenate(list(rows.blocks(9000, 5, "f2"))))
    assert work.read_and_project(path, 3)() == 9000


@pytest.mark.parametrize("kind", ["one_chunk", "many_chunks", "fortran", "text"])
def test_every_layout_holds_the_same_rows(script, kind, tmp_path):
    if kind == "many_chunks":
        pytest.importorskip("zarr")
    rows, work = script("made_rows"), script("workloads")
    path = getattr(rows, kind)(str(tmp_path), 300, 4)()
    expected = np.concatenate(list(rows.blocks(300, 4, "f4")))
    np.testing.assert_array_equal(work._decoded(tmp_path / path), expected)


def test_sigreg_in_torch_is_the_statistic_of_its_formula(script, rng):
    """Against SciPy's quadrature of |φ_n(t) − exp(−t²/2)|² exp(−t²/2) over |t| <= 3."""
    torch = pytest.importorskip("torch")
    x = rng.standard_normal((200, 3)) + np.array([0, 0.3, 0])

    def integrand(t, column):
        return abs(np.exp(1j * t * column).mean() - np.exp(-t * t / 2)) ** 2 * np.exp(-t * t / 2)

    exact = [200 * quad(integrand, -3, 3, args=(column,))[0] for column in x.T]
    found = script("workloads").epps_pulley(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(found, exact, rtol=5e-3)


# --- the page


def results():
    entry = {"work": "a thing", "beside": "another", "ratio": [2.0, 1.5, 2.5], "before": "3.1"}
    grown = {"words": "rows n", "held": "d = 64", "sizes": [4, 1000, 2000], "time": [1, 2.2, 3.1],
             "peak": [1, 1.1, 1.2], "power": 1.04, "error": 0.02,
             "fitted": [1000, 2000]}  # fmt: skip
    one = {"words": "come back", "values": [1.5e6, 1.5e7], "error": 0.01, "billion": 1.5e9}
    return {
        "rows": {"demo": {"words": "the demo", "entries": [entry]}},
        "growth": {"n": grown, "d": {**grown, "words": "dimensions d", "power": None}},
        "cluster": {"rows": [10**6, 10**7], "d": 16, "file": 64e9, "quantities": {"a": one}},
    }


def test_the_page_says_what_was_measured(script):
    page = script("performance").page(results())
    assert "| a thing | another | 2.00 (1.50 to 2.50) | 3.1 |\n" in page
    assert "| rows n | 4 | 1,000 | 2,000 |\n|---|---|---|---|\n" in page
    assert "| processor time | 1.00 | 2.20 | 3.10 |\n" in page
    assert page.count("Time grows with the power 1.04 from 1,000 on, within 2%.") == 1
    assert page.count("no exponent") == 1
    assert "| come back | 1.5 MB | 15 MB | 1% | 1.5 GB |" in page
    for table in page.split("\n\n"):
        bars = {line.count("|") for line in table.splitlines() if line.startswith("|")}
        assert len(bars) <= 1, table


def test_results_are_added_to_and_the_page_waits_for_all(script, tmp_path, monkeypatch, capsys):
    performance = script("performance")
    monkeypatch.setattr(performance, "KEPT", tmp_path / "results" / "speed.json")
    monkeypatch.setattr(performance, "PAGE", tmp_path / "performance.md")
    performance.keep("rows", results()["rows"])
    performance.write_page()
    assert not performance.PAGE.exists()
    assert "cluster.py" in capsys.readouterr().err
    performance.keep("rows", {"other": {"words": "other rows", "entries": []}}, ["other", "demo"])
    performance.keep("growth", results()["growth"])
    performance.keep("cluster", results()["cluster"])
    performance.write_page()
    assert list(json.loads(performance.KEPT.read_text())["rows"]) == ["other", "demo"]
    assert "other rows" in performance.PAGE.read_text()


def test_the_page_that_ships_is_made_of_the_results_that_ship(script):
    performance = script("performance")
    page = performance.PAGE.read_text(encoding="utf-8")
    if "benchmarks/results/speed.json" in page:
        assert performance.page(performance.kept()) == page
    else:
        assert not performance.KEPT.exists()


def test_sizes_of_a_try_are_no_results():
    done = subprocess.run(
        [sys.executable, FOLDER / "speed.py", "--small", "--write"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "small sizes are no results" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("row", ["battery", "wide", "long", "layouts", "trainer"])
def test_a_row_runs_from_end_to_end(row, tmp_path):
    done = subprocess.run(
        [sys.executable, FOLDER / "speed.py", "--small", "--rounds", "1", "--only", row,
         "--scratch", tmp_path],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[1].startswith(f"{row}: ")
    ratios = [line for line in lines[2:] if " / " in line and " to " in line]
    assert len(ratios) >= 2
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_growth_is_measured_from_end_to_end(tmp_path):
    done = subprocess.run(
        [sys.executable, FOLDER / "costs.py", "--small", "--rounds", "1", "--only", "k",
         "--scratch", tmp_path],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "exponent: " in done.stdout


@pytest.mark.slow
def test_traffic_of_a_cluster_is_counted_from_end_to_end(tmp_path):
    """All bytes of the file at least once: 600,000 rows of 64 bytes."""
    pytest.importorskip("distributed")
    done = subprocess.run(
        [sys.executable, FOLDER / "cluster.py", "--small", "--rounds", "1", "--scratch", tmp_path],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    read = re.search(r"600,000 x 16: read (\d+) MB", done.stdout)[1]
    assert 38 <= int(read) <= 4 * 39
    for word in ("sent to workers", "come back to the client", "memory of the client"):
        assert re.search(rf"{word}.*: .* for a billion rows", done.stdout)


def test_a_row_that_fails_is_said_and_ends_in_an_error(script, tmp_path, monkeypatch, capsys):
    """The rows after it run all the same."""
    speed = script("speed")

    def broken(bench):
        yield speed.Entry("a", "b", speed.Ratio(1, 1, 1))
        speed.call("workloads:decode", "nowhere.npy")

    def sound(bench):
        yield speed.Entry("c", "d", speed.Ratio(2, 2, 2))

    monkeypatch.setattr(speed, "ROWS", {"broken": ("one", broken), "sound": ("other", sound)})
    monkeypatch.setattr(sys, "argv", ["speed.py", "--scratch", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        speed.main()
    said = capsys.readouterr()
    assert ended.value.code
    assert "FileNotFoundError" in said.err
    assert "c / d: 2.00" in said.out
