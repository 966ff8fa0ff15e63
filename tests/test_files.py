"""Results that appear whole, work that killed processes left, and first looks at a file."""

import os
import subprocess
import sys

import numpy as np
import pytest

from gausscheck.core import GausscheckError
from gausscheck.files import (
    atomic_folder,
    atomic_path,
    check_folder,
    read_arrays,
    save_result,
    scratch,
)
from gausscheck.swap import work_name


def put(folder, stem="report", **files):
    with atomic_folder(folder, stem) as work:
        for name, content in files.items():
            (work / name.replace("_", ".")).write_text(content)


def names(folder):
    return sorted(path.name for path in folder.glob("[!.]*"))


def test_new_files_come_as_old_ones_go(tmp_path):
    out = tmp_path / "out"
    put(out, a_txt="1", b_txt="1")
    os.chmod(out, 0o750)
    put(out, "other", c_txt="1")
    (out / "mine.txt").write_text("keep")
    put(out, a_txt="2", d_txt="2")
    assert names(out) == ["a.txt", "c.txt", "d.txt", "mine.txt"]
    assert (out / "a.txt").read_text() == "2"
    assert (out / "mine.txt").read_text() == "keep"
    assert out.stat().st_mode & 0o777 == 0o750
    assert names(tmp_path) == ["out"]
    assert list(tmp_path.glob(".*")) == []


def test_a_failure_leaves_what_was_there(tmp_path):
    put(tmp_path / "out", a_txt="1")

    def fail():
        with atomic_folder(tmp_path / "out", "report") as work:
            (work / "a.txt").write_text("2")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert (tmp_path / "out" / "a.txt").read_text() == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("how", ["folder inside", "working folder", "link"])
def test_folders_that_cannot_be_swapped_are_written_all_the_same(tmp_path, monkeypatch, how):
    out = tmp_path / "out"
    put(out, a_txt="1", b_txt="1")
    inode = out.stat().st_ino
    place = out
    if how == "folder inside":
        (out / "sub").mkdir()
    elif how == "working folder":
        monkeypatch.chdir(out)
    else:
        place = tmp_path / "link"
        place.symlink_to(out)
    put(place, a_txt="2")
    assert (out / "a.txt").read_text() == "2"
    assert not (out / "b.txt").exists()
    assert (out.stat().st_ino == inode) == (how != "link")
    assert place.is_symlink() == (how == "link")


def test_what_dead_processes_left_is_removed_and_nothing_else(tmp_path):
    child = subprocess.run(
        [sys.executable, "-c", "from gausscheck.swap import work_name; print(work_name())"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    dead, ours = tmp_path / child.stdout.strip(), tmp_path / work_name()
    strange = tmp_path / dead.name.replace("gausscheck-", "gausscheck-another")
    for folder in (dead, ours, strange):
        folder.mkdir()
        (folder / "x").write_text("x")
    with atomic_path(tmp_path / "y.txt") as work:
        work.write_text("y")
    assert not dead.exists()
    assert ours.exists()
    assert strange.exists()


def test_arrays_of_another_run_are_told(tmp_path):
    save_result(tmp_path / "a", "report", {"run": 1}, {"x": np.zeros(3)})
    save_result(tmp_path / "b", "report", {"run": 2}, {"x": np.ones(3)})
    import json

    digest = json.loads((tmp_path / "a" / "report.json").read_text())["arrays_sha256"]
    assert read_arrays(tmp_path / "a" / "report.npz", digest)["x"].sum() == 0
    with pytest.raises(GausscheckError, match="not the arrays that its JSON was written with"):
        read_arrays(tmp_path / "b" / "report.npz", digest)


def test_folders_that_cannot_be_written_are_told_before(tmp_path):
    check_folder(tmp_path / "new" / "one")
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(GausscheckError, match="can be written"):
            check_folder(place)


def test_space_that_is_not_there_is_told_before_it_is_used():
    with scratch(4096) as file:
        assert os.fstat(file.fileno()).st_blocks * 512 >= 4096
    with pytest.raises(GausscheckError, match="expected room for"):
        scratch(1 << 60)
