"""What pyproject.toml, the constraints, the workflows and the make targets say of each other."""

import re
import runpy
import subprocess
import tomllib
from fnmatch import fnmatch
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
READERS = {name: rows for name, rows in EXTRAS.items() if name not in ("train", "all")}
WITHOUT_TRAIN = [r for rows in READERS.values() for r in rows]


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
    "line",
    sorted(
        {*CORE, *WITHOUT_TRAIN, *EXTRAS["train"], *(r for rows in GROUPS.values() for r in rows)}
    ),
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


def test_the_extra_all_is_every_extra():
    (line,) = EXTRAS["all"]
    requirement = Requirement(line)
    assert requirement.name == PROJECT["project"]["name"]
    assert requirement.extras == set(EXTRAS) - {"all"}


def tracked():
    """Return the files under version control; none in an unpacked archive."""
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout")
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_the_source_archive_holds_all_that_is_tracked():
    """So `make demo` and `make test` work from it; the release runs the demo there."""
    include = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    tops = {Path(name).parts[0] for name in tracked()}
    tops -= {".gitignore", "pyproject.toml"}  # always in it, or of use in a checkout alone
    assert not {top for top in tops if not any(fnmatch(top, one) for one in include)}


def test_links_of_the_readme_are_absolute_where_it_is_released():
    script = runpy.run_path(str(ROOT / "docs/absolute_links.py"))
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    made = script["absolute"](text, "https://host.example/owner/name", "v1")
    links = re.findall(r"\]\(([^)\s]+)\)", made)
    assert len(links) > 8
    assert all(link.startswith("https://") for link in links)
    for kind, place in re.findall(r"host.example/owner/name/(blob|raw)/v1/([^)#\s]+)", made):
        assert (ROOT / place).is_file(), place
        assert (kind == "raw") == place.endswith(".svg")
    assert script["absolute"](made, "https://host.example/owner/name", "v1") == made
