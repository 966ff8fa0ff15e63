"""Scoring, in order: hold the reference, fit and rank, stream the new rows, count."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.held import HeldRows, hold, lengths
from gausscheck.audit.noticed import counted
from gausscheck.audit.use.jackknife import jeffreys
from gausscheck.audit.use.words import percent
from gausscheck.config import Config
from gausscheck.core import GausscheckError, Progress, Source, Stage
from gausscheck.estimators import GaussianScorer
from gausscheck.estimators.conformal import ConformalRanks
from gausscheck.files import check_folder
from gausscheck.passes.plan import plan
from gausscheck.passes.watch import check_unchanged, stamp_of
from gausscheck.report.use import KEYS, Interval, Rate, percent_digits
from gausscheck.rng import stream
from gausscheck.scoring.result import Believe, Scores
from gausscheck.scoring.writers import Write, check_ending, score_writer
from gausscheck.sources import open_source

ROWS = 20_000
"""Rows of a reference that are fitted and ranked, by default."""

_DRAWS = 20_000


def score(
    reference: Any,
    new: Any,
    out: str | PathLike[str],
    *,
    components: int | None = None,
    shrinkage: float | str | None = None,
    calibration: float = 0.25,
    groups_by: Any = None,
    dataset: str | None = None,
    rows: int = ROWS,
    on_bad_rows: str = "error",
    memory: int | str | None = None,
    seed: int = 0,
    untrusted: bool = False,
    progress: Progress | None = None,
) -> Scores:
    """Score new rows by a Gaussian fitted to a reference, and write a row of scores for each.

    Parameters
    ----------
    reference, new : path, array, DataFrame or Source
        What :func:`gausscheck.open_source` takes, of the same dimension. The reference is held in
        memory (a random sample, where it has more rows than ``rows``); new rows are read a block
        at a time, however many there are.
    out : path
        Ends in .parquet, .csv or .npz. Columns: ``row``, the number of the row in ``new``;
        ``distance2``, its squared Mahalanobis distance; ``log_density``, −(k log 2π + distance2)/2;
        ``p``, the Gaussian p-value; ``conformal_p``, the rank among calibration rows.
    components : int, optional
        Leading components; all by default. See :class:`gausscheck.GaussianScorer`.
    shrinkage : float or "ledoit-wolf", optional
    calibration : float
        Share of the reference's rows (of its groups) held out from the fit for conformal ranks.
    groups_by : str or (n,) array, optional
        What rows of the reference belong together: a .npy file, ``FILE:KEY``, a key of its own
        container, or the groups themselves. Whole groups are held out, and conformal p-values are
        for rows of new groups.
    dataset : str, optional
        The array of containers that hold several.
    rows : int
        The most rows of the reference.
    on_bad_rows : {"error", "drop"}
        Rows that are not finite; in the reference, all zero too. Dropped rows have no scores.
    memory : int or str, optional
        Budget for buffers, such as ``1GB``.
    seed : int
        Of the sample and of the split.
    untrusted : bool
        Whether a child process with limits on memory and time reads the files.
    progress : callable, optional
        ``progress(stage, share)``.

    Returns
    -------
    Scores
        Cost O(m d² + d³) for m reference rows, O(d k) a new row.

    Raises
    ------
    GausscheckError
        Where rows cannot be used, or the file cannot be written; it is then left as it was.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> rng = np.random.default_rng(0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/scores.npz"
    ...     found = score(rng.standard_t(3, (4000, 8)), rng.standard_t(3, (2000, 8)), path)
    ...     sorted(np.load(path))
    ['conformal_p', 'distance2', 'log_density', 'p', 'row']
    >>> found.believe, found.conformal["0.01"].value < 0.02 < found.gaussian["0.01"].value
    ('conformal', True)
    """
    config = Config.from_options(
        {"rows": rows, "on_bad_rows": on_bad_rows, "memory": memory, "seed": seed}
    )
    tell = progress or (lambda stage, share: None)
    path = Path(out)
    check_ending(path)
    _check_apart(path, reference, new)
    check_folder(path.parent)
    beside = [groups_by] if isinstance(groups_by, str) else []
    first, second = (
        open_source(given, dataset=dataset, untrusted=untrusted, beside=beside)
        for given in (reference, new)
    )
    if first.d != second.d:
        raise GausscheckError(
            f"{second.uri}: expected rows of {first.d:,} dimensions like {first.uri}, got "
            f"{second.d:,}"
        )
    tell("reading the reference", 0.0)
    held = hold(
        first, rows=config.rows, memory=config.memory_bytes, seed=seed, on_bad_rows=on_bad_rows,
        groups_by=groups_by, untrusted=untrusted,
    )  # fmt: skip
    tell("fitting", 0.0)
    scorer = GaussianScorer(
        components, shrinkage=shrinkage, calibration=calibration, threshold="gaussian",
        random_state=np.random.RandomState(stream(seed, "calibration").integers(1 << 32)),
    ).fit(held.x, groups=held.groups)  # fmt: skip
    ranks = scorer.conformal_
    if ranks is None:
        raise GausscheckError("calibration: expected a share above 0 that holds out a row, got 0")
    counts = _Counts()
    with score_writer(path, second.n) as write:
        _stream(second, scorer, config, write, counts, tell)
    return _summary(first, second, path, held, scorer, ranks, counts, seed)


def _check_apart(path: Path, *inputs: Any) -> None:
    for given in inputs:
        if isinstance(given, str | PathLike) and Path(given).resolve() == path.resolve():
            raise GausscheckError(f"{path}: expected another file for scores than one of rows")


class _Counts:
    """Rows scored and dropped, and how many lie beyond each level by each p-value."""

    def __init__(self) -> None:
        self.rows = self.dropped = 0
        self.beyond = {name: np.zeros(len(KEYS), dtype=np.int64) for name in ("p", "conformal_p")}

    def add(self, block: dict[str, NDArray[Any]]) -> None:
        self.rows += len(block["row"])
        for name, beyond in self.beyond.items():
            beyond += [int((block[name] <= float(key)).sum()) for key in KEYS]


def _stream(
    source: Source,
    scorer: GaussianScorer,
    config: Config,
    write: Write,
    counts: _Counts,
    tell: Progress,
) -> None:
    """Score new rows a block at a time."""
    stamp = stamp_of(source)
    blocks = plan(source.n, source.d, source.dtype.itemsize, config.memory_bytes // 4)
    for low, high in blocks.reads():
        x, ids = source.read(low, high), np.arange(low, high, dtype=np.int64)
        good = np.isfinite(lengths(x))
        if not good.all():
            if config.on_bad_rows == "error":
                raise GausscheckError(
                    f"{source.uri}: expected finite rows, row {ids[~good][0]:,} is not; mend the "
                    'file, or drop such rows with on_bad_rows="drop"'
                )
            x, ids, counts.dropped = x[good], ids[good], counts.dropped + int((~good).sum())
        if len(x):
            block = {"row": ids, **scorer.all_scores(x)}
            counts.add(block)
            write(block)
        tell(Stage("scoring", source.n, "rows"), high / source.n)
    check_unchanged(source, stamp)
    if not counts.rows:
        raise GausscheckError(f"{source.uri}: expected rows to score, got none that is finite")


def _summary(
    reference: Source,
    new: Source,
    path: Path,
    held: HeldRows,
    scorer: GaussianScorer,
    ranks: ConformalRanks,
    counts: _Counts,
    seed: int,
) -> Scores:
    n = counts.rows
    shares = {name: beyond / n for name, beyond in counts.beyond.items()}

    def rate(name: str, j: int) -> Rate:
        share = float(shares[name][j])
        return Rate(share, jeffreys(share, n, 1.0), float(KEYS[j]))

    told = {key: (ranks.count + 1) * float(key) >= 1 - 1e-9 for key in KEYS}
    rng = stream(seed, "expected share")
    expected = {
        key: _expected(ranks.count, n, float(key), rng)
        if held.groups is None and told[key] else None
        for key in KEYS
    }  # fmt: skip
    believe: Believe = "gaussian" if scorer.pvalues_valid_ else "conformal"
    if believe == "conformal" and not told[KEYS[0]]:
        believe = "neither"
    return Scores(
        reference=reference.uri,
        new=new.uri,
        out=str(path),
        n=n,
        d=new.d,
        components=scorer.n_components_,
        fit_rows=scorer.n_fit_,
        calibration_rows=scorer.calibration_rows_.size,
        calibration_groups=None if held.groups is None else ranks.count,
        shrinkage=scorer.shrinkage_,
        gaussian={key: rate("p", j) for j, key in enumerate(KEYS)},
        conformal={
            key: rate("conformal_p", j) if told[key] else None for j, key in enumerate(KEYS)
        },
        expected=expected,
        false_alarm=scorer.false_alarm_,
        believe=believe,
        sentence=_sentence(
            believe, scorer.false_alarm_, _ranked(held, ranks), 1 / (ranks.count + 1)
        ),
        notes=_notes(reference, new, held, scorer, ranks.count, counts),
    )


def _ranked(held: HeldRows, ranks: ConformalRanks) -> str:
    if held.groups is None:
        return counted(ranks.count, "row", "rows")
    return counted(ranks.count, "group", "groups")


def _expected(m: int, n: int, level: float, rng: np.random.Generator) -> Interval:
    """Return where the share of n rows beyond a threshold among m others lies if all are alike.

    Given the m, the share in the population is Beta(l, m + 1 − l), l = floor(level (m + 1)) (Vovk
    2012); 20,000 draws.
    """
    beyond = int(level * (m + 1) + 1e-9)
    share = rng.binomial(n, rng.beta(beyond, m + 1 - beyond, _DRAWS)) / n
    low, high = np.quantile(share, [0.025, 0.975])
    return float(low), float(high)


def _sentence(believe: Believe, rate: Rate | None, ranked: str, least: float) -> str:
    if rate is None:
        why = "too few rows to tell whether the Gaussian law holds"
    else:
        low, high = (percent_digits(end) for end in rate.ci)
        why = (
            "of the reference's own rows the Gaussian 1 % threshold flags "
            f"{percent(rate.value)} [{low}, {high}]"
        )
    if believe == "gaussian":
        return f"Believe either: {why}. Gaussian p-values tell smaller levels than ranks can."
    if believe == "conformal":
        return f"Believe the conformal ranks: {why}."
    return (
        f"Believe neither: {why}, and ranks among {ranked} tell no level below {percent(least)}. "
        "Give more."
    )


def _notes(
    reference: Source,
    new: Source,
    held: HeldRows,
    scorer: GaussianScorer,
    count: int,
    counts: _Counts,
) -> tuple[str, ...]:
    notes = [f"reference: {note}" for note in held.notes]
    if counts.dropped:
        notes.append(f"{counts.dropped:,} new rows dropped: not finite")
    stamp = reference.fingerprint()
    if stamp is not None and stamp == new.fingerprint() and reference.uri == new.uri:
        notes.append("new rows are the reference's own: no p-value is meant for rows of the fit")
    dead = scorer.dead_features_.size
    if dead:
        notes.append(f"{dead} columns do not vary in the reference and are left out")
    serial = held.serial(scorer.preparation_)
    if serial is not None and serial.present and held.groups is None:
        notes.append(
            f"in the reference {serial.words}; "
            "ranks are for rows drawn at random from such a file, not for the next ones or for "
            "another source; name what belongs together (groups_by)"
        )
    if held.groups is not None:
        notes.append(
            f"whole groups were held out, {count} of them: ranks are for rows of new groups"
        )
    return tuple(notes)
