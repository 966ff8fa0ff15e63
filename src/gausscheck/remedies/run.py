"""Repair, in order: hold rows, split them again and again, try each remedy, recommend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.held import HeldRows, hold
from gausscheck.audit.noticed.serial import BLOCKS
from gausscheck.audit.use.jackknife import jeffreys
from gausscheck.audit.use.words import percent
from gausscheck.config import Config
from gausscheck.core import F64, I64, GausscheckError, Progress, Stage
from gausscheck.estimators.gaussian import GaussianFit, fit_gaussian
from gausscheck.remedies.candidates import GROUPS_TO_RANK, Candidate, Split, Tried, candidates
from gausscheck.remedies.result import Change, Finding, Remedy, Repair
from gausscheck.report.use import KEYS, ONE, Rate, percent_digits
from gausscheck.rng import stream
from gausscheck.sources import open_source
from gausscheck.threads import worker_pool

ROWS = 5_000
"""Rows that remedies are tried on, by default."""

FOLDS, REPEATS = 5, 2

MOST_REPEATS = 1000
"""Times that rows are split at most: each takes as long as the first."""

LEAST_ROWS = 100

FACTOR = 2.0
"""A rate within this factor of its nominal value will do."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Shares of rows held out beyond each level, of one remedy and split."""

    shares: F64
    components: int
    least: float
    masked: bool


def repair(
    source: Any,
    *,
    split: Literal["random", "blocks"] = "random",
    groups_by: Any = None,
    dataset: str | None = None,
    rows: int = ROWS,
    repeats: int = REPEATS,
    on_bad_rows: str = "error",
    memory: int | str | None = None,
    seed: int = 0,
    threads: int | None = None,
    untrusted: bool = False,
    progress: Progress | None = None,
) -> Repair:
    """Find out which preparation of rows, or of thresholds, makes Gaussian thresholds hold.

    Each remedy is fitted on four fifths of the rows and measured on the others: the share of them
    beyond the thresholds for 5, 1 and .1 %, whose value for rows like those of the fit should be
    just that.

    Parameters
    ----------
    source : path, array, DataFrame or Source
        What :func:`gausscheck.open_source` takes.
    split : {"random", "blocks"}
        What is held out: rows at random, which says what becomes of rows drawn like these; or
        blocks of neighbouring rows, twenty of them, which says what becomes of rows from elsewhere
        in a file that is sorted or a series.
    groups_by : str or (n,) array, optional
        What rows belong together: whole groups are held out, and ranks count them once each.
    dataset : str, optional
        The array of a container that holds several.
    rows : int
        The most rows: a random sample of more.
    repeats : int
        How often rows are split into five folds.
    on_bad_rows : {"error", "drop"}
    memory : int or str, optional
        Budget for buffers.
    seed : int
    threads : int, optional
    untrusted : bool
    progress : callable, optional

    Returns
    -------
    Repair
        Cost some 15 fits a fold, each O(n d² + d³).

    Raises
    ------
    GausscheckError
        With fewer than 100 usable rows or 5 groups, and where rows cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> repair(rng.standard_normal((1000, 8))).finding
    'nothing_to_repair'
    >>> heavy = repair(rng.standard_t(3, (1000, 8)))
    >>> heavy.finding, heavy.recommended
    ('calibrate', 'conformal')
    """
    config = Config.from_options({
        "rows": rows, "on_bad_rows": on_bad_rows, "memory": memory, "seed": seed,
        "threads": threads,
    })  # fmt: skip
    if split not in ("random", "blocks") or (split == "blocks" and groups_by is not None):
        raise GausscheckError(
            f"split: expected random or blocks, and no blocks beside groups_by, got {split!r}"
        )
    if not 1 <= repeats <= MOST_REPEATS:
        raise GausscheckError(
            f"repeats: expected 1 or more, at most {MOST_REPEATS:,}, got {repeats!r:.40}"
        )
    beside = [groups_by] if isinstance(groups_by, str) else []
    opened = open_source(source, dataset=dataset, untrusted=untrusted, beside=beside)
    held = hold(
        opened, rows=config.rows, memory=config.memory_bytes // config.workers, seed=seed,
        on_bad_rows=on_bad_rows, groups_by=groups_by, untrusted=untrusted,
    )  # fmt: skip
    if len(held.x) < LEAST_ROWS:
        raise GausscheckError(
            f"{opened.uri}: expected {LEAST_ROWS} rows or more to hold some out, got {len(held.x)}"
        )
    units = _units(held, split)
    whole = fit_gaussian(held.x, stream(seed, "repair"))
    tried = candidates(whole.k)
    splits = _measure(held, units, tried, repeats, config, progress)
    remedies = tuple(
        _remedy(candidate, [one[i] for one in splits], [one[0] for one in splits], len(held.x))
        for i, candidate in enumerate(tried)
    )
    finding, recommended = recommend(remedies)
    return Repair(
        uri=opened.uri,
        n=len(held.x),
        d=held.x.shape[1],
        folds=FOLDS,
        repeats=repeats,
        split="groups" if held.groups is not None else split,
        remedies=remedies,
        recommended=recommended,
        finding=finding,
        sentence=_sentence(remedies, finding, recommended),
        notes=_notes(held, whole, split, remedies),
    )


def _units(held: HeldRows, split: str) -> I64 | None:
    """Return what is held out as a whole: groups, blocks of neighbours, or None for single rows."""
    if held.groups is not None:
        count = int(held.groups.max()) + 1
        if count < FOLDS:
            raise GausscheckError(f"groups_by: expected {FOLDS} groups or more, got {count}")
        return held.groups
    return np.arange(len(held.x)) * BLOCKS // len(held.x) if split == "blocks" else None


def folds_of(n: int, units: I64 | None, rng: np.random.Generator) -> I64:
    """Deal rows, or whole units of them, out to five folds at random, sizes as alike as can be."""
    if units is None:
        return rng.permutation(np.arange(n) % FOLDS)
    sizes = np.bincount(units)
    load, fold = np.zeros(FOLDS, dtype=np.int64), np.empty(sizes.size, dtype=np.int64)
    order = rng.permutation(sizes.size)
    for unit in order[np.argsort(-sizes[order], kind="stable")]:
        fold[unit] = load.argmin()
        load[fold[unit]] += sizes[unit]
    return fold[units]


def _measure(
    held: HeldRows,
    units: I64 | None,
    tried: tuple[Candidate, ...],
    repeats: int,
    config: Config,
    progress: Progress | None,
) -> list[list[Measured]]:
    """Return what each remedy does on the rows held out, a split each."""
    tell = progress or (lambda stage, share: None)
    rng = stream(config.seed, "repair splits")
    x, jobs = held.x, []
    for _ in range(repeats):
        fold = folds_of(len(x), units, rng)
        jobs += [(fold == k, child) for k, child in enumerate(rng.spawn(FOLDS))]

    def work(test: NDArray[np.bool_], child: np.random.Generator) -> list[Measured]:
        groups = None if held.groups is None else held.groups[~test]
        one = Split(x[~test], x[test], groups, child)
        return [_measured(candidate.pvalues(one)) for candidate in tried]

    results = []
    with worker_pool(config.workers) as pool:
        for done, found in enumerate(pool.map(lambda job: work(*job), jobs)):
            results.append(found)
            tell(Stage("trying remedies", len(jobs), "splits"), (done + 1) / len(jobs))
    return results


def _measured(tried: Tried) -> Measured:
    levels = np.array([float(key) for key in KEYS])
    shares = (tried.pvalues[:, None] <= levels + 1e-12).mean(axis=0)
    return Measured(np.asarray(shares), tried.components, tried.least, tried.masked)


def _remedy(candidate: Candidate, found: list[Measured], as_is: list[Measured], n: int) -> Remedy:
    from scipy.special import stdtrit

    shares = np.array([one.shares for one in found])
    changes = shares - np.array([one.shares for one in as_is])
    quantile = float(stdtrit(len(shares) - 1, 0.975))
    rates, change = {}, {}
    for j, key in enumerate(KEYS):
        share, nominal = float(shares[:, j].mean()), float(key)
        spread = share * (1 - share)
        design = split_variance(shares[:, j]) * n / spread if spread > 0 else 1.0
        rates[key] = Rate(share, jeffreys(share, n, design), nominal)
        moved = float(changes[:, j].mean())
        half = quantile * float(np.sqrt(split_variance(changes[:, j])))
        change[key] = Change(moved, (moved - half, moved + half))
    least = max(one.least for one in found)
    masked = any(one.masked for one in found)
    told = tuple(key for key in KEYS if float(key) >= least - 1e-12)
    return Remedy(
        name=candidate.name,
        title=candidate.title,
        kind=candidate.kind,
        components=int(np.median([one.components for one in found])),
        false_alarm=rates,
        change=change,
        masked=masked,
        told=told,
        holds_at=tuple(key for key in told if _holds(rates[key]) and not masked),
    )


def split_variance(values: F64) -> float:
    """Return the variance of a mean over splits whose rows to fit on are shared.

    (1/J + 1/(K − 1)) s² for J splits, each of which holds out one of K folds (Nadeau & Bengio
    2003).

    Examples
    --------
    >>> split_variance(np.array([0.0, 2.0]))  # (1/2 + 1/4) * 2
    1.5
    """
    return float(values.var(ddof=1)) * (1 / len(values) + 1 / (FOLDS - 1))


def _holds(rate: Rate) -> bool:
    near = rate.gaussian / FACTOR <= rate.value <= FACTOR * rate.gaussian
    return near or rate.ci[0] <= rate.gaussian <= rate.ci[1]


def recommend(remedies: tuple[Remedy, ...]) -> tuple[Finding, str | None]:
    """Return what was found, and the first remedy that holds: rows as they are before any."""
    for remedy in remedies:
        if remedy.holds and remedy.kind == "none":
            return "nothing_to_repair", remedy.name
        if remedy.holds and remedy.kind != "none":
            return remedy.kind, remedy.name
    return "none_helps", None


def _told(rate: Rate) -> str:
    low, high = (percent_digits(end) for end in rate.ci)
    return f"{percent(rate.value)} [{low}, {high}]"


def _sentence(remedies: tuple[Remedy, ...], finding: Finding, recommended: str | None) -> str:
    by_name = {remedy.name: remedy for remedy in remedies}
    now = _told(by_name["as_is"].false_alarm[ONE])
    if finding == "nothing_to_repair":
        return f"Nothing to repair: a Gaussian 1 % threshold flags {now} of held-out rows."
    if recommended is None:
        best = _told(by_name["conformal"].false_alarm[ONE])
        return (
            f"None helps: a Gaussian 1 % threshold flags {now} of held-out rows, and a conformal "
            f"one {best}: they are not like the rows of the fit."
        )
    remedy = by_name[recommended]
    then = _told(remedy.false_alarm[ONE])
    if finding == "prepare":
        kept = " components" if remedy.name.startswith("keep") else ""
        title = f"{remedy.title[0].upper()}{remedy.title[1:]}{kept}"
        return (
            f"{title}: a Gaussian 1 % threshold then flags {then} of held-out rows, in place of "
            f"{now}."
        )
    return (
        f"No preparation of rows helps: calibrate thresholds. A Gaussian 1 % threshold flags {now} "
        f"of held-out rows, a {'conformal' if recommended == 'conformal' else 'radial'} one {then}."
    )


def _notes(
    held: HeldRows, whole: GaussianFit, split: str, remedies: tuple[Remedy, ...]
) -> tuple[str, ...]:
    notes = list(held.notes)
    if any(remedy.masked for remedy in remedies):
        notes.append(
            "remedies that fit more components than half their rows bring rates near their level "
            "whatever the rows, and do not count"
        )
    serial = held.serial(whole.preparation)
    if serial is not None and serial.present and held.groups is None and split == "random":
        notes.append(
            f"{serial.words}; rows "
            "were held out at random: figures are for rows drawn like these; hold out blocks or "
            "groups (split, groups_by) to see what becomes of others"
        )
    if held.groups is not None and held.groups.max() + 1 < GROUPS_TO_RANK:
        notes.append(
            f"{int(held.groups.max()) + 1} groups are too few to rank new groups among: conformal "
            "ranks are among rows of held-out groups, without a guarantee"
        )
    return tuple(notes)
