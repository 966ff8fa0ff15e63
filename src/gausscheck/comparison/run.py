"""The comparison, in order: audit what has no report, subtract, warn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from gausscheck.audit.analyze import analyze, open_rows
from gausscheck.comparison.compared import compared
from gausscheck.comparison.differences import Difference, difference
from gausscheck.comparison.models import Model, checked, comparable, given_report, warnings_of
from gausscheck.comparison.paired import Key, Pairing, paired_differences
from gausscheck.comparison.quantities import QUANTITIES, Interval, cell_of, rate_at
from gausscheck.comparison.result import Comparison
from gausscheck.comparison.two_samples import TwoSamples, dependent_rows, two_samples
from gausscheck.config import Config
from gausscheck.core import GausscheckError, Progress, Source, within
from gausscheck.passes.sketch import KeptPass
from gausscheck.threads import one_thread


def compare(
    models: Mapping[str, Any],
    *,
    baseline: str | None = None,
    paired: bool | None = None,
    same_space: bool = False,
    normalize: str | None = None,
    directions: str | None = None,
    levels: str | None = None,
    groups_by: str | None = None,
    null: str | None = None,
    subsets: str | None = None,
    reference: int | None = None,
    rows: int | None = None,
    groups: int | None = None,
    confidence: float | None = None,
    on_bad_rows: str | None = None,
    dataset: str | None = None,
    limit: int | None = None,
    seed: int | None = None,
    threads: int | None = None,
    memory: int | str | None = None,
    null_cache: bool | None = None,
    untrusted: bool | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare models: what a threshold does on their rows, and how deep Gaussianity goes.

    Parameters
    ----------
    models : mapping of str to report, path or array
        Two or more. A :class:`Report` or the folder of one is taken as it is; a file or an array
        is audited, once.
    baseline : str, optional
        What the others are compared with; each is compared with each where it is left out.
    paired : bool, optional
        Whether row i of all models is the same thing. By default they are taken for that where all
        are files or arrays of the same number of rows.
    same_space : bool
        Whether models are samples of one space (checkpoints, splits), so that their means and
        covariances can be compared: Hotelling's T² and Box's M.
    normalize, directions, levels, groups_by, null, subsets, reference, rows, groups, confidence, \
    on_bad_rows, dataset, limit, seed, threads, memory, null_cache, untrusted : optional
        Options of the audits of files and arrays: fields of :class:`gausscheck.Config`.
    progress : callable, optional
        ``progress(stage, share)``.

    Returns
    -------
    Comparison
        Cost of the audits; paired differences take 10,000 rows at most and about as long as the
        use section, axes and random projections of each model.

    Raises
    ------
    GausscheckError
        With fewer than two models, an unknown baseline, and where rows that are said to be paired
        cannot be.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((400, 8))
    >>> found = compare({"a": x, "b": x**3}, directions="axes", levels="none")
    >>> found.order["axes"], found.difference("axes", "b", "a").answer
    ((('a',), ('b',)), 'higher')
    """
    checked(models, baseline)
    config = Config.from_options({
        "normalize": normalize, "directions": directions, "levels": levels, "null": null,
        "groups_by": groups_by, "subsets": subsets, "reference": reference, "rows": rows,
        "groups": groups, "confidence": confidence, "on_bad_rows": on_bad_rows, "limit": limit,
        "dataset": dataset, "seed": seed, "threads": threads, "memory": memory,
        "null_cache": null_cache, "untrusted": untrusted,
    })  # fmt: skip
    tell = progress or (lambda stage, share: None)
    opened = [_opened(name, given, config) for name, given in models.items()]
    _check_pairs(opened, paired)
    found = [
        one if isinstance(one, Model) else _audited(name, one, config, tell)
        for name, one in zip(models, opened, strict=True)
    ]
    left_out: dict[str, str] = {}
    with one_thread():
        pairing, differences = _paired(found, paired, config, tell, left_out)
        moments = _moments(found, baseline, same_space, pairing is not None, left_out)
    for source in (model.source for model in found if model.source is not None):
        source.close()  # a later read opens it again
    return Comparison(
        models=tuple(map(compared, found)),
        baseline=baseline,
        confidence=found[0].report.config.confidence,
        differences=_differences(found, baseline, differences),
        pairing=pairing,
        two_samples=moments,
        not_applicable=left_out,
        warnings=warnings_of(found),
        reports={m.name: m.report for m in found},
    )


def _opened(name: str, given: Any, config: Config) -> Model | Source:
    report = given_report(given)
    if report is not None:
        return Model(name, report)
    source = open_rows(given, config)
    if isinstance(source, KeptPass):
        raise GausscheckError(
            f"compare: {name}: expected rows or a report, got a sketch; analyze it, and compare "
            "its report"
        )
    return source


def _check_pairs(opened: Sequence[Model | Source], paired: bool | None) -> None:
    """Refuse pairs that cannot be before hours of audits."""
    if not paired:
        return
    for one in opened:
        if isinstance(one, Model):
            raise GausscheckError(
                f"paired: expected files or arrays, got a report for {one.name}; give its rows, or "
                "compare unpaired"
            )
    sizes = {one.n for one in opened if not isinstance(one, Model)}
    if len(sizes) > 1:
        told = " and ".join(f"{n:,}" for n in sorted(sizes))
        raise GausscheckError(
            f"paired: expected files of the same number of rows, got {told}; compare unpaired"
        )


def _audited(name: str, source: Source, config: Config, progress: Progress) -> Model:
    report = analyze(
        source,
        progress=lambda stage, share: progress(within(name, stage), share),
        **_options(config),
    )
    return Model(name, report, source)


def _options(config: Config) -> dict[str, Any]:
    """Return the options of an audit of an opened source: what opens it has done its part."""
    opening = ("dataset", "limit", "shape", "dtype", "flatten", "dask", "resume")
    return {name: value for name, value in config.to_dict().items() if name not in opening}


def _paired(
    found: Sequence[Model], paired: bool | None, config: Config, progress: Progress,
    left_out: dict[str, str],
) -> tuple[Pairing | None, dict[Key, tuple[float, Interval]]]:  # fmt: skip
    sources = [m.source for m in found if m.source is not None]
    alike = len(sources) == len(found) and len({s.n for s in sources}) == 1
    if paired is None and not alike:
        left_out["paired differences"] = (
            "rows of all models are needed, as many of each: give files in place of reports"
        )
    if paired is False or not alike:
        return None, {}
    return paired_differences(found, threads=config.workers, progress=progress)


def _moments(
    found: Sequence[Model], baseline: str | None, same_space: bool, paired: bool,
    left_out: dict[str, str],
) -> tuple[TwoSamples, ...]:  # fmt: skip
    if not same_space:
        left_out["Hotelling's T² and Box's M"] = (
            "coordinates of different models mean different things; for checkpoints or splits of "
            "one model, ask for it (same_space)"
        )
        return ()
    why = dependent_rows(found)
    if why is not None:
        left_out["p-values of Hotelling's T² and Box's M"] = why
    return tuple(two_samples(a, b, paired=paired) for a, b in _pairs(found, baseline))


def _pairs(found: Sequence[Model], baseline: str | None) -> list[tuple[Model, Model]]:
    """Return which model is subtracted from which: the baseline, or each earlier one."""
    if baseline is None:
        return [(b, a) for a, b in combinations(found, 2)]
    base = next(m for m in found if m.name == baseline)
    return [(m, base) for m in found if m is not base]


def _differences(
    found: Sequence[Model], baseline: str | None, paired: dict[Key, tuple[float, Interval]]
) -> tuple[Difference, ...]:
    made = []
    for a, b in _pairs(found, baseline):
        names = (a.name, b.name)
        units = [m.report.preflight.constant_norm for m in (a, b)]
        for quantity in QUANTITIES:
            mine, other = cell_of(a.report, quantity), cell_of(b.report, quantity)
            if mine is None or other is None:
                continue
            both = (mine, other)
            if comparable(units, quantity, both):
                pair = paired.get((quantity, None, *names))
                made.append(difference(quantity, None, names, both, pair))
        for k in _shared_ks(a, b):
            rates = rate_at(a.report, k), rate_at(b.report, k)
            if rates[0] is not None and rates[1] is not None:
                pair = paired.get(("false_alarm_1", k, *names))
                made.append(difference("false_alarm_1", k, names, (rates[0], rates[1]), pair))
    return tuple(made)


def _shared_ks(a: Model, b: Model) -> list[int]:
    curves = [m.report.use.curve if m.report.use is not None else () for m in (a, b)]
    others = {point.k for point in curves[1]}
    return [point.k for point in curves[0] if point.k in others]
