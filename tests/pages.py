"""Snippets of the documentation: found in a page, run in order, and compared with what it shows."""

import doctest
import re
import shlex
from pathlib import Path

from click.testing import CliRunner

from gausscheck.cli import main

ROOT = Path(__file__).parents[1]
NUMBER = re.compile(r"\d[\d,]*\.?\d*")
RUN = ("python", "pycon", "console")


def blocks(page):
    """Return (language, text) of each fenced block of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^```(\w+)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def alike(shown, printed):
    """Whether two lines say the same: words equal, numbers within 3 % or a unit of the last digit.

    Another processor may round a last digit otherwise; a stale example differs by more.
    """
    if re.sub(r"\s+", " ", NUMBER.sub("#", shown)) != re.sub(r"\s+", " ", NUMBER.sub("#", printed)):
        return False
    for a, b in zip(NUMBER.findall(shown), NUMBER.findall(printed), strict=True):
        left, right = float(a.replace(",", "")), float(b.replace(",", ""))
        unit = 10.0 ** -len(a.partition(".")[2])
        if abs(left - right) > max(0.03 * abs(left), 1.01 * unit):
            return False
    return True


def printed(line, output):
    """Whether a line that a page shows is in an output, whole or as a part of a line."""
    return line in output or any(alike(line.strip(), one.strip()) for one in output.splitlines())


def commands(block):
    """Return (command, lines shown, exit code) of a console block; 0 where no code is said."""
    for text in block.removeprefix("$ ").split("\n$ "):
        command, *shown = text.strip("\n").splitlines()
        code = re.fullmatch(r"exit code (\d+)", shown[-1]) if shown else None
        yield command, shown[:-1] if code else shown, int(code[1]) if code else 0


def run_command(command, shown, code):
    """Run a command as a shell would split it, and compare what it prints."""
    program, *arguments = shlex.split(command)
    assert program == "gausscheck", command
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == code, (command, done.output)
    for line in shown:
        assert line == "..." or printed(line, done.output), (line, command, done.output)


def run_page(page, names=None):
    """Run the blocks of a page in order, in the current folder; return how many there were."""
    names = {} if names is None else names
    ran = 0
    for language, block in blocks(page):
        if language == "python":
            exec(compile(block, f"{page}, block {ran}", "exec"), names)
            for test in re.findall(r"^def (test_\w+)", block, re.MULTILINE):
                names[test]()
        elif language == "pycon":
            run_doctest(page, block, names)
        elif language == "console":
            for command in commands(block):
                run_command(*command)
        ran += language in RUN
    return ran


def run_doctest(page, block, names):
    """Run a session at a prompt, and compare each answer."""
    test = doctest.DocTestParser().get_doctest(block, names, page, None, 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    said = []
    runner.run(test, out=said.append, clear_globs=False)
    names.update(test.globs)
    assert not runner.failures, "".join(said)
