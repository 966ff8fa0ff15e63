"""Results that appear whole, work that killed processes left, and first looks at a file."""

import hashlib
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
    host, pid = dead.name.split("-")[1:3]
    others = [
        dead.name.replace("gausscheck-", "gausscheck-another"),
        dead.name[1:],
        f"gausscheck-{host}-{pid}-06-01",
        f".gausscheck-{host}-{pid}-06-01",
        f".gausscheck-{host}-{pid}-06-01.partial",
        f"{dead.name}.bak",
    ]
    kept = [ours, *(tmp_path / name for name in others)]
    for folder in (dead, *kept):
        folder.mkdir()
        (folder / "x").write_text("x")
    with atomic_path(tmp_path / "y.txt") as work:
        work.write_text("y")
    assert not dead.exists()
    assert all((folder / "x").exists() for folder in kept)


def test_what_is_not_finished_lies_where_no_other_user_comes(tmp_path):
    for what, place in ((atomic_path, "one"), (lambda at: atomic_folder(at, "report"), "all")):
        names = set()
        for _ in range(2):
            with what(tmp_path / place) as work:
                folder = work if work.is_dir() else work.parent
                names.add(folder.name)
                assert folder.stat().st_mode & 0o777 == 0o700
                (folder / "file").write_text("x")
        assert len(names) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all", "one"]


def test_what_appears_may_be_read_as_what_others_make(tmp_path):
    before = os.umask(0o027)
    try:
        put(tmp_path / "all", a_txt="1")
        with atomic_path(tmp_path / "one") as work:
            work.write_text("1")
    finally:
        os.umask(before)
    assert (tmp_path / "all").stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "one").stat().st_mode & 0o777 == 0o640
    assert names(tmp_path / "all") == ["a.txt"]


@pytest.mark.parametrize("swapped", [True, False])
def test_a_list_names_nothing_that_was_changed_and_no_folder(tmp_path, swapped):
    out = tmp_path / "out"
    put(out, a_txt="1", b_txt="1", c_txt="1", d_txt="1")
    (out / "a.txt").write_text("mine")
    (out / "c.txt").write_text("mine")
    if not swapped:
        (out / "sub").mkdir()
        (out / "sub" / "x").write_text("x")
        (out / "link").symlink_to("sub")
    digest = hashlib.sha256(b"1").hexdigest()
    listed = out / ".report.sha256"
    more = [f"{digest}  {name}\n" for name in ("sub", "link", "gone.txt")]
    listed.write_text(listed.read_text() + "".join(more))
    put(out, a_txt="2")
    assert (out / "a.txt").read_text() == "2"
    assert (out / "c.txt").read_text() == "mine"
    assert not (out / "b.txt").exists()
    assert not (out / "d.txt").exists()
    assert swapped or (out / "link" / "x").read_text() == "x"


@pytest.mark.parametrize(
    "line",
    ["{0}  precious.txt", "{1}  ../precious.txt", "{1}  .precious", "{1}  sub/precious.txt",
     "{1} precious.txt", "{1}  precious.txt\nwords", "{1}  precious.txt" + "\n" * 70_000],
)  # fmt: skip
def test_a_list_of_others_takes_nothing_away(tmp_path, line):
    out = tmp_path / "out"
    (out / "sub").mkdir(parents=True)
    places = [out / "precious.txt", tmp_path / "precious.txt", out / ".precious",
              out / "sub" / "precious.txt"]  # fmt: skip
    for place in places:
        place.write_text("1")
    digests = (hashlib.sha256(text).hexdigest() for text in (b"2", b"1"))
    (out / ".report.sha256").write_text(line.format(*digests))
    put(out, a_txt="2")
    assert all(place.read_text() == "1" for place in places)
    assert names(out) == ["a.txt", "precious.txt", "sub"]


@pytest.mark.parametrize("name", ["a.txt", ".report.sha256"])
def test_a_folder_in_the_way_is_told_before_anything_changes(tmp_path, name):
    out = tmp_path / "out"
    (out / name).mkdir(parents=True)
    (out / name / "x").write_text("x")
    with pytest.raises(GausscheckError, match=f"no folder {name} in it.*nothing is changed"):
        put(out, a_txt="2", **{"0_txt": "2"})
    assert [path.name for path in out.iterdir()] == [name]
    assert (out / name / "x").read_text() == "x"


def test_a_list_that_is_a_folder_or_a_pipe_is_not_read(tmp_path):
    out = tmp_path / "out"
    (out / ".figures.sha256").mkdir(parents=True)
    os.mkfifo(out / ".page.sha256")
    with atomic_folder(out, "report", "figures", "page") as work:
        (work / "a.txt").write_text("1")
    assert names(out) == ["a.txt"]
    assert (out / ".figures.sha256").is_dir()


def test_a_result_half_written_is_told(tmp_path, monkeypatch):
    out = tmp_path / "out"
    put(out, a_txt="1", b_txt="1")
    (out / "sub").mkdir()
    real, moved = os.replace, []

    def refuse(one, other):
        if moved:
            raise OSError(5, "Input/output error")
        moved.append(real(one, other))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(GausscheckError, match="files of two results"):
        put(out, a_txt="2", b_txt="2")


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
