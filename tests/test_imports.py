"""Who may import whom: one table, and the checks that the code keeps to it."""

import ast
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src" / "gausscheck"

# room (a file or folder below src/gausscheck): (rank, third-party packages allowed anywhere in it)
ROOMS: dict[str, tuple[float, set[str]]] = {
    "core": (0, {"numpy"}),
    "swap": (0.5, set()),
    "processes": (0.5, set()),
    "config": (1.5, set()),
    "files": (1, {"numpy"}),
    "threads": (1, {"numpy", "scipy", "threadpoolctl"}),
    "rng": (1, {"numpy"}),
    "presenters": (1, set()),
    "passes": (2, {"numpy", "dask", "distributed"}),
    "preparation": (3, {"numpy"}),
    "sources": (3, {"numpy", "h5py", "pyarrow", "zarr", "fsspec", "torch", "pandas", "scipy",
                    "faiss", "lance"}),
    "normality": (3, {"numpy", "scipy", "platformdirs"}),
    "report": (4, {"numpy", "pandas"}),
    "audit": (5, {"numpy", "scipy", "sklearn"}),
    "pairs": (5, {"numpy", "scipy"}),
    "scaling": (5, {"numpy", "scipy", "pandas"}),
    "estimators": (5.5, {"numpy", "scipy", "sklearn"}),
    "remedies": (5.7, {"numpy", "scipy", "pandas"}),
    "scoring": (5.7, {"numpy", "pyarrow"}),
    "comparison": (5.5, {"numpy", "scipy", "pandas", "pingouin"}),
    "paper": (5.7, {"numpy"}),
    "figures": (6, {"numpy", "scipy", "matplotlib"}),
    "terminal": (6, {"rich"}),
    "gate": (6, set()),
    "monitor": (6, {"numpy", "torch", "lightning", "pytorch_lightning", "transformers",
                    "sentence_transformers", "keras"}),
    "testing": (7, set()),
    "html": (7, {"numpy", "jinja2", "markupsafe"}),
    "train": (7, {"numpy", "scipy", "torch", "sklearn", "h5py", "matplotlib", "pyarrow",
                  "PIL", "click", "rich"}),
    "cli": (8, {"click", "rich"}),
    "__init__": (0, set()),
    "__main__": (9, set()),
}  # fmt: skip

# inside normality: the same, for its files and folders
NORMALITY: dict[str, float] = {
    "spec": 0, "groups": 0, "gram": 0, "nodes": 0, "triangular": 0, "whiten": 0, "rotated": 1,
    "evidence": 1, "outcomes": 1, "nulls": 2, "univariate": 3, "multivariate": 4, "sphere": 4,
    "registry": 5, "engine": 6, "evaluate_rows": 6, "evaluate": 7, "__init__": 8,
}  # fmt: skip

FILES = sorted(SRC.rglob("*.py"))
STANDARD = set(sys.stdlib_module_names)


def room_of(path: Path, base: Path = SRC) -> str:
    return path.relative_to(base).parts[0].removesuffix(".py")


def imports(path: Path) -> list[tuple[str, bool]]:
    """Return (module, whether it runs) of each import; TYPE_CHECKING ones do not run."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    idle = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for node in ast.walk(block)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) not in idle) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{a.name}" for a in node.names]
            module = node.module or ""
            whole = module in ("gausscheck", "gausscheck.normality")
            found += [(n if whole else module, id(node) not in idle) for n in names]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SRC)))
def test_imports_point_down(path):
    room = room_of(path)
    assert room in ROOMS, f"{room} has no rank: add it to the table"
    rank, allowed = ROOMS[room]
    for module, runs in imports(path):
        top = module.split(".")[0]
        if top == "gausscheck":
            parts = module.split(".")
            other = parts[1] if len(parts) > 1 and parts[1] in ROOMS else "__init__"
            if room == "__init__" or other == room or not runs:
                continue
            assert ROOMS[other][0] < rank, f"{path.name} imports {module}: not from below"
        elif top not in STANDARD and runs:
            assert top in allowed, f"{path.name} imports {top}, which {room} may not"


@pytest.mark.parametrize(
    "path", [p for p in FILES if room_of(p) == "normality"], ids=lambda p: p.stem
)
def test_imports_point_down_inside_normality(path):
    base = SRC / "normality"
    room = room_of(path, base)
    assert room in NORMALITY, f"{room} has no rank inside normality: add it to the table"
    for module, runs in imports(path):
        parts = module.split(".")
        if parts[:2] != ["gausscheck", "normality"] or not runs:
            continue
        other = parts[2] if len(parts) > 2 and parts[2] in NORMALITY else "__init__"
        assert other == room or NORMALITY[other] < NORMALITY[room], f"{path.name} imports {module}"


def test_every_room_of_the_table_exists():
    assert set(ROOMS) == {room_of(p) for p in FILES}
    assert set(NORMALITY) == {
        room_of(p, SRC / "normality") for p in (SRC / "normality").rglob("*.py")
    }


def test_only_cli_imports_train():
    for path in FILES:
        if room_of(path) in ("cli", "train"):
            continue
        assert not any(m.startswith("gausscheck.train") for m, _ in imports(path)), path
