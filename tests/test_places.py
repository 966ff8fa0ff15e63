"""No command writes over what it reads, nor takes an empty name for the current folder."""

from __future__ import annotations

import hashlib
import shutil

import click
import h5py
import numpy as np
import pytest
from click.testing import CliRunner

import gausscheck
from gausscheck.cli import main


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    place = tmp_path_factory.mktemp("places")
    x = np.random.default_rng(0).standard_normal((300, 6)).astype("f4")
    np.save(place / "x.npy", x)
    np.save(place / "labels.npy", np.arange(300) % 3)
    np.savez(place / "report.npz", x=x)
    (place / "shards").mkdir()
    np.save(place / "shards/part-0.npy", x)
    np.save(place / "shards/part-1.npy", x + 1)
    (place / "link.npy").symlink_to("x.npy")
    with h5py.File(place / "own.h5", "w") as file:
        file["embeddings"], file["precious"] = x, x
    quick = {"directions": "axes", "levels": "none", "normalize": "whiten", "threads": 1}
    gausscheck.analyze(x, **quick).save(place / "rep")
    run("sketch", str(place / "x.npy"), "-o", str(place / "a.sketch"))
    return place


@pytest.fixture
def place(made, tmp_path, monkeypatch):
    there = tmp_path / "here"
    shutil.copytree(made, there, symlinks=True)
    monkeypatch.chdir(there)
    return there


def run(*args):
    done = CliRunner().invoke(main, args)
    assert done.exit_code == 0, done.output
    return done


def digests(folder):
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(
    "command",
    [
        "apply rep x.npy --out x.npy",
        "apply rep link.npy --out x.npy",
        "apply rep x.npy --out ./shards/../x.npy",
        "apply rep shards --out shards/part-1.npy",
        "apply rep shards/*.npy --out shards/part-0.npy",
        "apply rep own.h5:precious --out own.h5",
        "apply report.npz x.npy --out report.npz",
        "merge a.sketch -o a.sketch",
        "sketch x.npy -o x.npy",
        "score x.npy report.npz -o report.npz",
        "score report.npz x.npy -o report.npz",
        "analyze x.npy --junit x.npy",
        "analyze x.npy --labels labels.npy --summary labels.npy",
        "analyze x.npy --groups-by labels.npy --junit labels.npy",
        "analyze report.npz --out .",
        "show rep --html rep/report.json",
        "train --data file --out own.h5 --config settings.toml",
    ],
)
def test_a_command_that_would_replace_what_it_reads_is_refused(place, command):
    (place / "settings.toml").write_text('file = "own.h5:embeddings"\nepochs = 1\n')
    before = digests(place)
    done = CliRunner().invoke(main, command.split())
    assert done.exit_code in (1, 2), done.output
    said = done.output.strip().splitlines()[-1]
    assert "expected" in said
    assert digests(place) == before


@pytest.mark.parametrize(
    "command",
    [
        "apply rep x.npy --out y.npy",
        "sketch x.npy -o shards/b.sketch",
        "show rep --html rep/report.html",
    ],
)
def test_writing_beside_what_is_read_is_allowed_and_again(place, command):
    run(*command.split())
    run(*command.split())


TEXTS = [
    (name, param.name)
    for name, command in main.commands.items()
    for param in command.params
    if isinstance(param.type, click.Path | click.types.StringParamType) and param.default != ""
]


def test_an_empty_name_is_refused(place):
    before = digests(place)
    for name, wanted in TEXTS:
        for text in ("", " "):
            args = []
            for param in main.commands[name].params:
                other = "new.sketch" if name in ("sketch", "merge") else "new.npy"
                value = text if param.name == wanted else other
                if isinstance(param, click.Argument):
                    args.append(value if param.name == wanted else "rep/report.json")
                elif param.required or param.name == wanted:
                    args += [param.opts[-1], value]
            done = CliRunner().invoke(main, [name, *args])
            assert done.exit_code == 2, (args, done.output)
            said = done.output.strip().splitlines()[-1]
            assert "expected" in said or "does not exist" in said, said
    assert digests(place) == before


@pytest.mark.parametrize("untrusted", [False, True])
def test_an_empty_path_is_refused_in_python(place, untrusted):
    for ask in (gausscheck.inspect_source, gausscheck.open_source):
        for path in ("", ":x", ":"):
            with pytest.raises(gausscheck.GausscheckError, match=r"empty text|no such file"):
                ask(path, untrusted=untrusted)
