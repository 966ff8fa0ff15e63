"""Which tests an environment can run: those of the trainer need the extra that brings torch."""

from importlib.util import find_spec

WITHOUT_TORCH = find_spec("torch") is None

ADAPTERS = {
    "lightning": "lightning",
    "huggingface": "transformers",
    "sentence_transformers": "sentence_transformers",
    "keras": "keras",
}
"""Modules of gausscheck.monitor, and the library that each imports."""

collect_ignore_glob = ["tests/train", "src/gausscheck/train"] if WITHOUT_TORCH else []
collect_ignore_glob += [
    f"src/gausscheck/monitor/{name}.py"
    for name, library in ADAPTERS.items()
    if find_spec(library) is None
]


def pytest_terminal_summary(terminalreporter):
    """Say what was left out and why."""
    if WITHOUT_TORCH:
        terminalreporter.write_line("tests/train left out: torch (extra: train) is not installed")
