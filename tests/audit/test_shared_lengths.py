"""Rows whitened anew without a group: fitted once for the use section and the norms level."""

import numpy as np
import pytest

import gausscheck
from gausscheck.audit import joint_levels, use
from gausscheck.audit.use.jackknife import length_errors
from gausscheck.audit.use.whitened_lengths import fit_rows
from gausscheck.normality.groups import Partition
from gausscheck.normality.sphere import shell
from gausscheck.normality.sphere.shell import shell_left_out
from gausscheck.normality.whiten import whiten_tall


@pytest.fixture
def fits(monkeypatch):
    """Groups that the norms level left out by a fit of its own."""
    seen, real = [], shell._squares_without

    def spy(y, columns, gone):
        if len(y) <= 2000:  # not the twin of unit rows, of which there are more
            seen.append(np.flatnonzero(gone))
        return real(y, columns, gone)

    monkeypatch.setattr(shell, "_squares_without", spy)
    return seen


@pytest.mark.parametrize("mixed", [False, True])
def test_lengths_of_the_use_section_give_the_shell_that_refitting_gives(rng, fits, mixed):
    x = rng.standard_t(5, (500, 6)) @ rng.standard_normal((6, 6)) + 3
    y, _ = whiten_tall(x - x.mean(axis=0))
    part = Partition.equal(500, 7)
    if mixed:
        part = Partition(np.array([200, 17, 83, 200]), rng.permutation(500))
    errors = length_errors(fit_rows(x).y, part.members().astype(np.int64), (2, 6))
    plain, (expected,) = shell_left_out(y, [part], refitted=True)
    fits.clear()
    whole, (found,) = shell_left_out(y, [part], refitted=True, known=errors.lengths)
    assert not fits
    assert whole == plain
    assert found == pytest.approx(expected, rel=1e-4)
    other, width = Partition.equal(500, 8), fit_rows(x[:, :5])
    shell_left_out(y, [other], refitted=True, known=errors.lengths)
    assert len(fits) == 8  # of other groups
    fewer = length_errors(width.y, part.members().astype(np.int64), (5,))
    fits.clear()
    shell_left_out(y, [part], refitted=True, known=fewer.lengths)
    assert len(fits) == part.sizes.size  # in other dimensions


def test_rows_that_span_less_without_a_group_are_not_whitened_anew(rng):
    x = rng.standard_normal((400, 4))
    x[20:, 3] = 1e-9 * rng.standard_normal(380)  # it varies within the first group alone
    y, _ = whiten_tall(x - x.mean(axis=0))
    part = Partition.equal(400, 20)
    errors = length_errors(fit_rows(x).y, part.members().astype(np.int64), (4,))
    assert errors.lengths.without(0) is None
    assert errors.lengths.without(1).size == 380
    _, (expected,) = shell_left_out(y, [part], refitted=True)
    _, (found,) = shell_left_out(y, [part], refitted=True, known=errors.lengths)
    assert found == pytest.approx(expected, rel=1e-4)


def audited(x, **options):
    report = gausscheck.analyze(x, directions="axes", levels="norms", **options)
    return report.levels["norms"]


def alone(monkeypatch, x, **options):
    """Audit with refits of the norms level's own."""
    with monkeypatch.context() as patch:
        patch.setattr(
            joint_levels, "shell_left_out",
            lambda *args, known, **kw: shell_left_out(*args, known=None, **kw),
        )  # fmt: skip
        return audited(x, **options)


def plain(rng):
    return rng.standard_t(6, (1500, 12)) @ rng.standard_normal((12, 12)) + 9


def alike(rng):
    x = plain(rng)
    for i in range(1, len(x)):
        x[i] += 0.9 * x[i - 1]
    return x


def on_a_grid(rng):
    return np.round(plain(rng), 1)


def with_repeats(rng):
    x = plain(rng)
    x[700:720] = x[3]
    return x


def with_one_that_decides(rng):
    x = plain(rng)
    x[5] = 1e7
    return x


@pytest.mark.parametrize(
    ("rows", "own", "options"),
    [
        (plain, 0, {}),
        (plain, 0, {"normalize": "standardize"}),
        (plain, 0, {"normalize": "whiten"}),
        (plain, 0, {"normalize": "unit"}),
        (plain, 0, {"groups": 30}),
        (alike, 20, {}),  # random groups beside the blocks that the use section leaves out
        (with_repeats, 0, {}),
        (on_a_grid, 20, {}),  # taken off the rows that levels read
        (with_one_that_decides, 20, {}),  # left out of the levels
    ],
)
def test_an_audit_fits_once_and_finds_what_it_would_find_by_itself(
    monkeypatch, rng, fits, rows, own, options
):
    x = rows(rng)
    expected = alone(monkeypatch, x, **options)
    fits.clear()
    found = audited(x, **options)
    assert len(fits) == own
    assert found.value == pytest.approx(expected.value, rel=1e-5, abs=1e-4)
    assert found.value_ci == pytest.approx(expected.value_ci, rel=1e-3, abs=1e-3)
    assert found.status == expected.status


def test_more_rows_than_are_held_share_the_first_of_them(monkeypatch, rng, fits):
    monkeypatch.setattr(use.step, "SAMPLED", 800)
    monkeypatch.setattr(joint_levels, "ROWS", 800)
    x = plain(rng)
    expected = alone(monkeypatch, x)
    fits.clear()
    found = audited(x)
    assert not fits
    assert found.value_ci == pytest.approx(expected.value_ci, rel=1e-3, abs=1e-3)
