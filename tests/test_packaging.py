"""What pyproject.toml, the constraints, the workflows and the make targets say of each other."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
GROUPS = PROJECT["dependency-groups"]
CORE = PROJECT["project"]["dependencies"]
WITHOUT_TRAIN = [r for name, rows in EXTRAS.items() if name != "train" for r in rows]


def pins(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(package): Version(version) for package, version in pairs}


def floor(requirement):
    (only,) = requirement.specifier
    assert only.operator == ">=", f"{requirement}: say the lowest version that is tested"
    return Version(only.version)


@pytest.mark.parametrize("line", sorted({*CORE, *WITHOUT_TRAIN, *GROUPS["test"]}))
def test_the_lowest_version_admitted_is_the_oldest_tested(line):
    requirement = Requirement(line)
    assert pins("constraints-oldest.txt")[canonicalize_name(requirement.name)] == floor(requirement)


@pytest.mark.parametrize(
    "line", sorted({*CORE, *(r for rows in (*EXTRAS.values(), *GROUPS.values()) for r in rows)})
)
def test_what_is_named_is_pinned(line):
    requirement = Requirement(line)
    assert pins("constraints.txt")[canonicalize_name(requirement.name)] >= floor(requirement)


def test_workflows_and_pages_call_targets_that_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    callers = [*ROOT.glob(".github/workflows/*.yml"), *ROOT.glob("*.md"), *ROOT.glob("docs/*.md"),
               ROOT / ".pre-commit-config.yaml", ROOT / ".ci" / "run"]  # fmt: skip
    calls = {
        (path.name, target)
        for path in callers
        for target in re.findall(
            r"(?:`|run: |entry: |^)make (?:-C \S+ )?([a-z-]+)",
            path.read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    }
    assert {"test", "slow", "lint", "test-oldest"} <= {t for name, t in calls if name == "run"}
    assert not {call for call in calls if call[1] not in targets}


def test_workflows_are_yaml_with_steps():
    for path in ROOT.glob(".github/workflows/*.yml"):
        jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
        assert all(job["steps"] and job["runs-on"] for job in jobs.values()), path.name
