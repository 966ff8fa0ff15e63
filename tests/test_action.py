"""The GitHub action, its steps run one after another as the host runs them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

import gausscheck
from conftest import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="bash may be another system's")

PYTHON = """#!/bin/sh
# what setup-python gives: makes an environment whose pip writes down what it is to install
[ "$1 $2" = "-m venv" ] || exit 9
mkdir -p "$3/bin"
printf '#!/bin/sh\\nprintf "%%s\\\\0" "$@" > "{log}"\\n' > "$3/bin/python"
printf '#!/bin/sh\\nexec "{python}" -m gausscheck "$@"\\n' > "$3/bin/gausscheck"
chmod +x "$3/bin/python" "$3/bin/gausscheck"
"""

EVIL = (
    "$(touch pwned)`touch pwned`\"; touch pwned; \"'; touch pwned; '${IFS}\ntouch pwned\n"
    "code=0\nGAUSSCHECK=true\n#"
)
"""Each way that a shell has to take text for a command."""

slow = pytest.mark.slow


class Host:
    """Runs the steps of a composite action: contexts, files of outputs, exit codes."""

    def __init__(self, folder):
        self.folder, self.steps, self.uploaded = folder, {}, None
        for name in ("work", "temp"):
            (folder / name).mkdir(parents=True)
        self.files = {name: folder / name for name in ("env", "output", "summary.md")}
        self.log = folder / "pip"
        self.python = folder / "python"
        self.python.write_text(PYTHON.format(log=self.log, python=sys.executable))
        self.python.chmod(0o755)
        self.env = {}

    def run(self, **inputs):
        """Return the exit code of the job."""
        action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
        defaults = {name: one.get("default", "") for name, one in action["inputs"].items()}
        assert set(inputs) <= set(defaults)
        self.inputs = defaults | inputs
        for step in action["runs"]["steps"]:
            code = self._used(step) if "uses" in step else self._run(step)
            if code:
                return code
        return 0

    def _value(self, text):
        def of(match):
            path = match[1].strip().split(".")
            if path[0] == "inputs":
                return self.inputs[path[1]]
            if path[0] == "steps":
                return self.steps.get(path[1], {}).get(path[3], "")
            return {"runner.temp": str(self.folder / "temp"), "github.action_path": str(ROOT)}[
                ".".join(path)
            ]

        return re.sub(r"\$\{\{(.*?)\}\}", of, str(text))

    def _used(self, step):
        if step["uses"].startswith("actions/setup-python"):
            self.steps[step["id"]] = {"python-path": str(self.python)}
        else:
            assert step["uses"].startswith("actions/upload-artifact")
            given = {name: self._value(value) for name, value in step["with"].items()}
            self.uploaded = (given["name"], sorted(p.name for p in Path(given["path"]).iterdir())
                             if Path(given["path"]).is_dir() else [])  # fmt: skip
        return 0

    def _run(self, step):
        script = self.folder / "script.sh"
        script.write_text(step["run"])
        names = {
            "GITHUB_ENV": str(self.files["env"]),
            "GITHUB_OUTPUT": str(self.files["output"]),
            "GITHUB_STEP_SUMMARY": str(self.files["summary.md"]),
        }
        given = {name: self._value(value) for name, value in step.get("env", {}).items()}
        self.files["output"].write_text("")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.folder / "work", check=False, capture_output=True, text=True,
            env={**os.environ, **self.env, **given, **names},
        )  # fmt: skip
        self.said = done.stdout + done.stderr
        for held, into in (
            ("env", self.env),
            ("output", self.steps.setdefault(step.get("id"), {})),
        ):
            path = self.files[held]
            for line in path.read_text().splitlines() if path.exists() else ():
                name, _, value = line.partition("=")
                into[name] = value
        return done.returncode


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path / "host")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    place = tmp_path_factory.mktemp("rows")
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4000, 6))
    np.save(place / "gaussian.npy", x)
    np.save(place / "cubed.npy", x**3)
    np.save(place / "few.npy", x[:40])
    report = gausscheck.analyze(x, directions="axes", levels="none", threads=1)
    report.save(place / "kept")
    return place


FAST = {"directions": "axes", "levels": "none"}


@pytest.mark.parametrize(
    ("name", "asked", "code"),
    [
        ("gaussian", {"require": "axes<0.9"}, 0),
        ("cubed", {"require": "axes<0.9"}, 3),
        pytest.param("cubed", {"fail-on": "not_gaussian"}, 3, marks=slow),
        pytest.param("cubed", {}, 0, marks=slow),
        pytest.param("few", {"fail-on": "inconclusive"}, 4, marks=slow),
        ("missing", {}, 1),
        ("gaussian", {"require": "axes<0.9; echo $HOME"}, 2),
    ],
)
def test_the_job_ends_as_the_audit_does_and_uploads_before(host, files, name, asked, code):
    assert host.run(file=str(files / f"{name}.npy"), **FAST, **asked) == code, host.said
    assert host.steps["audit"]["code"] == str(code)
    label, held = host.uploaded
    assert label == "gausscheck"
    assert ("report.json" in held) == (code in (0, 3, 4))
    if code != 2:
        assert "junit.xml" in held
        assert "## gausscheck" in host.files["summary.md"].read_text()


@pytest.mark.parametrize(
    ("name", "baseline", "code"),
    [
        ("cubed", "kept", 3),
        pytest.param("gaussian", "cubed.npy", 0, marks=slow),
        pytest.param("cubed", "gaussian.npy", 3, marks=slow),
        pytest.param("gaussian", "missing.npy", 1, marks=slow),
    ],
)
def test_a_file_worse_than_the_baseline_fails(host, files, name, baseline, code):
    done = host.run(file=str(files / f"{name}.npy"), baseline=str(files / baseline), **FAST)
    assert done == code, host.said
    summary = host.files["summary.md"].read_text()
    assert ("| file | " in summary) == (code != 1)
    assert ("comparison.json" in host.uploaded[1]) == (code != 1)
    assert {"report.json", "junit.xml"} <= set(host.uploaded[1])


@slow
def test_a_requirement_that_failed_is_not_overruled_by_the_comparison(host, files):
    code = host.run(file=str(files / "cubed.npy"), baseline=str(files / "missing.npy"), **FAST,
                    require="axes<0.9")  # fmt: skip
    assert code == 3


@pytest.mark.parametrize("text", [EVIL, "--out=pwned"], ids=["evil", "option"])
@pytest.mark.parametrize(
    "place", ["file", "dataset", "require", "fail-on", "baseline", "directions", "levels"]
)
def test_no_input_runs(host, files, place, text):
    given = {"file": str(files / "gaussian.npy"), **FAST, place: text}
    code = host.run(**given)
    assert code in (1, 2), host.said
    assert set(host.env) == {"GAUSSCHECK"}
    assert set(host.steps["audit"]) == {"code", "report"}
    assert list((host.folder / "work").iterdir()) == []
    assert not list(host.folder.rglob("pwned*"))


@pytest.mark.parametrize("text", ["parquet", EVIL], ids=["parquet", "evil"])
def test_extras_are_one_word_of_pip(host, text):
    host.run(file="missing.npy", extras=text, **FAST)
    asked = host.log.read_text().split("\0")[:-1]
    assert asked == ["-m", "pip", "install", "-q", f"{ROOT}[{text}]"]
    assert not list(host.folder.rglob("pwned*"))


def test_a_file_may_have_any_name(host, files):
    path = host.folder / "work" / f"{EVIL.replace('/', '-')}.npy"
    path.write_bytes((files / "few.npy").read_bytes())
    assert host.run(file=str(path), **FAST) == 0, host.said
    assert [p.name for p in (host.folder / "work").iterdir()] == [path.name]
    assert "report.json" in host.uploaded[1]
