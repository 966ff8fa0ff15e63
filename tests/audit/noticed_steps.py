"""Rows of known kinds, made with independent code, and the audit's steps in the shortest form."""

import re

import numpy as np

from audit import exact_shell
from gausscheck.audit import noticed as found_in
from gausscheck.audit.noticed import serial
from gausscheck.audit.preflight import dead_coordinates, eigenbasis
from gausscheck.normality import A0, profile, whiten_tall
from gausscheck.normality.sphere.shell import shell_mean
from gausscheck.passes.reductions import FirstPass
from gausscheck.passes.row_keys import row_keys
from gausscheck.report import Noticed
from gausscheck.rng import hashed_order

REFERENCE, LIMIT = 5000, 0.752


# rows of known kinds, made with independent code


def autoregressive(rng, n, d, a):
    noise = rng.standard_normal((n, d))
    noise[0] /= np.sqrt(1 - a * a)
    x = noise.copy()
    for i in range(1, n):
        x[i] += a * x[i - 1]
    return x


def moving_average(rng, n, d, width):
    noise = rng.standard_normal((n + width - 1, d))
    return sum(noise[i : i + n] for i in range(width))


def student(rng, n, d, df):
    return rng.standard_normal((n, d)) / np.sqrt(rng.chisquare(df, (n, 1)) / df)


def truncated_bfloat16(x):
    return (x.astype(np.float32).view(np.uint32) & 0xFFFF0000).view(np.float32)


# the audit's steps, in the shortest form


def standardised(x):
    x = x[:, x.std(axis=0) > 1e-9].astype(float)
    return (x - x.mean(axis=0)) / x.std(axis=0)


def whitened(x, count=None):
    centred = x.astype(float) - x.mean(axis=0, dtype=float)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    rank = int((s > 1e-7 * s[0]).sum())
    return u[:, : serial.components(rank, len(x)) if count is None else rank] * np.sqrt(len(x) - 1)


def dependence(x):
    columns = standardised(x)
    step = max(1, columns.shape[1] // serial.COLUMNS)
    return found_in.serial_dependence([whitened(x)], [columns[:, ::step]], len(x))


def mean_ad(x):
    return float(
        profile(np.ascontiguousarray(x.T, float), tests=("anderson_darling",), effects=False,
                threads=1).ad_star.mean()
    )  # fmt: skip


def axes_level(x):
    return A0 + REFERENCE * (mean_ad(x) - A0) / len(x)


def shell_level(x):
    y, _ = whiten_tall(x)
    a0 = shell_mean(y.shape[1])
    return a0 + REFERENCE / 5 * (exact_shell.shell(y) - a0) / len(x)


def blocked_interval(x):
    """A*² at the reference, corrected over blocks, with the wider of two standard errors."""
    n = len(x)
    index = hashed_order(n, 0)
    held = np.ascontiguousarray(x[index].T)
    permutation, sizes = found_in.group_order(index, 20)

    def value(block):
        p = profile(block, tests=("anderson_darling",), groups=20, effects=False, threads=1)
        delta = (p.ad_star.mean() - A0) / n
        return found_in.corrected(
            delta, (p.ad_star_without.mean(axis=0) - A0) / (n - sizes), sizes, n
        )

    best = found_in.wider(value(held[:, permutation]), value(held))
    return [A0 + REFERENCE * end for end in best.interval(0.95)]


def says(found, kind):
    """Check what every finding keeps to."""
    assert isinstance(found, Noticed)
    assert found.kind == kind
    for text in (found.text, found.effect, found.remedy):
        assert text
        assert len(text) <= 160, text
        assert "nan" not in re.split(r"\W", text)
    for ids in (found.rows, found.columns):
        assert ids is None or all(type(i) is int for i in ids)
    return found


def everything(x, eps=2.2e-16):
    """All that is noticed of rows, sorted rows apart, in the order in which an audit looks."""
    _, spread = FirstPass().of(x, 0)
    dead = dead_coordinates(spread, eps)
    live = np.setdiff1d(np.arange(x.shape[1]), dead)
    rank = eigenbasis(spread, live).rank
    usual = found_in.usual_values(x)
    cells = found_in.UnusualCells(usual).of(x)
    columns = found_in.sparse_columns(cells, live)
    holders = found_in.unusual_rows(x, usual, columns)
    full = np.setdiff1d(live, columns)
    grid = found_in.find_grid(x, full)
    norms = np.linalg.norm(x.astype(float), axis=1)
    distinct = found_in.distinct_rows(row_keys(x))
    rows = x[distinct.first]
    values = rows[:, full].astype(float)
    deciding = found_in.deciding_rows(
        "axes",
        axes_level(values),
        A0,
        LIMIT,
        np.linalg.norm(whitened(values, "all"), axis=1),
        lambda far: axes_level(np.delete(values, far, axis=0)),
        index=distinct.first,
        spared=holders[distinct.first],
    )
    good = norms > 0
    return found_in.in_order(
        found_in.notice_collapse(found_in.measure_collapse(x[good][:, live])),
        found_in.notice_sparse(cells, columns, holders),
        found_in.notice_serial(dependence(rows[:, live]), rank),
        found_in.notice_duplicates(distinct, len(x), A0),
        deciding,
        found_in.notice_grid(grid, REFERENCE),
        found_in.notice_unit_rows(
            norms[good].mean(),
            norms[good].std(),
            found_in.rounding_spread(x[good], grid, live),
            found_in.share_of_gaussian(x[good], live),
        ),
        found_in.notice_dead_columns(dead),
        found_in.notice_rank(rank, live.size, len(x)),
    )
