"""Bad files, names, options, settings and reports, through the command line: one line each."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner

from gausscheck.cli import main
from gausscheck.config import Config
from reliability import runner
from reliability.runner import Case, Wrong
from reliability.seeds import FILES, X, report, store

QUICK = ["--directions", "axes", "--levels", "none", "--threads", "1"]

REFUSED, ANY = "refused", "any"
"""What must come of a case: an exit code of 1 or 2, or whichever but without a traceback."""

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
PAGE = b"\n<!DOCTYPE html><html><body>Not found</body></html>"
NOISE = np.random.default_rng(1).bytes(5000)

ODD_NAMES = (
    "a\x1b[31mred", "[/INST]", "[bold]x", "two\nlines", "\u202egnp", "深度", "é" * 80, "-rf",
    "%s{0}", "a b", "'\"", "tab\there",
)  # fmt: skip


def cases() -> list[Case]:
    """Make all of them below one temporary folder."""
    home = runner.home()
    found: list[Case] = []
    for part in (_files, _arrays, _names, _options, _settings, _reports, _others):
        folder = home / part.__name__
        folder.mkdir()
        found += part(folder)
    return found


def command(args: list[Any], expect: str, out: Path | None = None) -> Callable[[], str]:
    """Run a command; hold what it says, its exit code and what it leaves against the promise."""

    def act() -> str:
        done = CliRunner().invoke(main, [str(arg) for arg in args])
        error = done.exception
        if error is not None and not isinstance(error, SystemExit):
            raise error
        lines = runner.errors_in(done.stderr)
        if "internal error" in done.stderr or "Traceback" in done.stderr:
            raise Wrong("tracebacks", done.stderr)
        if "\x1b[31m" in done.output:
            raise Wrong("not one line", "an escape sequence of a name reached the terminal")
        if done.exit_code == 0:
            if expect == REFUSED:
                raise Wrong("silent wrong", done.output[-200:])
            return "done"
        if done.exit_code not in (1, 2, 3):
            raise Wrong("wrong exit code", str(done.exit_code))
        if done.exit_code == 1 and (len(lines) != 1 or not lines[0].startswith("gausscheck: ")):
            raise Wrong("not one line", done.stderr)
        if out is not None and out.exists() and done.exit_code != 3:
            raise Wrong("half-written", str(sorted(p.name for p in out.rglob("*"))))
        return "refused"

    return act


def _audit(path: Path, expect: str, *more: Any) -> Callable[[], str]:
    out = path.parent / f"{path.name[:40]}.out"
    return command(["analyze", path, "--out", out, *QUICK, *more], expect, out)


def _files(folder: Path) -> list[Case]:
    """Every format: empty, cut, of other bytes, a pipe, a device, a folder."""
    found: list[Case] = []
    for kind, (name, write) in FILES.items():
        here = folder / kind.replace(" ", "_")
        here.mkdir()
        sound = here / f"sound{Path(name).suffix}"
        write(sound)
        raw = sound.read_bytes()
        text = kind in ("csv", "jsonl")  # what is cut between two lines is a table all the same
        bad = {
            "empty": b"", "pointer": POINTER, "page": PAGE, "noise": NOISE, "zeros": bytes(3000),
            **{f"cut {k}": raw[: len(raw) * k // 12] for k in range(1, 12)},
            "one byte": raw[:1], "half a header": raw[:7],
        }  # fmt: skip
        for word, content in bad.items():
            path = here / f"{word.replace(' ', '_')}{sound.suffix}"
            path.write_bytes(content)
            loose = text and word.startswith("cut")
            found.append((f"{kind} {word}", _audit(path, ANY if loose else REFUSED)))
            if word in ("empty", "noise", "cut 6"):
                expect = ANY if loose else REFUSED
                found.append((f"{kind} {word} inspected", command(["inspect", path], expect)))
        found += _strange(kind, here, sound.suffix)
        found.append((f"{kind} as the wrong format", _audit(_renamed(sound), REFUSED)))
    for version in (2, 3):
        path = folder / f"v{version}.zarr"
        store(path, version)
        for place in sorted(path.rglob("*")):
            if place.is_file():
                copy = folder / f"v{version}-{len(found)}.zarr"
                shutil.copytree(path, copy)
                (copy / place.relative_to(path)).write_bytes(b"\x00garbage")
                needed = place.parent.name == "emb" or place.parent.parent.name == "emb"
                expect = REFUSED if needed and place.name != ".zattrs" else ANY
                found.append((f"zarr {version} {place.name} garbage", _audit(copy, expect)))
    return found


def _strange(kind: str, here: Path, suffix: str) -> list[Case]:
    os.mkfifo(here / f"pipe{suffix}")
    (here / f"device{suffix}").symlink_to("/dev/zero")
    (here / f"loop{suffix}").symlink_to(here / f"loop{suffix}")
    (here / f"gone{suffix}").symlink_to(here / "nowhere")
    (here / f"folder{suffix}").mkdir()
    words = ("pipe", "device", "loop", "gone", "folder", "missing")
    return [(f"{kind} {word}", _audit(here / f"{word}{suffix}", REFUSED)) for word in words]


def _renamed(path: Path) -> Path:
    other = path.with_suffix(".safetensors" if path.suffix != ".safetensors" else ".faiss")
    other.write_bytes(path.read_bytes())
    return other


def _arrays(folder: Path) -> list[Case]:
    """Arrays that are no embeddings, or hardly."""
    rng = np.random.default_rng(2)
    with np.errstate(all="ignore"):
        arrays: dict[str, tuple[Any, str]] = {
            "1-d": (X[:, 0], REFUSED), "3-d": (X[None], REFUSED), "0-d": (np.float32(3), REFUSED),
            "no rows": (X[:0], REFUSED), "no columns": (X[:, :0], REFUSED),
            "complex": (X.astype(complex), REFUSED), "bool": (X > 0, REFUSED),
            "strings": (X.astype(str), REFUSED), "objects": (X.astype(object), REFUSED),
            "dates": (X.astype("M8[s]"), REFUSED), "records": (np.zeros(9, "f4,i4"), REFUSED),
            "one row": (X[:1], REFUSED), "19 rows": (X[:19], REFUSED),
            "equal rows": (np.ones((50, 3)), REFUSED), "zeros": (np.zeros((50, 3)), REFUSED),
            "all NaN": (np.full((50, 3), np.nan), REFUSED),
            "one NaN": (np.where(np.eye(60, 4, dtype=bool), np.nan, X), REFUSED),
            "one inf": (np.where(np.eye(60, 4, dtype=bool), np.inf, X), REFUSED),
            "1e300": (X.astype(float) * 1e300, ANY), "1e-300": (X.astype(float) * 1e-300, ANY),
            "one column": (X[:, :1], ANY), "constant column": (np.c_[X, np.ones(60)], ANY),
            "two values": (np.sign(X), ANY), "rank one": (np.outer(X[:, 0], X[0]), ANY),
            "20 rows": (rng.standard_normal((20, 3)), ANY),
            "wide": (rng.standard_normal((25, 300)), ANY),
            "one outlier": (np.where(np.eye(60, 4, dtype=bool), 1e6, X), ANY),
            "duplicates": (np.repeat(X[:3], 20, axis=0), ANY),
            "one hot": (np.eye(60, 5), ANY), "integers": ((X * 9).astype("i8"), ANY),
            "far": (X.astype(float) + 1e12, ANY), "big endian": (X.astype(">f4"), ANY),
            "half": (X.astype("f2"), ANY), "unit": (X / np.linalg.norm(X, axis=1)[:, None], ANY),
        }  # fmt: skip
    found: list[Case] = []
    for word, (array, expect) in arrays.items():
        path = folder / f"{word.replace(' ', '_')}.npy"
        np.save(path, array, allow_pickle=True)
        found.append((f"array {word}", _audit(path, expect)))
        if expect == ANY:
            found += [
                (f"array {word} {how}", _audit(path, ANY, "--normalize", how))
                for how in ("unit", "whiten", "standardize")
            ]
    return found


def _names(folder: Path) -> list[Case]:
    """Names that are no words: of files, keys, labels, folders to write to."""
    found: list[Case] = []
    for i, name in enumerate(ODD_NAMES):
        here = folder / str(i)
        here.mkdir()
        plain = name.replace("/", "")
        np.save(here / f"{plain}.npy", X)
        np.savez(here / "x.npz", **{name: X, "other": X})
        np.save(here / "labels.npy", np.array([name, "b"])[np.arange(60) % 2])
        odd = here / f"{plain}.npy"
        found += [
            (f"name {i}", command(["analyze", odd, *QUICK], ANY)),
            (f"name {i} inspected", command(["inspect", odd], ANY)),
            (f"name {i} missing", command(["analyze", here / f"{plain}2.npy"], REFUSED)),
            (f"key {i}", command(["analyze", here / "x.npz", *QUICK], REFUSED)),
            (f"key {i} inspected", command(["inspect", here / "x.npz"], ANY)),
            (f"label {i}", command(["analyze", odd, "--labels", here / "labels.npy", "--group",
                                    *QUICK], ANY)),
            (f"out {i}", command(["analyze", odd, "--out", here / f"{plain}.out", *QUICK], ANY)),
        ]  # fmt: skip
    raw = os.fsdecode(os.fsencode(folder) + b"/x\xff.npy")
    np.save(raw, X)
    long = folder / ("x" * 300 + ".npy")
    found += [
        ("name not UTF-8", command(["analyze", raw, *QUICK], ANY)),
        ("name too long", command(["analyze", long, *QUICK], REFUSED)),
        ("name with NUL", command(["analyze", f"{folder}/x\0.npy", *QUICK], REFUSED)),
        ("name empty", command(["analyze", "", *QUICK], REFUSED)),
        ("name of a protocol", command(["analyze", "nowhere://x.npy", *QUICK], REFUSED)),
    ]
    return found


def _options(folder: Path) -> list[Case]:
    """Options of wrong values."""
    np.save(folder / "x.npy", X)
    wrong = {
        "--directions": ["", "axis", "axes:0", "axes:-1", "random:x", "random:", "file:", "pca:1.5",
                         "file:/dev/zero", "axes,,", "lda:0", "ica:99999999999999999999"],
        "--levels": ["", "all", "none,norms", "norms norms"],
        "--normalize": ["", "rotate"],
        "--subsets": ["", "5", "5x", "x5", "0x100", "1x5", "5x1000", "-1x30", "99999999x99999999"],
        "--reference": ["", "0", "-5", "x", "1.5"],
        "--rows": ["0", "-1", "x", "5"],
        "--memory": ["", "lots", "1MB", "-1GB", "0", "NaN", "1e9", "1XB"],
        "--seed": ["-1", "x", "1.5", ""],
        "--threads": ["-1", "x", "999999999"],
        "--labels": ["none.npy", "/dev/zero", "x.npy", "nowhere", "x.npy:key", "."],
        "--on-bad-rows": ["keep", ""],
        "--dataset": ["x", "", "/", ".."],
        "--config": ["none.toml", ".", "/dev/null"],
        "--dask": ["nonsense", "foo://x:1"],
        "--out": ["x.npy", f"{folder}/x.npy/out", "/proc/out", "/dev/null"],
        "--fail-on": ["always"],
    }  # fmt: skip
    loose = {("--levels", "norms norms"), ("--dataset", ""), ("--labels", "x.npy"),
             ("--config", "/dev/null"), ("--directions", "axes,,"), ("--threads", "999999999"),
             ("--directions", ""), ("--reference", ""), ("--directions", "random:"),
             ("--directions", "ica:99999999999999999999")}  # fmt: skip
    found: list[Case] = []
    for option, values in wrong.items():
        for value in values:
            args = [value if value.startswith("/") or not (folder / value).exists()
                    else folder / value]  # fmt: skip
            expect = ANY if (option, value) in loose else REFUSED
            asked = ["analyze", folder / "x.npy", "--levels", "none", "--directions", "axes",
                     option, *args]  # fmt: skip
            found.append((f"{option} {value!r}", command(asked, expect)))
    return found


def _settings(folder: Path) -> list[Case]:
    """Files of options: every field of every wrong type, and TOML that is none."""
    np.save(folder / "x.npy", X)
    values = ["1", "-1", "1.5", "nan", "inf", '""', '"x"', "true", "[]", "[1, 2]", "{a = 1}",
              "1979-05-27", "99999999999999999999999"]  # fmt: skip
    found: list[Case] = []
    for field in dataclasses.fields(Config):
        for i, value in enumerate(values):
            path = folder / f"{field.name}-{i}.toml"
            path.write_text(f"{field.name} = {value}\n")
            args = ["analyze", folder / "x.npy", "--config", path, *QUICK]
            found.append((f"{field.name} = {value}", command(args, ANY)))
    for i, content in enumerate([b"= 3", b"\xff\xfe", b"[" * 5000, b"a = 1", POINTER, NOISE]):
        path = folder / f"bad-{i}.toml"
        path.write_bytes(content)
        args = ["analyze", folder / "x.npy", "--config", path, *QUICK]
        found.append((f"TOML {i}", command(args, REFUSED)))
    return found


def _reports(folder: Path) -> list[Case]:
    """Reports with every field left out or of another type, shown, drawn and applied."""
    report(folder / "sound")
    np.save(folder / "x.npy", X)
    data = json.loads((folder / "sound" / "report.json").read_text())
    found: list[Case] = []

    def add(word: str, content: bytes, expect: str = ANY) -> None:
        here = folder / f"r{len(found)}"
        here.mkdir()
        shutil.copy(folder / "sound" / "report.npz", here)
        (here / "report.json").write_bytes(content)
        found.append((f"report {word} shown", command(["show", here], expect)))

    for key in data:
        rest = {k: v for k, v in data.items() if k != key}
        add(f"without {key}", json.dumps(rest).encode())
        for value in (None, 3, "x", [], {}, [[]], {"x": {"y": 1}}):
            add(f"{key} = {value}", json.dumps({**data, key: value}).encode())
        if isinstance(data[key], dict):
            for inner in list(data[key])[:8]:
                changed = {**data[key], inner: "\x1b[31m"}
                add(f"{key}.{inner} odd", json.dumps({**data, key: changed}).encode())
    for word, content in {
        "empty": b"", "not JSON": b"{", "deep": b"[" * 100_000, "list": b"[]", "noise": NOISE,
        "NaN": b"NaN", "UTF-16": json.dumps(data).encode("utf-16"), "page": PAGE,
        "other digest": json.dumps({**data, "arrays_sha256": "0" * 64}).encode(),
    }.items():  # fmt: skip
        add(word, content, REFUSED)
    found += _archives(folder)
    return found


def _archives(folder: Path) -> list[Case]:
    raw = (folder / "sound" / "report.npz").read_bytes()
    found: list[Case] = []
    for word, content in {
        "empty": b"", "noise": NOISE, "half": raw[: len(raw) // 2], "cut": raw[:-30],
        "flipped": raw[:500] + bytes([raw[500] ^ 1]) + raw[501:], "no zip": b"PK\x03\x04" + NOISE,
    }.items():  # fmt: skip
        here = folder / f"npz-{word.replace(' ', '-')}"
        shutil.copytree(folder / "sound", here)
        (here / "report.npz").write_bytes(content)
        applied = ["apply", here, folder / "x.npy", "--out", here / "y.npy"]
        found += [
            (f"report.npz {word} shown", command(["show", here], REFUSED)),
            (f"report.npz {word} drawn", command(["plot", here, "--out", here / "p"], REFUSED)),
            (f"report.npz {word} applied", command(applied, REFUSED)),
        ]
    return found


def _others(folder: Path) -> list[Case]:
    """The other commands, on what is missing or not theirs."""
    np.save(folder / "x.npy", X)
    (folder / "bad.npy").write_bytes(NOISE)
    (folder / "bad.sketch").write_bytes(NOISE)
    found: list[Case] = []
    for name in ("bad.npy", "none.npy", "."):
        path = folder / name
        found += [
            (f"pairs {name}", command(["pairs", path, folder / "x.npy"], REFUSED)),
            (f"scale {name}", command(["scale", path, "--prefix-dims", "2,3,4"], REFUSED)),
            (f"sketch {name}", command(["sketch", path, "--out", folder / "s.sketch"], REFUSED)),
            (f"show {name}", command(["show", path], REFUSED)),
            (f"plot {name}", command(["plot", path], REFUSED)),
            (f"apply {name}", command(["apply", path, folder / "x.npy", "--out", folder / "y.npy"],
                                      REFUSED)),
        ]  # fmt: skip
    found += [
        ("merge noise", command(["merge", folder / "bad.sketch", "--out", folder / "m.sketch"],
                                REFUSED)),
        ("no command", command(["frobnicate"], REFUSED)),
        ("no file", command(["analyze"], REFUSED)),
    ]  # fmt: skip
    return found
