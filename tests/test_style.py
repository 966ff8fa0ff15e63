"""Files and functions stay of a size that a person takes in."""

import ast
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src" / "gausscheck"
FILES = sorted(SRC.rglob("*.py"))

FILE_LINES, FUNCTION_LINES = 400, 60


def functions(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            doc = ast.get_docstring(node, clean=False)
            words = 0 if doc is None else doc.count("\n") + 1
            yield node.name, node.end_lineno - node.lineno + 1 - words


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SRC)))
def test_no_file_and_no_function_is_long(path):
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= FILE_LINES, f"{lines} lines"
    for name, length in functions(path):
        assert length < FUNCTION_LINES, f"{name}: {length} lines beside its docstring"


def test_nothing_in_a_report_is_untyped():
    for path in (SRC / "report").glob("*.py"):
        if path.name in (
            "sections.py", "levels.py", "use.py", "noticed.py", "claims.py", "result.py"
        ):  # fmt: skip
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for cls in (n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)):
                for field in (n for n in cls.body if isinstance(n, ast.AnnAssign)):
                    assert "Any" not in ast.unparse(field.annotation), f"{cls.name}.{field.target}"
