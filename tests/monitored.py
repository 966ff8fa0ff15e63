"""A measurement of a monitor beside the report of the same rows."""

import numpy as np

import gausscheck
from gausscheck.report.codec import encode
from gausscheck.rng import hashed_order


def alike(measured, report):
    """Every number of a measurement is the report's, to the last bit."""
    use, spectrum = report.use, report.spectrum
    assert measured.status == report.verdict.status
    assert measured.false_alarm == use.false_alarm
    assert measured.safe_components == use.safe_components
    assert encode(measured.levels) == encode(report.levels)
    assert encode(measured.norms) == encode(report.norms)
    assert (measured.rankme, measured.rankme_ci) == (spectrum.rankme, spectrum.rankme_ci)
    metrics, axes = measured.metrics(), report.levels["axes"]
    expected = {
        "gaussian/axes": axes.value,
        "gaussian/axes_times_limit": axes.times_limit,
        "gaussian/axes_low": axes.value_ci[0],
        "gaussian/norms_cv": report.norms.cv,
        "gaussian/norms_cv_gaussian": report.norms.cv_gaussian,
        "gaussian/rankme": spectrum.rankme,
        "gaussian/rankme_low": spectrum.rankme_ci[0],
        "gaussian/rankme_high": spectrum.rankme_ci[1],
        "gaussian/safe_components": use.safe_components.value,
        **{f"gaussian/false_alarm_{k}": rate.value for k, rate in use.false_alarm.items()},
        **{f"gaussian/false_alarm_{k}_high": rate.ci[1] for k, rate in use.false_alarm.items()},
    }
    expected = {name: value for name, value in expected.items() if value is not None}
    assert {name: metrics[name] for name in expected} == expected


def as_analyzed(measured, x, rows=8192):
    """A measurement says of the sample what an audit of these rows of x, all that came, says."""
    kept = np.sort(hashed_order(len(x), 0)[:rows])
    assert (measured.seen, measured.rows) == (len(x), kept.size)
    alike(measured, gausscheck.analyze(np.asarray(x)[kept], directions="axes", levels="none"))
