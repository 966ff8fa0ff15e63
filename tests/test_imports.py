"""Who may import whom: one table, and the check that the code keeps to it."""

import ast
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src" / "gausscheck"

# room: (rank, third-party packages allowed anywhere in it)
ROOMS: dict[str, tuple[int, set[str]]] = {
    "core": (0, {"numpy"}),
    "config": (1, set()),
    "blas": (1, {"threadpoolctl"}),
    "streaming": (1, {"numpy", "dask", "distributed"}),
    "reductions": (2, {"numpy"}),
    "sources": (3, {"numpy", "h5py", "pyarrow", "zarr", "fsspec", "torch", "pandas"}),
    "preflight": (3, {"numpy"}),
    "sample": (3, {"numpy"}),
    "spectrum": (3, {"numpy", "scipy"}),
    "normality": (3, {"numpy", "scipy"}),
    "preprocess": (4, {"numpy", "sklearn"}),
    "projections": (5, {"numpy", "scipy", "sklearn"}),
    "learned": (6, {"numpy", "sklearn"}),
    "pairs": (6, {"numpy", "scipy"}),
    "results": (1, {"numpy"}),
    "passes": (8, {"numpy"}),
    "scaling": (6, {"numpy", "scipy", "pandas"}),
    "summary": (5, {"numpy", "scipy", "pingouin"}),
    "report": (6, {"numpy", "pandas"}),
    "bench": (7, {"numpy"}),
    "twin": (6, {"numpy"}),
    "levels": (8, {"numpy", "scipy"}),
    "joint_levels": (8, {"numpy"}),
    "field_table": (8, {"numpy"}),
    "figures": (7, {"numpy", "scipy", "matplotlib"}),
    "pipeline": (9, {"numpy"}),
    "train": (10, {"numpy", "scipy", "torch", "kornia", "sklearn", "h5py", "matplotlib", "pyarrow",
                  "PIL", "click", "rich"}),
    "html": (7, {"jinja2"}),
    "terminal": (7, {"rich"}),
    "cli": (11, {"click", "rich"}),
    "__init__": (0, set()),
    "__main__": (12, set()),
}  # fmt: skip

STANDARD = set(__import__("sys").stdlib_module_names)


def room_of(path: Path) -> str:
    first = path.relative_to(SRC).parts[0]
    return first.removesuffix(".py")


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
            found += [(n if module == "gausscheck" else module, id(node) not in idle)
                      for n in names]  # fmt: skip
    return found


FILES = sorted(SRC.rglob("*.py"))


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
        elif top not in STANDARD:
            assert top in allowed, f"{path.name} imports {top}, which {room} may not"


def test_only_cli_imports_train():
    for path in FILES:
        if room_of(path) in ("cli", "train"):
            continue
        assert not any(m.startswith("gausscheck.train") for m, _ in imports(path)), path


def test_every_room_has_a_file():
    rooms = {room_of(p) for p in FILES}
    assert rooms >= {"core", "config", "streaming", "reductions", "pipeline", "cli"}
