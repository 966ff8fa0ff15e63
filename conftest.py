"""Which tests an environment can run: those of the trainer need the extra that brings torch."""

from importlib.util import find_spec

WITHOUT_TORCH = find_spec("torch") is None

collect_ignore_glob = ["tests/train/*", "src/gausscheck/train/*"] if WITHOUT_TORCH else []


def pytest_terminal_summary(terminalreporter):
    """Say what was left out and why."""
    if WITHOUT_TORCH:
        terminalreporter.write_line("tests/train left out: torch (extra: train) is not installed")
