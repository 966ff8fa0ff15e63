"""Every command of README and docs, as a reader would type it: it runs, at 80 columns."""

import re
import subprocess
import sys

import click
import h5py
import numpy as np
import pytest
from click.testing import CliRunner

import gausscheck
from conftest import ROOT
from gausscheck.cli import main

PAGES = {
    "README.md": 23, "CONTRIBUTING.md": 0, "SECURITY.md": 0, "data/README.md": 0,
    **{f"docs/{p.name}": 0 for p in sorted((ROOT / "docs").glob("*.md"))},
    "docs/cluster.md": 5, "docs/compare.md": 3, "docs/gallery.md": 2, "docs/index.md": 1,
    "docs/models.md": 2, "docs/recipes.md": 2, "docs/pairs.md": 2, "docs/repair.md": 3,
    "docs/reproduction.md": 1,
    "docs/scaling.md": 4, "docs/showing.md": 9, "docs/train.md": 7,
}  # fmt: skip
"""Pages, and how many commands are seen in each: a page whose form changes is noticed."""

PARSED = ("train", "reproduce")
"""Commands that take minutes and torch, which tests/train runs: options alone are checked, as of
those that name a cluster's address."""

UNLIMITED = ("--json", "--format")
"""What is for programs is as wide as it is."""


def commands(page):
    """The commands of a page's sh blocks, those of gausscheck alone, as lines of shell."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r"&&|(?<!\|)\|(?!\|)", line):
                if part.strip().startswith("gausscheck "):
                    yield part.strip()


def words(command, folder):
    """Expand a command as bash does: braces, variables, patterns, quotes, comments."""
    rest = command.removeprefix("gausscheck ")
    done = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {rest}"], cwd=folder, capture_output=True, check=True,
        env={"SLURM_ARRAY_TASK_ID": "1", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    return done.stdout.decode().split("\0")[:-1]


def rows(seed, d=8, n=1000):
    return np.random.default_rng(seed).standard_normal((n, d))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What a reader has: files by the names that the pages use."""
    place = tmp_path_factory.mktemp("reader")
    (place / "data").symlink_to(ROOT / "data")
    with h5py.File(place / "emb.h5", "w") as file:
        file["embeddings"], file["video"] = rows(0, 384), np.arange(1000) // 10
        for i, name in enumerate(("anchor", "positive", "e5_small", "minilm", "wordllama")):
            file[name] = rows(1) + 0.5 * rows(2 + i)
    for name in ("run", "digits", "run1", "resnet_infonce", "resnet_supervised"):
        with h5py.File(place / f"{name}.h5", "w") as file:  # as train writes them
            file["embeddings"], file["anchor"], file["positive"] = rows(1), rows(1), rows(2)
    for d in (16, 32, 64, 128):
        with h5py.File(place / f"run{d}.h5", "w") as file:
            file["z"] = rows(d, d)
    with h5py.File(place / "clips.h5", "w") as file:
        file["embeddings"], file["video"] = rows(3), np.arange(1000) // 10
    np.save(place / "emb.npy", rows(0))
    np.save(place / "x.npy", rows(0, 384))
    np.save(place / "y.npy", np.arange(1000) % 2)
    np.save(place / "log_p.npy", -np.abs(rows(0)).sum(axis=1))
    plain = ("old", "new", "reference", "z", "a", "b", "e5", "minilm", "wordllama", "step1000",
             "step2000", "images", "captions")  # fmt: skip
    names = [*plain, *(f"epoch_{e}" for e in (0, 1, 5, 20)),
             *(f"run{d}_b{b}" for d in (16, 32) for b in (8, 128))]  # fmt: skip
    for i, name in enumerate(names):
        np.save(place / f"{name}.npy", rows(1) + 0.1 * rows(10 + i))
    (place / "shards").mkdir()
    for i in range(3):
        np.save(place / "shards" / f"{i}.npy", rows(20 + i, n=200))
    for i, name in enumerate(("img_emb", "text_emb")):  # as clip-retrieval writes them
        (place / "laion" / name).mkdir(parents=True)
        for part in range(2):
            np.save(place / "laion" / name / f"{name}_{part}.npy", rows(30 + part) + rows(40 + i))
    (place / "parts").mkdir()
    for part in (2, 3):
        run(["sketch", "shards", "--part", f"{part}/3", "-o", f"parts/{part}.sketch"], place)
    for name in ("report", "reports/old", "reports/new"):
        found = gausscheck.analyze(rows(1), directions="axes", levels="none", threads=1)
        found.save(place / name)
    return place


def run(arguments, place):
    import os

    before = os.getcwd()
    os.chdir(place)
    try:
        return CliRunner().invoke(main, arguments, env={"COLUMNS": "80"})
    finally:
        os.chdir(before)


posix = pytest.mark.skipif(sys.platform == "win32", reason="pages speak to a POSIX shell")


@posix
@pytest.mark.parametrize("page", PAGES)
def test_every_option_of_a_page_exists(page, tmp_path):
    seen = list(commands(page))
    assert len(seen) == PAGES[page], seen
    for command in seen:
        name, *rest = words(command, tmp_path)
        known = {o for p in main.commands[name].params for o in (*p.opts, *p.secondary_opts)}
        assert {w.partition("=")[0] for w in rest if w.startswith("-")} <= known, command


@posix
@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page, count in PAGES.items() if count])
def test_every_command_of_a_page_does_what_it_says(page, folder):
    for command in commands(page):
        arguments = words(command.replace("/shared/emb/", "shards").replace("/64 ", "/3 "), folder)
        name, *rest = arguments
        if name in PARSED or "--dask" in rest:
            continue
        done = run(arguments, folder)
        gated = {"--require", "--fail-on"} & set(rest)
        assert done.exit_code in ({0, 3, 4} if gated else {0}), (command, done.output)
        assert "Traceback" not in done.output
        if not set(UNLIMITED) & set(rest):
            long = [line for line in done.stdout.splitlines() if len(line) > 80]
            assert not long, (command, long)


@pytest.mark.parametrize("name", ["", *main.commands])
def test_help_fits_and_no_line_of_it_is_cut(name):
    done = CliRunner().invoke(main, [*name.split(), "--help"], env={"COLUMNS": "80"})
    assert done.exit_code == 0
    assert max(map(len, done.output.splitlines())) <= 80
    listed = done.output.partition("Commands:")[2]
    assert "..." not in listed  # the sentence of a command is whole
    for parameter in main.commands[name].params if name else ():
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


def test_words_are_those_of_a_shell(tmp_path):
    assert words("gausscheck x a{1,2} 'b c' # said", tmp_path) == ["x", "a1", "a2", "b c"]
