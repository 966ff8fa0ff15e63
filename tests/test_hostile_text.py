"""What comes from files, names and libraries does nothing in the terminal of who reads it."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

import gausscheck
from gausscheck.cli import main
from gausscheck.gate.junit import legal
from gausscheck.pairs import audit_pairs
from gausscheck.report.sections import GroupLevel, GroupResult, Groups
from gausscheck.terminal import show_pairs, show_report
from gausscheck.terminal.console import console, indented, table

EVIL = "\x1b]0;x\x07\x1b[31mred\u202egnp\x9b2J\nnext"


@pytest.fixture(scope="module")
def report():
    x = np.random.default_rng(0).standard_normal((400, 6))
    return gausscheck.analyze(x, directions="axes,random:4", levels="marginals")


def shown(capsys):
    text = capsys.readouterr().out
    assert all(c.isprintable() or c == "\n" for c in text)
    return text


def test_no_way_to_print_lets_an_escape_through(capsys):
    out = console()
    made = table("a", EVIL)
    made.add_row(EVIL, EVIL)
    for one in (EVIL, indented(EVIL), made):
        out.print(one)
    assert "\\x1b[31mred\\u202egnp\\x9b2J" in shown(capsys)


def test_labels_and_names_of_a_report_are_spelled_out(report, capsys):
    level = report.levels["axes"]
    worst = tuple(replace(w, direction=EVIL, shape=EVIL) for w in level.worst)
    curve = tuple(replace(p, pvalues={EVIL: (0.5,)}) for p in report.levels["marginals"].curve)
    group = GroupResult(
        n=100, verdict="gaussian", paper_table=report.paper_table.raw,
        levels={k: GroupLevel(status="gaussian", value=0.4, value_ci=None)
                for k in ("axes", "random")},
    )  # fmt: skip
    changed = replace(
        report,
        levels={
            "axes": replace(level, worst=worst),
            "random": report.levels["random"],
            "marginals": replace(report.levels["marginals"], curve=curve),
        },
        outcomes={
            name: {EVIL: next(iter(tests.values()))} for name, tests in report.outcomes.items()
        },
        groups=Groups(labels=1, shown={EVIL: group}),
    )
    show_report(changed, verbose=True)
    text = shown(capsys)
    assert text.count("\\x1b]0;x") >= 4


def test_names_of_pairs_are_spelled_out(capsys):
    x = np.random.default_rng(0).standard_normal((200, 6))
    found = audit_pairs(x, x + 0.1)
    show_pairs(replace(found, anchor=EVIL, positive=EVIL, notes=(EVIL,)))
    assert shown(capsys).count("\\x1b[31mred") == 3


@pytest.mark.parametrize(
    "words",
    [("show", "a", EVIL), (EVIL,), (f"--{EVIL}",), ("show", f"--{EVIL}"), ("show", EVIL),
     ("compare", "--format", EVIL), ("gate", EVIL)],
)  # fmt: skip
def test_what_the_command_line_quotes_is_one_line(words):
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code
    assert all(c.isprintable() or c == "\n" for c in done.output)
    assert "\nnext" not in done.output


def test_choices_of_a_missing_option_keep_their_lines():
    done = CliRunner().invoke(main, ["train"])
    assert "--out" in done.output


@pytest.mark.parametrize("mark", ["\x1b", "\x9b", "\u202e", "\u2066", "\u200f", "\ud800"])
def test_junit_holds_no_marks_that_act(mark):
    assert legal(f"a{mark}b\n") == "a\ufffdb\n"


def test_a_matplotlibrc_that_lies_about_says_nothing(report, tmp_path):
    report.save(tmp_path / "r")
    (tmp_path / "matplotlibrc").write_text("\x1b[31mred: 1\n")
    done = subprocess.run(
        [sys.executable, "-m", "gausscheck", "plot", "r", "--format", "svg", "--figure", "use"],
        cwd=tmp_path, capture_output=True, text=True, env=os.environ, check=False,
    )  # fmt: skip
    assert "\x1b" not in done.stderr
