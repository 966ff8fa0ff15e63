import hashlib
import inspect
import json
import os
import re
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

import gausscheck
from gausscheck.cli import main
from gausscheck.terminal.explain import TERMS

FAST = ["--directions", "axes:12,random:12"]


@pytest.fixture
def run():
    def call(*args):
        return CliRunner().invoke(main, [str(a) for a in args])

    return call


@pytest.fixture
def gaussian_file(tmp_path):
    x = np.random.default_rng(1).standard_normal((3000, 8)).astype(np.float32)
    np.save(tmp_path / "gauss.npy", x)
    return tmp_path / "gauss.npy"


@pytest.fixture
def laplace_file(tmp_path):
    x = np.random.default_rng(1).laplace(size=(3000, 8))
    np.save(tmp_path / "laplace.npy", x)
    return tmp_path / "laplace.npy"


def test_analyze_prints_a_report_that_fits_80_columns(run, minilm_path):
    done = run("analyze", minilm_path, *FAST)
    assert done.exit_code == 0, done.output
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    for words in ("5,000 rows x 384, float16, unit length", "axes", "random", "3 columns do not"):
        assert words in done.stdout


def test_json_is_all_that_stands_on_stdout(run, gaussian_file):
    done = run("analyze", gaussian_file, "--json", *FAST)
    assert json.loads(done.stdout)["verdict"]["status"] == "gaussian"


def test_out_holds_report_and_figures_and_plot_redraws_them(run, laplace_file, tmp_path):
    out = tmp_path / "out"
    assert run("analyze", laplace_file, "--out", out, *FAST).exit_code == 0
    names = {p.name for p in out.glob("[!.]*")}
    assert {"report.json", "report.npz"} <= names
    figures = {n for n in names if n.endswith(".png")}
    assert len(figures) >= 4
    for name in figures:
        (out / name).unlink()
    assert run("plot", out).exit_code == 0
    assert {p.name for p in out.glob("[!.]*")} == names
    shown = run("show", out)
    assert shown.exit_code == 0
    assert "NOT GAUSSIAN" in shown.stdout
    told = json.loads((out / "report.json").read_text())
    assert (
        told.pop("arrays_sha256") == hashlib.sha256((out / "report.npz").read_bytes()).hexdigest()
    )
    assert json.loads(run("show", out, "--json").stdout) == told


@pytest.mark.parametrize(("file", "code"), [("gaussian_file", 0), ("laplace_file", 3)])
def test_fail_on_sets_the_exit_code(run, file, code, request):
    path = request.getfixturevalue(file)
    assert run("analyze", path, "--fail-on", "not_gaussian", *FAST).exit_code == code
    assert run("analyze", path, "--fail-on", "inconclusive", *FAST).exit_code == code


def test_bad_data_is_one_line_exit_1_and_nothing_written(run, tmp_path):
    x = np.ones((100, 3))
    x[4] = np.nan
    np.save(tmp_path / "x.npy", x)
    done = run("analyze", tmp_path / "x.npy", "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1
    assert "row 4" in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "out").exists()


def test_a_name_as_long_as_its_file_does_not_fill_the_terminal(run, tmp_path):
    (tmp_path / "x.csv").write_text(f'"{"a name " * 200_000}",b\n' + "c,d\n" * 30)
    done = run("inspect", tmp_path / "x.csv")
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1
    assert len(done.stderr) < 5000
    assert done.stderr.endswith("...\n")


def test_a_wrong_option_is_usage(run, gaussian_file):
    assert run("analyze", gaussian_file, "--normalize", "l3").exit_code == 2


def test_a_config_file_gives_options_and_the_command_line_wins(run, gaussian_file, tmp_path):
    (tmp_path / "c.toml").write_text('directions = "axes:3"\nseed = 7\n')
    done = run("analyze", gaussian_file, "--config", tmp_path / "c.toml", "--seed", 8, "--json")
    config = json.loads(done.stdout)["config"]
    assert (config["directions"], config["seed"]) == ("axes:3", 8)


def test_a_config_file_with_an_unknown_option_is_one_line(run, gaussian_file, tmp_path):
    (tmp_path / "c.toml").write_text("sead = 7\n")
    done = run("analyze", gaussian_file, "--config", tmp_path / "c.toml")
    assert done.exit_code == 1
    assert "unknown option sead" in done.stderr


def test_apply_whitens_other_rows(run, gaussian_file, tmp_path):
    run("analyze", gaussian_file, "--normalize", "whiten", "--out", tmp_path / "r", *FAST)
    other = np.random.default_rng(3).standard_normal((50, 8))
    np.save(tmp_path / "other.npy", other)
    done = run("apply", tmp_path / "r", tmp_path / "other.npy", "--out", tmp_path / "w.npy")
    assert done.exit_code == 0, done.output
    white = np.load(tmp_path / "w.npy")
    fitted = gausscheck.load_report(tmp_path / "r").preparation
    np.testing.assert_allclose(white, fitted.apply(other), rtol=1e-6, atol=1e-6)


def test_apply_refuses_a_report_whose_map_changes_nothing(run, gaussian_file, tmp_path):
    run("analyze", gaussian_file, "--out", tmp_path / "r", *FAST)
    done = run("apply", tmp_path / "r", gaussian_file, "--out", tmp_path / "w.npy")
    assert done.exit_code == 1
    assert "made with --normalize" in done.stderr
    assert not (tmp_path / "w.npy").exists()


def test_inspect_names_what_would_be_taken(run, minilm_path):
    done = run("inspect", minilm_path)
    assert done.exit_code == 0
    assert "embeddings" in done.stdout
    assert "5,000" in done.stdout


def test_tests_lists_every_test(run):
    from gausscheck.normality import TESTS

    done = run("tests")
    assert all(name in done.stdout for name in TESTS)


def test_every_command_has_help_and_is_in_the_docs(run):
    page = (Path(__file__).parents[1] / "docs" / "cli.md").read_text()
    for name, command in main.commands.items():
        assert command.help
        assert f"## gausscheck {name}" in page


FUNCTIONS = {
    "analyze": "analyze", "scale": "scale", "pairs": "audit_pairs", "compare": "compare",
    "score": "score", "repair": "repair",
}  # fmt: skip


@pytest.mark.parametrize("command", FUNCTIONS)
def test_defaults_on_the_command_line_are_those_of_the_function(command):
    function = inspect.signature(getattr(gausscheck, FUNCTIONS[command])).parameters
    options = [
        option
        for option in main.commands[command].params
        if isinstance(option, click.Option) and option.name in function
    ]
    assert len(options) > 2
    for option in options:
        default = option.to_info_dict()["default"]
        if default is not None and not option.multiple:  # None: the function's own
            assert default == function[option.name].default, option.name


def test_python_dash_m_is_the_same_program():
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "gausscheck", "--version"], capture_output=True, text=True
    )
    assert done.stdout.startswith("gausscheck, version")


def test_help_starts_without_heavy_imports():
    import subprocess
    import sys

    code = (
        "import sys; from gausscheck.cli import main; "
        "heavy = {'numpy', 'scipy', 'matplotlib', 'h5py', 'pandas', 'sklearn', 'torch', 'rich'}; "
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
@pytest.mark.parametrize("asked", ["--help", "tests"])
def test_a_closed_pipe_is_no_failure(asked):
    import subprocess
    import sys

    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "gausscheck", asked], stdout=write, stderr=subprocess.PIPE
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


def test_an_audit_imports_what_it_uses(gaussian_file):
    import subprocess
    import sys

    code = (
        "import sys; from gausscheck.cli import main; "
        f"main(['analyze', {str(gaussian_file)!r}], standalone_mode=False); "
        "heavy = {'matplotlib', 'pandas', 'sklearn', 'joblib', 'torch', 'dask', 'jinja2'}; "
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_term_and_every_part_of_the_isotropic_null_is_printed(run, gaussian_file):
    done = run("analyze", gaussian_file, "--null", "isotropic", "-v", "--explain", *FAST)
    assert done.exit_code == 0, done.output
    for term in TERMS:
        assert term in done.stdout
    for part in ("mean", "sphericity", "sliced", "worst"):
        assert re.search(rf"^{part} .*(holds|inconclusive|fails)$", done.stdout, re.MULTILINE)
    assert re.search(r"isotropic, mean 0 .*\[", done.stdout)


def test_an_option_that_would_do_nothing_is_refused(run, gaussian_file, tmp_path):
    made, sketch = tmp_path / "made", tmp_path / "all.sketch"
    quick = ["--directions", "axes", "--levels", "none"]
    gausscheck.analyze(gaussian_file, directions="axes", levels="none").save(made)
    assert run("sketch", gaussian_file, "-o", sketch).exit_code == 0
    for arguments, option in (
        (["compare", made, made, "--names", "a,b", "--levels", "none"], "--levels"),
        (["compare", made, made, "--names", "a,b", "--seed", "9"], "--seed"),
        (["compare", made, gaussian_file, *quick, "--json", "--format", "md"], "--json"),
        (["show", made, "--html", tmp_path / "page.html", "--json"], "--json"),
        (["plot", made, "--names", "a,b"], "--names"),
        (["plot", made, "--seed", "0"], "--seed"),
        (["analyze", sketch, *quick, "--limit", "100"], "--limit"),
        (["analyze", sketch, *quick, "--flatten"], "--flatten"),
        (["analyze", sketch, *quick, "--shape", "3,4"], "--shape"),
    ):
        done = run(*arguments)
        assert (done.exit_code, done.stdout) == (2, ""), arguments
        assert f"{option}: " in done.stderr.splitlines()[-1], arguments
    assert not (tmp_path / "page.html").exists()
    assert run("compare", made, gaussian_file, *quick, "--json").exit_code == 0
    assert run("analyze", sketch, *quick).exit_code == 0


def test_what_is_no_text_is_shown_in_few_characters():
    x = np.random.default_rng(0).standard_normal((900, 3))
    with pytest.raises(gausscheck.GausscheckError, match="labels: expected text, got arr") as told:
        gausscheck.analyze(x, labels=np.repeat(["one", "two"], 450))
    assert len(str(told.value)) < 90


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_and_options(shell):
    from click.shell_completion import get_completion_class

    variable = "_GAUSSCHECK_COMPLETE"
    page = (Path(__file__).parents[1] / "docs" / "cli.md").read_text(encoding="utf-8")
    assert f"{variable}={shell}_source gausscheck" in page
    found = get_completion_class(shell)(main, {}, "gausscheck", variable)
    assert variable in found.source()
    assert [one.value for one in found.get_completions([], "ana")] == ["analyze"]
    assert "--on-bad-rows" in [one.value for one in found.get_completions(["analyze"], "--on")]


def test_a_command_ends_as_python_does_but_sooner(laplace_file):
    import subprocess
    import sys

    code = (
        "import atexit, sys; from gausscheck.__main__ import run; "
        "print('before'); atexit.register(print, 'at the end'); "
        "sys.argv = ['gausscheck', *sys.argv[1:]]; run(); print('never')"
    )
    for arguments, expected in (
        (["--version"], 0),
        (["analyze"], 2),
        (["analyze", "no-such-file"], 1),
        (["analyze", str(laplace_file), "--fail-on", "not_gaussian", *FAST], 3),
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True
        )
        said = done.stdout.splitlines()
        assert (done.returncode, said[0], said[-1]) == (expected, "before", "at the end")
        assert "never" not in said
