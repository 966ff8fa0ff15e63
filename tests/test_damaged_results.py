"""Reports, maps and sketches that somebody made up, options that mean nothing: one line each."""

import io
import json
import os
import zipfile

import numpy as np
import pytest
from click.testing import CliRunner

import gausscheck
from gausscheck.cli import main
from gausscheck.config import Config
from gausscheck.core import GausscheckError
from gausscheck.passes.first_pass import sketch_rows
from gausscheck.passes.sketch import load_pass, save_pass
from gausscheck.passes.sketch_archive import digest
from gausscheck.report import load_report
from gausscheck.sources import open_source
from gausscheck.train.settings import read_options

FAST = ("--directions", "axes", "--levels", "none")


def run(*words):
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert "internal error" not in done.output
    return done


def refused(done, words, code=1):
    assert done.exit_code == code, done.output
    assert words in done.output
    assert len(done.output.strip().splitlines()) <= (1 if code == 1 else 4)
    assert len(done.output) < 3000


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "x.npy"
    np.save(path, np.random.default_rng(0).standard_normal((300, 6)).astype("f4"))
    return path


@pytest.fixture(scope="module")
def saved(rows, tmp_path_factory):
    report = gausscheck.analyze(
        rows, directions="axes,random:4", levels="marginals", normalize="whiten"
    )
    return report.save(tmp_path_factory.mktemp("saved"))


@pytest.fixture
def changed(saved, tmp_path):
    """Write the report again with values and arrays changed."""

    def write(values=(), arrays=()):
        data = json.loads((saved / "report.json").read_text())
        data.pop("arrays_sha256")
        for path, value in dict(values).items():
            *inner, last = path.split("/")
            place = data
            for name in inner:
                place = place[int(name) if isinstance(place, list) else name]
            place[last] = value
        held = dict(np.load(saved / "report.npz")) | dict(arrays)
        (tmp_path / "report.json").write_text(json.dumps(data))
        np.savez(tmp_path / "report.npz", **held)
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("levels/axes/limit", 10**400), ("levels/axes/n_detect", float("nan")),
        ("levels/axes/n_detect", float("inf")), ("source/n", -1), ("source/n", 10**30),
        ("outcomes", {"nothing": {}}), ("levels/marginals/curve", []), ("use/curve", []),
        ("use/false_alarm", {}), ("levels/random", None),
    ],
)  # fmt: skip
def test_values_that_no_report_has_are_refused(changed, path, value):
    refused(run("show", "-v", changed({path: value})), "report.json")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("levels/axes/qq", lambda a: a[0]), ("levels/axes/qq", lambda a: a * np.nan),
        ("levels/axes/qq", lambda a: a[:, :0]), ("levels/axes/qq_labels", lambda a: a[:1]),
        ("levels/axes/growth", lambda a: a.ravel()), ("levels/axes/growth", lambda a: a.T),
        ("levels/axes/worst/0/counts", lambda a: a[:1]),
        ("levels/axes/worst/0/edges", lambda a: np.full(a.shape, "x")),
        ("levels/axes/table/skewness", lambda a: a[:2]),
        ("levels/axes/table/ad_star", lambda a: a.astype("c16")),
        ("spectrum/eigenvalues", lambda a: np.array(3.0)),
        ("norms/edges", lambda a: a[:-1]),
    ],
)  # fmt: skip
def test_arrays_of_another_shape_or_type_are_refused(saved, changed, name, change):
    with np.load(saved / "report.npz") as arrays:
        array = change(arrays[name])
    with pytest.raises(GausscheckError, match=r"report\.json: .*: expected "):
        load_report(changed(arrays={name: array}))


def maps():
    yield "matrix", lambda a: np.zeros((*a.shape, 0))
    yield "matrix", lambda a: a[:, :0]
    yield "matrix", lambda a: a[1:]
    yield "matrix", lambda a: a.astype("U")
    yield "matrix", lambda a: np.zeros((len(a), 1000))
    yield "mean", lambda a: a[None]
    yield "mean", lambda a: a * np.nan
    yield "mean", lambda a: a.astype("c16")


@pytest.mark.parametrize(("name", "change"), list(maps()))
@pytest.mark.parametrize("alone", [False, True])
def test_a_map_that_maps_nothing_is_refused(saved, changed, rows, tmp_path, name, change, alone):
    arrays = dict(np.load(saved / "report.npz"))
    array = change(arrays[f"preparation/{name}"])
    place = changed(arrays={f"preparation/{name}": array})
    if alone:
        held = {key: arrays[f"preparation/{key}"] for key in ("mean", "matrix")} | {name: array}
        place = tmp_path / "map.npz"
        np.savez(place, kind=np.array("whiten"), **held)
    refused(run("apply", place, rows, "--out", tmp_path / "y.npy"), "preparation")
    assert not (tmp_path / "y.npy").exists()


def test_rows_without_an_image_are_named_or_dropped(rows, tmp_path):
    x = np.load(rows)
    gausscheck.analyze(x, directions="axes", levels="none", normalize="unit").save(tmp_path / "r")
    x[7], x[9, 0] = 0, np.nan
    np.save(tmp_path / "bad.npy", x)
    words = ("apply", tmp_path / "r", tmp_path / "bad.npy", "--out", tmp_path / "y.npy")
    refused(run(*words), "the first 7, 9; mend the file, or drop them with --on-bad-rows drop")
    assert not (tmp_path / "y.npy").exists()
    assert run(*words, "--on-bad-rows", "drop").exit_code == 0
    mapped = np.load(tmp_path / "y.npy")
    assert mapped.shape == (298, 6)
    np.testing.assert_allclose(np.linalg.norm(mapped, axis=1), 1, rtol=1e-6)


def test_what_is_too_long_is_not_read(tmp_path):
    for name, most, words in (
        ("report.json", 1 << 26, ("show", tmp_path)),
        ("c.toml", 1 << 20, ("analyze", "x.npy", "--config", tmp_path / "c.toml")),
    ):
        with (tmp_path / name).open("wb") as handle:
            handle.truncate(most + 1)
        refused(run(*words), f"expected at most {most:,} bytes")


def test_options_nested_too_deep_are_told(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text("a = " + "[" * 3000 + "]" * 3000)
    for read in (Config.from_toml, read_options):
        with pytest.raises(GausscheckError, match="nested too deep"):
            read(path)


def test_pipes_and_devices_are_no_options(tmp_path):
    os.mkfifo(tmp_path / "c.toml")
    for place in (tmp_path / "c.toml", "/dev/zero"):
        for read in (Config.from_toml, read_options):
            with pytest.raises(GausscheckError, match="not a regular file"):
                read(place)


def test_a_pipe_is_no_checkpoint(tmp_path):
    checkpoint = pytest.importorskip("gausscheck.train.checkpoint")
    os.mkfifo(tmp_path / "x.ckpt")
    with pytest.raises(GausscheckError, match="not a regular file"):
        checkpoint._load(tmp_path / "x.ckpt")


@pytest.fixture(scope="module")
def sketched(rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("sketch") / "x.sketch"
    taken = sketch_rows(open_source(rows), 0, 1, memory=10**8, seed=0, rows=1000, unit=False)
    save_pass(taken, path)
    return path


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("nodes/mean", lambda a: a * np.nan), ("nodes/mean", lambda a: a * 1e6),
        ("nodes/largest", lambda a: -a), ("nodes/largest", lambda a: a * np.inf),
        ("nodes/norm_mean", lambda a: a * 0), ("nodes/norm_square", lambda a: a * 1e9),
        ("nodes/norm_count", lambda a: a[:, ::-1] * 0 + np.eye(1, a.shape[1], dtype=int) * 300),
        ("sample/rows", lambda a: a * 0), ("sample/rows", lambda a: a * 1000),
        ("sample/rows", lambda a: a * np.nan), ("sample/rows", lambda a: a * 0 - 1),
    ],
)  # fmt: skip
def test_a_sketch_of_no_rows_is_refused_whoever_signed_it(sketched, tmp_path, name, change):
    _rewritten(sketched, tmp_path / "y.sketch", {name: change})
    with pytest.raises(GausscheckError, match="do"):
        load_pass(tmp_path / "y.sketch")


def test_every_scatter_of_a_sketch_is_one_of_rows(sketched, tmp_path):
    with zipfile.ZipFile(sketched) as archive:
        names = [n.removesuffix(".npy") for n in archive.namelist() if "scatter" in n]
    for name in names:
        for change in (lambda a: -np.abs(a) - 1, lambda a: a * 1e9, lambda a: a * np.nan):
            with zipfile.ZipFile(sketched) as archive:
                if np.load(io.BytesIO(archive.read(f"{name}.npy"))).dtype.kind != "f":
                    continue
            _rewritten(sketched, tmp_path / "y.sketch", {name: change})
            with pytest.raises(GausscheckError):
                load_pass(tmp_path / "y.sketch")


def _rewritten(path, out, changes):
    with zipfile.ZipFile(path) as archive:
        header = json.loads(archive.read("header.json"))
        members = {
            name.removesuffix(".npy"): np.load(io.BytesIO(archive.read(name)))
            for name in archive.namelist()
            if name.endswith(".npy")
        }
    for name, change in changes.items():
        members[name] = change(members[name]).astype(members[name].dtype)
    header["sha256"] = digest(members, header)
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("header.json", json.dumps(header))
        for name, value in members.items():
            with archive.open(f"{name}.npy", "w") as entry:
                np.lib.format.write_array(entry, np.ascontiguousarray(value))


LONG = "9" * 5000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("analyze", "x", "--memory", "9" * 400), "memory: expected a size"),
        (("analyze", "x", "--shape", f"{LONG},8"), "shape: expected N,D"),
        (("analyze", "x", "--subsets", f"5x{LONG}"), "subsets: expected BxM"),
        (("sketch", "x", "-o", "y.sketch", "--part", f"1/{LONG}"), "--part: expected I/N"),
        (("scale", "x", "--prefix-dims", LONG), "--prefix-dims: expected sizes"),
        (("analyze", "x", "--seed", str(1 << 63)), "seed: expected at most"),
        (("analyze", "x", "--seed", "-1"), "seed: expected an integer of at least 0"),
    ],
)  # fmt: skip
def test_options_without_end_are_refused(rows, words, said):
    refused(run(*(rows if word == "x" else word for word in words)), said)


@pytest.mark.parametrize("count", [LONG, "²", "0", "99999999999999"])
def test_a_count_of_directions_is_a_number_that_can_be(rows, count):
    refused(run("analyze", rows, "--directions", f"random:{count}"), "directions: expected")


def test_shares_and_repeats_are_bounded(rows, tmp_path):
    out = tmp_path / "s.csv"
    refused(run("score", rows, rows, "-o", out, "--calibration", "nan"), "no number", code=2)
    refused(run("repair", rows, "--repeats", "9" * 20), "1<=x<=1000", code=2)
    refused(run("analyze", rows, "--require", f"axes.value_ci.{LONG}<1"), "", code=2)


def test_a_time_limit_is_a_number(monkeypatch):
    monkeypatch.setenv("GAUSSCHECK_TIMEOUT", "abc")
    refused(run("analyze", "http://localhost:9/x.npy", *FAST), "GAUSSCHECK_TIMEOUT: expected")
