"""The audit, in order: read, check, prepare, project, test, decide. The only file that knows it."""

from __future__ import annotations

from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.claims import claim_of_sphere, paper_claims
from gausscheck.audit.clean import CleanRows, clean_rows
from gausscheck.audit.directional_level import DirectionalAudit, audit_directions
from gausscheck.audit.directions import FAMILIES, check_files, parse
from gausscheck.audit.groups import audit_groups
from gausscheck.audit.inputs import LevelInputs
from gausscheck.audit.isotropic import isotropic
from gausscheck.audit.joint_levels import joint_levels
from gausscheck.audit.learned_bounds import LEAST_HELD_OUT
from gausscheck.audit.learned_directions import LEARNED, learn
from gausscheck.audit.norms import norms_section
from gausscheck.audit.paper_table import paper_table
from gausscheck.audit.projector import Projector
from gausscheck.audit.reading import Beside, read_rows
from gausscheck.audit.second_pass import Prepared
from gausscheck.audit.spectrum import rankme, spectrum_section, sum_of_unit_rows
from gausscheck.audit.verdict import overall
from gausscheck.config import Config
from gausscheck.core import (
    F64,
    Directions,
    GausscheckError,
    Moments,
    Progress,
    Source,
    __version__,
)
from gausscheck.passes.dask import cluster
from gausscheck.passes.run import Workers
from gausscheck.passes.sketch import KeptPass, load_pass
from gausscheck.report import (
    Groups,
    IsotropicResult,
    JointLevel,
    Level,
    Report,
    SourceInfo,
    SphereClaim,
)
from gausscheck.rng import stream
from gausscheck.sources import open_source, read_labels
from gausscheck.threads import worker_pool


def analyze(
    source: Any,
    *,
    normalize: str | None = None,
    directions: str | None = None,
    labels: str | None = None,
    levels: str | None = None,
    group: bool | None = None,
    groups_by: str | None = None,
    null: str | None = None,
    subsets: str | None = None,
    reference: int | None = None,
    rows: int | None = None,
    groups: int | None = None,
    confidence: float | None = None,
    alpha: float | None = None,
    on_bad_rows: str | None = None,
    worst: int | None = None,
    dataset: str | None = None,
    flatten: bool | None = None,
    shape: str | None = None,
    dtype: str | None = None,
    limit: int | None = None,
    seed: int | None = None,
    threads: int | None = None,
    memory: int | str | None = None,
    null_cache: bool | None = None,
    resume: str | None = None,
    dask: Any = None,
    untrusted: bool | None = None,
    progress: Progress | None = None,
) -> Report:
    """Audit embeddings for Gaussian structure.

    Two passes at most: the first counts, checks and takes mean, covariance and a random row
    sample; the second, only where there are more rows than the sample holds, takes whitened
    lengths and the moments of every direction over all rows. Directions are then tested on the
    sample.

    Parameters
    ----------
    source : path, array, DataFrame or Source
        A file that :func:`gausscheck.open_source` reads, a merged ``.sketch``, or anything with
        ``__array__`` or DLPack of shape ``(n, d)``: n rows (embeddings), d dimensions.
    normalize : {"raw", "center", "unit", "standardize", "whiten"}, optional
        What is done to rows before projecting; as they are by default.
    directions : str, optional
        Families out of axes, random:K, pca:K, ica:K, pursuit:K, lda:K, file:PATH.
    labels, groups_by : str, optional
        One label a row; what rows belong together, so that intervals leave it out whole: a .npy
        file, ``FILE:KEY`` or a key of the source, such as a column of the data frame.
    levels : str, optional
        Joint levels out of ``marginals,norms,sphere``, or ``none``.
    group : bool, optional
        Whether the rows of each label are audited by themselves too.
    null : {"fitted", "isotropic"}, optional
        Normal with any mean and covariance, or mean 0 and a multiple of the identity.
    subsets : str, optional
        ``BxM``: the paper's table over B subsets of M rows.
    reference : int, optional
        Rows at which values are read; 5,000 by default, whatever n is.
    rows, limit : int, optional
        Rows sampled for tests that order or pair rows; rows audited at all.
    groups : int, optional
        Of the jackknife.
    confidence, alpha : float, optional
        Of intervals; of corrections over directions.
    on_bad_rows : {"error", "drop"}, optional
        Rows that are not finite or all zero.
    worst : int, optional
        Directions named per level.
    dataset : str, optional
        The array of a container, the column of a table.
    flatten, shape, dtype : optional
        How stored numbers become rows: :func:`gausscheck.open_source`.
    seed, threads, memory : optional
        Of random choices; processors; bytes of buffers, such as ``1GB``.
    null_cache, resume : optional
        Whether simulated nulls are kept; a folder that passes over all rows are kept in.
    untrusted : bool, optional
        Whether a child process with limits reads the file.
    dask : str or distributed.Client, optional
        A cluster whose workers take the passes over all rows.
    progress : callable, optional
        ``progress(stage, share)``.

    Defaults, and more on each option: :class:`gausscheck.Config`.

    Returns
    -------
    Report
        Cost O(n d²) for the covariance, O(m d k) for the projections on k directions and
        O(m log m k) for the tests, with m = min(n, rows). Memory within the budget and the
        interpreter's own.

    Raises
    ------
    GausscheckError
        On unreadable or unusable input and on options that cannot mean anything.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((5000, 32))
    >>> analyze(x, directions="axes").verdict.status
    'gaussian'
    """
    config = Config.from_options({
        "normalize": normalize, "directions": directions, "labels": labels, "levels": levels,
        "group": group, "groups_by": groups_by, "null": null, "subsets": subsets,
        "reference": reference, "rows": rows, "groups": groups, "confidence": confidence,
        "alpha": alpha, "on_bad_rows": on_bad_rows,
        "worst": worst, "dataset": dataset, "flatten": flatten, "shape": shape, "dtype": dtype,
        "limit": limit, "seed": seed, "threads": threads, "memory": memory,
        "null_cache": null_cache, "resume": resume, "untrusted": untrusted,
        "dask": dask if dask is None or isinstance(dask, str) else type(dask).__name__,
    })  # fmt: skip
    check_files(parse(config.directions, {**FAMILIES, **LEARNED}))
    opened = open_rows(source, config)
    beside = Beside(
        read_labels(opened, config.labels, untrusted=config.untrusted),
        read_clusters(opened, config),
    )
    report = progress or (lambda stage, share: None)
    keep = None if config.resume is None else Path(config.resume)
    with worker_pool(config.workers) as pool, cluster(dask) as client:
        workers = Workers(pool, report, client, keep)
        return _audit(opened, config, beside, workers)


def read_clusters(source: Source | KeptPass, config: Config) -> NDArray[Any] | None:
    """Read what rows belong together: as named, or the document of each token."""
    if config.groups_by is not None:
        return read_labels(source, config.groups_by, untrusted=config.untrusted)
    return source.beside("document") if config.flatten else None


def open_rows(source: Any, config: Config) -> Source | KeptPass:
    """Open a source, or load a sketch of one.

    Raises
    ------
    GausscheckError
        If it cannot be read, or is a sketch of a part.
    """
    if not isinstance(source, str | PathLike) or not str(source).endswith(".sketch"):
        return open_source(
            source,
            dataset=config.dataset,
            flatten=config.flatten,
            shape=config.raw_shape(),
            dtype=config.dtype,
            limit=config.limit,
            seed=config.seed,
            untrusted=config.untrusted,
            beside=[name for name in (config.labels, config.groups_by) if name is not None],
        )
    if config.untrusted:
        raise GausscheckError(
            f"{source}: a sketch is not read by a child process; leave untrusted= out"
        )
    kept = load_pass(Path(source), config.groups)
    if config.dataset is not None:
        raise GausscheckError(f"{source}: a sketch is of one array; leave dataset= out")
    if not kept.whole:
        raise GausscheckError(
            f"{source}: expected a sketch of all {kept.n:,} rows, got leaves {kept.first} to "
            f"{kept.last} of {kept.leaves}; merge all parts first: gausscheck merge"
        )
    return kept


def _audit(source: Source | KeptPass, config: Config, beside: Beside, workers: Workers) -> Report:
    """Take the steps of an audit in their order."""
    with read_rows(source, config, workers) as read:
        rows = clean_rows(read, config, beside)
        inputs = _inputs(rows, config)
        directions, reasons = _directions(inputs, rows.prepared, beside.labels)
        moments = _moments(rows.moments, directions)
        audits = {
            family.kind: audit_directions(inputs, family, moment)
            for family, moment in zip(directions, moments, strict=True)
        }
        sphere = claim_of_sphere(rows.read, config)
        joint, left_out = joint_levels(inputs, on_sphere=_on_sphere(rows, sphere))
        reasons |= left_out
        return _report(rows, inputs, beside, audits, sphere, joint, reasons)


def _on_sphere(rows: CleanRows, sphere: SphereClaim | None) -> bool:
    return rows.unit and sphere is not None and sphere.status == "holds"


def _inputs(rows: CleanRows, config: Config) -> LevelInputs:
    """Gather what every level works with."""
    read, prepared = rows.read, rows.prepared
    projector = Projector(
        read.sample,
        prepared.preparation,
        read.spread.mean,
        prepared.double,
        config.memory_bytes,
        read.workers.pool,
    )
    return LevelInputs(
        config=config,
        projector=projector,
        space=prepared.space,
        preflight=rows.preflight,
        progress=read.workers.progress,
        grouping=rows.grouping,
        sparse=rows.sparse,
        too_few=rows.too_few,
        too_few_whole=rows.too_few_whole,
        note=rows.note,
        unit=rows.unit,
        lengths=rows.lengths,
    )


def _directions(
    inputs: LevelInputs, prepared: Prepared, labels: NDArray[Any] | None
) -> tuple[list[Directions], dict[str, str]]:
    """Return the families of directions asked for; all learned ones are one level, the last.

    And why that level is left out, where too few rows would be held out from learning.
    """
    given = [*prepared.given]
    if not prepared.to_learn:
        return given, {}
    held_out = inputs.projector.sample.m - inputs.projector.sample.m // 2
    if held_out < LEAST_HELD_OUT and given:
        why = f"{held_out} rows would be held out, {LEAST_HELD_OUT} are needed"
        return given, {"learned": why}
    inputs.progress("learning directions", 0.0)
    learned = learn(inputs.projector, prepared.to_learn, labels, inputs.config.seed)
    return [*given, learned], {}


def _moments(total: Moments | None, directions: list[Directions]) -> list[Moments | None]:
    """Return the moments over all rows of each family; learned directions have none."""
    if total is None:
        return [None] * len(directions)
    ends = np.cumsum([0, *(family.k for family in directions)])
    cuts = [slice(low, high) for low, high in pairwise(ends)]
    return [total.pick(cut) if cut.stop <= total.m2.size else None for cut in cuts]


def _report(
    rows: CleanRows,
    inputs: LevelInputs,
    beside: Beside,
    audits: dict[str, DirectionalAudit],
    sphere: SphereClaim | None,
    joint: dict[str, JointLevel],
    reasons: dict[str, str],
) -> Report:
    """Put the sections together and decide."""
    config, read, basis = inputs.config, rows.read, rows.fitted.basis
    sample, source = read.sample, read.source
    levels: dict[str, Level] = {name: found.level for name, found in audits.items()}
    levels |= joint
    ranking = read.workers.pool.submit(rankme, read, config.groups, config.confidence)
    unit_sum: F64 = sum_of_unit_rows(sample.read, sample.m, source.d)
    axes = audits["axes"].profile if "axes" in audits else None
    norms = norms_section(config, rows.preflight, read)
    isotropic = _isotropic(inputs) if config.null == "isotropic" else None
    return Report(
        source=SourceInfo(
            uri=source.uri, n=source.n, d=source.d, dtype=str(source.dtype), notes=source.notes
        ),
        config=config,
        verdict=overall(
            levels,
            claims=paper_claims(levels, norms, sphere),
            isotropic=isotropic,
            on_sphere=_on_sphere(rows, sphere),
        ),
        use=rows.use,
        noticed=rows.noticed,
        preflight=rows.preflight,
        levels=levels,
        outcomes={name: found.tests for name, found in audits.items()},
        paper_table=paper_table(inputs, rows.fitted.live, axes, unit_sum / sample.m),
        norms=norms,
        sphere_claim=sphere,
        isotropic=isotropic,
        spectrum=spectrum_section(ranking.result(), basis.values, basis.rank, unit_sum, sample.m),
        groups=_groups(rows, inputs, beside) if config.group else None,
        not_applicable=reasons,
        preparation=inputs.projector.preparation,
        version=__version__,
    )


def _groups(rows: CleanRows, inputs: LevelInputs, beside: Beside) -> Groups:
    workers = rows.read.workers

    def again(part: Source, settings: Config) -> Report:
        quiet = Workers(workers.pool, lambda stage, share: None)
        return _audit(part, settings, Beside(), quiet)

    return audit_groups(inputs, beside.labels, again, rows.read.source.uri)


ISOTROPIC_ROWS = 10_000
"""Sampled rows that the isotropic null reads, at most."""


def _isotropic(inputs: LevelInputs) -> IsotropicResult:
    """Test rows as they are prepared, not centred, against N(0, σ² I)."""
    sample, prep = inputs.projector.sample, inputs.projector.preparation
    m = min(sample.m, ISOTROPIC_ROWS)
    config = inputs.config
    rows = prep.apply(sample.read(0, m))
    groups = inputs.grouping.order(sample.index[:m])
    return isotropic(
        rows if groups is None else rows[groups[0]],
        stream(config.seed, "isotropic"),
        groups=config.groups,
        confidence=config.confidence,
        alpha=config.alpha,
        sizes=None if groups is None else groups[1],
    )
