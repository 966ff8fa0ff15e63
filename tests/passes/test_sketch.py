"""Parts of a pass, made anywhere, merged: the report is the one of a single run."""

import json
import os
import zipfile
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import gausscheck
from gausscheck.cli import main
from gausscheck.core import GausscheckError
from gausscheck.passes import first_pass as passes
from gausscheck.passes import plan as cutting
from gausscheck.passes import row_keys
from gausscheck.passes.reductions import Named
from gausscheck.passes.sketch import load_pass, merge_passes, save_pass

analyze_module = import_module("gausscheck.audit.analyze")

FAST = {"directions": "axes,random:8,pca:4", "levels": "none"}


@pytest.fixture(autouse=True)
def small_leaves(monkeypatch):
    monkeypatch.setattr(cutting, "LEAF_VALUES", 512)  # 64 rows of 6


@pytest.fixture
def file(rng, tmp_path):
    x = (rng.standard_normal((3333, 6)) @ rng.standard_normal((6, 6)) + 2).astype(np.float32)
    x[[5, 900]] = x[3]
    np.save(tmp_path / "x.npy", x)
    return tmp_path / "x.npy"


def plain(report):
    """Everything a report says, but where it came from and what it was asked."""
    told = report.to_dict()
    told.pop("config")
    told.pop("source")
    return told


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def run(*args):
    return CliRunner().invoke(main, [str(a) for a in args])


@pytest.mark.parametrize("parts", [1, 3, 8, 13])
def test_merged_sketches_give_the_report_of_one_run(file, tmp_path, parts):
    names = []
    for i in range(parts):
        name = tmp_path / f"part_{i}.sketch"
        assert run("sketch", file, "--part", f"{i + 1}/{parts}", "-o", name).exit_code == 0
        names.append(name)
    whole = tmp_path / "all.sketch"
    half = tmp_path / "half.sketch"
    order = names[::-1]
    if parts > 2:  # merged by and by
        assert run("merge", *names[: parts // 2], "-o", half).exit_code == 0
        order = [*names[: parts // 2 - 1 : -1], half]
    assert run("merge", *order, "-o", whole).exit_code == 0
    assert run("inspect", whole).exit_code == 0
    ours = gausscheck.analyze(whole, **FAST)
    direct = gausscheck.analyze(file, **FAST)
    assert plain(ours) == plain(direct)
    for name, values in direct.arrays().items():
        np.testing.assert_array_equal(ours.arrays()[name], values)


def test_sketches_of_more_rows_than_keys_are_held_of(file, tmp_path, monkeypatch):
    monkeypatch.setattr(row_keys, "CAP", 1000)
    monkeypatch.setattr(row_keys, "HELD", 256)
    names = [tmp_path / f"{i}.sketch" for i in range(5)]
    for i, name in enumerate(names):
        assert run("sketch", file, "--part", f"{i + 1}/5", "-o", name).exit_code == 0
        assert load_pass(name).rows.keys.keys.size < 256
    assert run("merge", *names[::-1], "-o", tmp_path / "all.sketch").exit_code == 0
    assert run("sketch", file, "-o", tmp_path / "whole.sketch").exit_code == 0
    assert members(tmp_path / "all.sketch") == members(tmp_path / "whole.sketch")
    ours = gausscheck.analyze(tmp_path / "all.sketch", **FAST)
    direct = gausscheck.analyze(file, **FAST)
    assert ours.preflight.duplicates == 2
    assert plain(ours) == plain(direct)


def test_repeats_of_a_sketch_are_those_of_its_sample(tmp_path, rng, monkeypatch):
    x = rng.standard_normal((4000, 6)).astype(np.float32)
    x[1000:] = np.tile(x[:1000], (3, 1))
    np.save(tmp_path / "x.npy", x)
    monkeypatch.setattr(row_keys, "CAP", 1000)
    monkeypatch.setattr(row_keys, "HELD", 256)
    name = tmp_path / "x.sketch"
    assert run("sketch", tmp_path / "x.npy", "--rows", 1500, "-o", name).exit_code == 0
    report = gausscheck.analyze(name, rows=1500, **FAST)
    low, high = report.preflight.duplicates_ci
    assert low < 3000 < high < 4000
    assert report.use.n <= 1000
    x[500:] = x[0]  # one row that hardly any random part of the keys holds
    np.save(tmp_path / "x.npy", x)
    assert run("sketch", tmp_path / "x.npy", "--rows", 1500, "-o", name).exit_code == 0
    report = gausscheck.analyze(name, rows=1500, **FAST)
    assert report.preflight.duplicates == pytest.approx(3500, rel=0.05)


OLD = Path(__file__).parents[1] / "data" / "sketch_1"


def old_rows():
    x = np.random.default_rng(12).standard_normal((500, 3)).astype("f4") + 1
    x[7], x[300], x[[40, 400]] = np.nan, 0, x[5]
    return x


@pytest.mark.parametrize("parts", [["whole_1_0"], ["part_2", "part_1"], ["part_1", None]])
def test_sketches_of_files_1_are_read_and_merged(tmp_path, parts):
    np.save(tmp_path / "rows.npy", old_rows())
    source = gausscheck.open_source(tmp_path / "rows.npy")
    asked = {"memory": 1 << 28, "seed": 0, "rows": 200, "unit": False}
    fresh = passes.sketch_rows(source, 1, 2, **asked)
    fresh = replace(fresh, meta=replace(fresh.meta, uri="rows.npy"))
    old = [fresh if name is None else load_pass(OLD / f"{name}.sketch") for name in parts]
    save_pass(merge_passes(old), tmp_path / "all.sketch")
    options = {"rows": 200, "on_bad_rows": "drop", **FAST}
    ours = gausscheck.analyze(tmp_path / "all.sketch", **options)
    save_pass(passes.sketch_rows(source, 0, 1, **asked), tmp_path / "new.sketch")
    new = gausscheck.analyze(tmp_path / "new.sketch", **options)
    assert (ours.preflight.duplicates, ours.preflight.duplicates_first) == (2, (40, 400))
    assert (ours.preflight.non_finite_first, ours.preflight.zero_first) == ((7,), (300,))
    assert ours.norms.cv == pytest.approx(new.norms.cv, rel=1e-12)
    assert ours.norms.cv_ci == pytest.approx(new.norms.cv_ci, rel=1e-12)
    np.testing.assert_array_equal(ours.norms.counts, new.norms.counts)
    assert ours.levels["axes"].value == new.levels["axes"].value


def test_a_file_1_has_the_groups_that_are_asked_for(tmp_path):
    options = {"rows": 200, "on_bad_rows": "drop", **FAST}
    ours = gausscheck.analyze(OLD / "whole_1_0.sketch", groups=7, **options)
    whole = gausscheck.analyze(old_rows(), groups=7, **options)
    assert ours.norms.cv_ci == pytest.approx(whole.norms.cv_ci, rel=1e-10)


def test_a_sketch_of_other_groups_is_one_line(file, tmp_path):
    assert run("sketch", file, "--groups", 7, "-o", tmp_path / "x.sketch").exit_code == 0
    gausscheck.analyze(tmp_path / "x.sketch", groups=7, **FAST)
    done = run("analyze", tmp_path / "x.sketch")
    assert done.exit_code == 1
    assert "sketched with groups = 7, asked for 20" in done.stderr


def test_unit_rows_and_a_small_sample(file, tmp_path):
    name = tmp_path / "all.sketch"
    assert run("sketch", file, "--unit", "--rows", 500, "-o", name).exit_code == 0
    report = gausscheck.analyze(name, normalize="unit", rows=500, **FAST)
    assert any("moments of directions come from the sample" in n for n in report.source.notes)
    direct = gausscheck.analyze(file, normalize="unit", rows=500, **FAST)
    assert report.levels["axes"].statistic_mean == direct.levels["axes"].statistic_mean


def test_parts_without_rows_merge_like_others(tmp_path):
    np.save(tmp_path / "few.npy", np.random.default_rng(5).standard_normal((30, 4)))
    names = [tmp_path / f"{i}.sketch" for i in range(5)]
    for i, name in enumerate(names):
        done = run("sketch", tmp_path / "few.npy", "--part", f"{i + 1}/5", "-o", name)
        assert done.exit_code == 0, done.output
    assert sorted(load_pass(name).rows.n for name in names) == [0, 0, 0, 0, 30]
    assert run("merge", *names[::-1], "-o", tmp_path / "all.sketch").exit_code == 0
    options = {"directions": "axes", "levels": "none"}
    merged = gausscheck.analyze(tmp_path / "all.sketch", **options)
    whole = gausscheck.analyze(tmp_path / "few.npy", **options)
    assert merged.levels["axes"].value == whole.levels["axes"].value
    with pytest.raises(GausscheckError, match="rows"):
        gausscheck.analyze(names[0], **options)


def test_what_does_not_fit_together_is_one_line(file, tmp_path):
    for i in (1, 2, 3):
        run("sketch", file, "--part", f"{i}/3", "-o", tmp_path / f"{i}.sketch")
    run("sketch", file, "--part", "2/3", "--seed", "4", "-o", tmp_path / "other.sketch")
    cases = [
        (("merge", tmp_path / "1.sketch", tmp_path / "3.sketch"), "leave out rows from"),
        (("merge", tmp_path / "1.sketch", tmp_path / "1.sketch"), "overlap"),
        (("merge", tmp_path / "1.sketch", tmp_path / "other.sketch"), "seed 4 and 0"),
        (("sketch", file, "--part", "4/3"), "I from 1 to N"),
    ]
    for args, words in cases:
        done = run(*args, "-o", tmp_path / "out.sketch")
        assert done.exit_code == 1
        assert len(done.stderr.splitlines()) == 1
        assert words in done.stderr
        assert not (tmp_path / "out.sketch").exists()
    done = run("analyze", tmp_path / "1.sketch")
    assert "merge all parts" in done.stderr
    run("merge", *(tmp_path / f"{i}.sketch" for i in (1, 2, 3)), "-o", tmp_path / "all.sketch")
    done = run("analyze", tmp_path / "all.sketch", "--rows", "777")
    assert "sketched with rows" in done.stderr


def test_a_damaged_sketch_is_one_line(file, tmp_path):
    path = tmp_path / "x.sketch"
    run("sketch", file, "-o", path)
    content = path.read_bytes()
    for damage in (content[:100], content[: len(content) // 2], content[:-1], b"PK\x03\x04",
                   content.replace(b"\x93NUMPY", b"\x93NUMPX", 1)):  # fmt: skip
        path.write_bytes(damage)
        with pytest.raises(gausscheck.GausscheckError, match=r"x\.sketch"):
            load_pass(path)
    place = len(content) // 2
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    with pytest.raises(gausscheck.GausscheckError, match="damaged"):
        load_pass(path)


def test_a_newer_sketch_is_refused(file, tmp_path):
    path, newer = tmp_path / "x.sketch", tmp_path / "newer.sketch"
    run("sketch", file, "-o", path)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(newer, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "header.json":
                data = json.dumps({**json.loads(data), "version": [3, 0]}).encode()
            new.writestr(name, data)
    with pytest.raises(gausscheck.GausscheckError, match="upgrade"):
        load_pass(newer)


def test_a_part_survives_its_file(file, tmp_path):
    source = gausscheck.open_source(file)
    part = passes.sketch_rows(source, 1, 3, memory=1 << 28, seed=0, rows=1000, unit=False)
    save_pass(part, tmp_path / "x.sketch")
    back = load_pass(tmp_path / "x.sketch")
    assert back.meta == part.meta
    np.testing.assert_array_equal(back.sample, part.sample)
    merged = merge_passes([back])
    for ours, theirs in zip(merged.nodes, part.nodes, strict=True):
        np.testing.assert_array_equal(ours.state.scatter.held, theirs.state.scatter.held)


# --- what is kept between runs


class Counting:
    """Rows of a file that count their reads."""

    def __init__(self, inner):
        self._inner, self.reads, self.rows = inner, 0, 0
        for name in ("uri", "n", "d", "dtype", "eps", "notes"):
            setattr(self, name, getattr(inner, name))

    def read(self, start, stop):
        self.reads += 1
        self.rows += stop - start
        return self._inner.read(start, stop)

    def beside(self, key):
        return self._inner.beside(key)

    def fingerprint(self):
        return self._inner.fingerprint()

    def close(self):
        self._inner.close()


@pytest.fixture
def counted(monkeypatch):
    opened = []
    real = analyze_module.open_source

    def counting(source, **options):
        opened.append(Counting(real(source, **options)))
        return opened[-1]

    monkeypatch.setattr(analyze_module, "open_source", counting)
    return opened


def test_all_rows_are_read_twice(file, counted):
    gausscheck.analyze(file, **{**FAST, "rows": 1000})
    assert counted[0].rows == 2 * counted[0].n


def test_what_was_not_kept_is_all_that_is_taken(file, tmp_path, counted):
    keep = tmp_path / "keep"
    options = {**FAST, "rows": 1000}
    first = gausscheck.analyze(file, resume=str(keep), **options)
    (lengths,) = keep.glob("*-lengths-*.npz")
    lengths.unlink()
    second = gausscheck.analyze(file, resume=str(keep), **options)
    assert counted[1].rows == counted[1].n
    assert lengths.exists()
    assert plain(first) == plain(second)


def test_a_second_run_reads_nothing(file, tmp_path, counted):
    keep = tmp_path / "keep"
    options = {**FAST, "rows": 1000}
    direct = gausscheck.analyze(file, **options)
    first = gausscheck.analyze(file, resume=str(keep), **options)
    assert counted[1].reads > 0
    second = gausscheck.analyze(file, resume=str(keep), **options)
    assert counted[2].reads == 0
    assert plain(first) == plain(second) == plain(direct)
    other = gausscheck.analyze(file, resume=str(keep), **{**options, "levels": "marginals"})
    assert counted[3].reads == 0
    assert "marginals" in other.levels
    os.utime(file, ns=(1, 1))
    gausscheck.analyze(file, resume=str(keep), **options)
    assert counted[4].reads > 0


def test_a_chunk_of_a_store_that_changed_is_read_again(tmp_path, rng):
    zarr = pytest.importorskip("zarr")
    x = rng.standard_normal((400, 4)).astype(np.float32)
    store = zarr.open_group(str(tmp_path / "x.zarr"), mode="w")
    made = store.create_array("emb", shape=x.shape, chunks=(100, 4), dtype="f4")
    made[:] = x
    asked = {"resume": str(tmp_path / "keep"), "directions": "axes", "levels": "none"}
    before = gausscheck.analyze(tmp_path / "x.zarr", **asked)
    made[300:] = x[300:] ** 3
    after = gausscheck.analyze(tmp_path / "x.zarr", **asked)
    fresh = gausscheck.analyze(tmp_path / "x.zarr", directions="axes", levels="none")
    assert after.levels["axes"].value == fresh.levels["axes"].value
    assert after.levels["axes"].value != before.levels["axes"].value


def test_an_interrupted_run_goes_on(file, tmp_path, counted, monkeypatch):
    keep = tmp_path / "keep"
    real, calls = passes.take_stretch, []

    def killed(*arguments):
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(passes, "take_stretch", killed)
    with pytest.raises(KeyboardInterrupt):
        gausscheck.analyze(file, resume=str(keep), **FAST)
    assert len(list(keep.glob("*.sketch"))) == 5
    before = len(calls)
    report = gausscheck.analyze(file, resume=str(keep), **FAST)
    whole = -(-counted[1].n // 64)
    assert len(calls) - before < whole
    assert len(list(keep.glob("*.sketch"))) == 1
    monkeypatch.setattr(passes, "take_stretch", real)
    assert plain(report) == plain(gausscheck.analyze(file, **FAST))


def test_rows_in_memory_have_nothing_to_be_known_by(rng, tmp_path):
    with pytest.raises(gausscheck.GausscheckError, match="rows of a file"):
        gausscheck.analyze(rng.standard_normal((500, 4)), resume=str(tmp_path), **FAST)


def test_every_byte_of_a_sketch_is_under_its_checksum(tmp_path, rng):
    x = rng.standard_normal((300, 3)).astype(np.float32)
    save_pass(_whole(x), tmp_path / "x.sketch")
    raw = (tmp_path / "x.sketch").read_bytes()
    want = load_pass(tmp_path / "x.sketch")
    silent, lines = [], []
    for place in range(0, len(raw), 7):
        bad = bytearray(raw)
        bad[place] ^= 1 << (place % 8)
        (tmp_path / "y.sketch").write_bytes(bad)
        try:
            got = load_pass(tmp_path / "y.sketch")
        except GausscheckError as err:
            lines.append(len(str(err).splitlines()))
            continue
        if repr(got) != repr(want):
            silent.append(place)
    assert silent == []
    assert set(lines) == {1}


def _whole(x):
    return passes.sketch_rows(
        gausscheck.open_source(x), 0, 1, memory=1 << 28, seed=0, rows=100, unit=False
    )


def test_sketches_that_contradict_themselves_are_refused(tmp_path, rng):
    whole = _whole(rng.standard_normal((300, 3)).astype(np.float32))
    meta, rows, keys, cells = whole.meta, whole.rows, whole.rows.keys, whole.rows.cells
    for changed in (
        {"slots": whole.slots + 1000},
        {"slots": np.zeros_like(whole.slots)},
        {"sample": whole.sample[:5]},
        {"last": 9},
        {"first": -1},
        {"meta": replace(meta, n=10**12)},
        {"meta": replace(meta, d=4)},
        {"meta": replace(meta, dtype="float64")},
        {"meta": replace(meta, dtype="O")},
        {"meta": replace(meta, leaf=0)},
        {"meta": replace(meta, notes=[1])},
        {"meta": replace(meta, groups=7)},
        {"meta": replace(meta, groups=10**9)},
        {"meta": replace(meta, level=3)},
        {"meta": replace(meta, level=70)},
        {"rows": replace(rows, n=299)},
        {"rows": replace(rows, zero=Named(400, rows.zero.first))},
        {"rows": replace(rows, zero=Named.of(np.array([400])))},
        {"rows": replace(rows, keys=replace(keys, first=keys.first[::-1].copy()))},
        {"rows": replace(rows, keys=replace(keys, first=keys.first + 1))},
        {"rows": replace(rows, keys=replace(keys, keys=keys.keys[:-1]))},
        {"rows": replace(rows, keys=replace(keys, keys=keys.keys.view(np.int64)))},
        {"rows": replace(rows, cells=replace(cells, count=cells.count + 1))},
        {"rows": replace(rows, cells=replace(cells, cell=cells.cell[::-1].copy()))},
        {"rows": replace(rows, cells=replace(cells, shift=64))},
        {"rows": replace(rows, cells=replace(cells, low=np.nan))},
        {"rows": replace(rows, cells=replace(cells, high=1e300))},
        {"sums": tuple(replace(one, squares=one.squares - 1e9) for one in whole.sums)},
        {"sums": tuple(replace(one, means=one.means * np.inf) for one in whole.sums)},
        {"sums": tuple(replace(one, count=one.count + 1) for one in whole.sums)},
        {"sums": whole.sums[:-1]},
    ):
        save_pass(replace(whole, **changed), tmp_path / "x.sketch")
        with pytest.raises(GausscheckError, match="damaged"):
            load_pass(tmp_path / "x.sketch")
