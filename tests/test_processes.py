"""Processes that are started run nothing that lies in the current folder."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gausscheck
from gausscheck.core import GausscheckError
from gausscheck.processes import import_paths, may_start_safely, safe_path
from gausscheck.sources import faiss_index
from gausscheck.sources.untrusted import UntrustedSource

NAMES = ("json", "multiprocessing", "numpy", "encodings", "gausscheck", "matplotlib", "select")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A current folder with modules that say that they ran."""
    folder = tmp_path / "here"
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name}.py").write_text(f"open({str(folder / 'RAN')!r}, 'a').write({name!r})\n")
    np.save(folder / "x.npy", np.random.default_rng(0).standard_normal((30, 3)))
    monkeypatch.chdir(folder)
    return folder


def test_a_file_read_apart(here):
    source = UntrustedSource("x.npy")
    assert source.read(0, 30).shape == (30, 3)
    source.close()
    assert not (here / "RAN").exists()


def test_a_file_read_apart_where_modules_are_looked_for_here(here, monkeypatch):
    monkeypatch.setattr(sys, "path", ["", ".", str(here), *sys.path])
    test_a_file_read_apart(here)


def test_a_faiss_index(here):
    with pytest.raises(GausscheckError, match="faiss cannot give its vectors back"):
        faiss_index._run(here / "x.npy", here / "out")
    assert not (here / "RAN").exists()


def test_figures_drawn_by_another_process(here, tmp_path):
    script = tmp_path / "start.py"
    script.write_text(
        "from gausscheck.figures.elsewhere import OtherProcess\n"
        "if __name__ == '__main__':\n"
        "    OtherProcess().end()\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert not (here / "RAN").exists()


def test_paths_that_travel(here, monkeypatch):
    home = str(Path(gausscheck.__file__).resolve().parents[1])
    monkeypatch.setattr(sys, "path", ["", "relative", str(here), "/elsewhere"])
    assert import_paths().split(os.pathsep) == ["/elsewhere", home]
    monkeypatch.chdir(home)
    monkeypatch.setattr(sys, "path", [home, "/elsewhere"])
    assert import_paths().split(os.pathsep) == ["/elsewhere", home]


@pytest.mark.parametrize("before", [None, "", "1"])
def test_the_environment_is_as_it_was(monkeypatch, before):
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    if before is not None:
        monkeypatch.setenv("PYTHONSAFEPATH", before)
    with safe_path():
        assert os.environ["PYTHONSAFEPATH"] == "1"
    assert os.environ.get("PYTHONSAFEPATH") == before


@pytest.mark.parametrize(
    ("option", "may"), [("-E", False), ("-I", True), ("-P", True), ("-B", True)]
)
def test_none_is_started_where_the_environment_is_not_read(option, may):
    if "PYTHONSAFEPATH" in os.environ:
        pytest.skip("set already")
    source = Path(may_start_safely.__code__.co_filename)
    program = f"exec(open({str(source)!r}).read()); print(may_start_safely())"
    done = subprocess.run([sys.executable, option, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == str(may)
