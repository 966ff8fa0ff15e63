"""Numbers and figure of a command appear together, or neither does."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from gausscheck import figures
from gausscheck.cli import main


def assert_both_or_neither(monkeypatch: pytest.MonkeyPatch, args: list[str], place: Path) -> None:
    """Run a command whose figure cannot be written, anew and where a result lies."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    new, old = place / "none", place / "some"
    assert CliRunner().invoke(main, [*args, "--out", str(old)]).exit_code == 0
    before = {path.name: path.read_bytes() for path in old.iterdir()}
    with monkeypatch.context() as patched:
        patched.setattr(figures, "_write", refuse)
        for out in (new, old):
            done = CliRunner().invoke(main, [*args, "--seed", "1", "--out", str(out)])
            assert done.exit_code == 1
            assert "No space left" in done.stderr.splitlines()[-1]
            assert done.stdout  # what was worked out is told all the same
            assert "Numbers and figure" not in done.stdout
    assert not new.exists()
    assert {path.name: path.read_bytes() for path in old.iterdir()} == before
