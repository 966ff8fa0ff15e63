"""What the numbers mean for what people do with embeddings: short texts, chosen by the numbers."""

from __future__ import annotations

from dataclasses import dataclass

from gausscheck.audit.use.words import advice
from gausscheck.html.numbers import percent, short
from gausscheck.report import Report, Use
from gausscheck.report.use import LEAST, MOST, ONE


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the report says about one kind of work: a title and a few sentences."""

    title: str
    text: str


def advice_sentence(report: Report) -> str | None:
    """Return what to do about thresholds, where they were measured."""
    return None if report.use is None else advice(report.use)[1]


def meaning(report: Report) -> tuple[Meaning, ...]:
    """Return what the report means for scores, whitening, isotropic training, linear methods."""
    return (
        Meaning("Likelihood and outlier scores", _scores(report)),
        Meaning("Whitening and cosine retrieval", _whitening(report)),
        Meaning("Isotropic training (SIGReg, LeJEPA)", _isotropic(report)),
        Meaning("Linear methods (PCA, LDA, probes)", _linear(report)),
    )


def _scores(report: Report) -> str:
    use = report.use
    if use is None:
        return (
            "This report holds no false-alarm rates: write it again with this version to see what "
            "Gaussian thresholds do on these rows."
        )
    rate = use.false_alarm[ONE]
    said = [f"A Mahalanobis threshold set for 1 % flags {percent(rate.value)} of these rows."]
    if rate.value > MOST:
        said.append(
            "Scores may still rank rows well; their thresholds and p-values are wrong. Set "
            "thresholds by ranks among held-out rows."
        )
    elif rate.ci[1] < LEAST:
        said.append(
            "It flags too few: rows that are unusual for this data pass as usual. Set thresholds "
            "by ranks among held-out rows."
        )
    else:
        said.append(
            "Thresholds on lengths come out about as set. That is a statement on lengths alone: "
            "clusters and skewness are for the levels below."
        )
    said += _loss(use)
    return " ".join(said)


def _loss(use: Use) -> list[str]:
    loss = use.radial_kl
    if loss.ci[0] <= 0:
        return []
    return [f"A Gaussian density loses at least {short(loss.value)} nats a row, by lengths alone."]


def _whitening(report: Report) -> str:
    spectrum, checks = report.spectrum, report.preflight
    said = ["Whitening and cosine ask for equal variances and mean zero, not for normality."]
    if spectrum.mean_cosine is not None:
        lean = abs(spectrum.mean_cosine) > 0.1
        said.append(
            f"The mean cosine of two rows is {short(spectrum.mean_cosine)}"
            + (": rows lean to one side, so subtract the mean first." if lean else ".")
        )
    if spectrum.effective_rank is not None:
        said.append(
            f"Variance is spread as over {spectrum.effective_rank:.0f} of {checks.rank:,} even "
            "dimensions (effective rank)."
        )
    if checks.condition is not None and checks.condition > 1e4:
        said.append(
            f"The largest variance is {checks.condition:.0e} times the smallest: whitening in full "
            "blows up noise; shrink, or keep the leading components."
        )
    if checks.below_rounding:
        said.append(
            f"{checks.below_rounding:,} directions vary less than the rounding of "
            f"{checks.dtype}: leave them out."
        )
    return " ".join(said)


def _isotropic(report: Report) -> str:
    found = report.isotropic
    if found is not None:
        verb = {"holds": "is met", "fails": "is not met", "inconclusive": "cannot be settled"}
        failing = [part.name for part in found.parts if part.status == "fails"]
        parts = f" ({', '.join(failing)})" if failing else ""
        return (
            "Mean zero, equal variances and Gaussian in each direction, with nothing fitted, "
            f"{verb.get(found.status, 'is not defined')} by these rows{parts}. Dimensions in use: "
            f"{percent(found.participation)}."
        )
    said = [
        "The aim is mean zero, equal variances and Gaussian along each direction, with nothing "
        "fitted. This report fits mean and covariance first, so it looks at shape alone; "
        "an audit with the isotropic null looks at the whole aim."
    ]
    random = report.levels.get("random")
    if random is not None and random.times_limit is not None:
        said.append(f"In shape, random projections are at {short(random.times_limit)} times the "
                    "limit.")  # fmt: skip
    return " ".join(said)


def _linear(report: Report) -> str:
    said = [
        "PCA, ridge and linear probes rest on second moments: nothing in this report speaks "
        "against them. LDA and Gaussian class models need normality within each class, with equal "
        "covariances; a mixture of Gaussian classes is not Gaussian as a whole."
    ]
    kurtosis = [
        direction.excess_kurtosis
        for level in report.directional.values()
        if level.fit_rows != "half"  # learned ones were searched for their tails
        for direction in level.worst
    ]
    heavy = max((k for k in kurtosis if k == k), default=0.0)
    if heavy > 3:
        said.append(
            f"Some directions have heavy tails (excess kurtosis up to {short(heavy)}): few rows "
            "sway their variances, so check that components are stable."
        )
    if any(found.kind == "deciding_rows" for found in report.noticed):
        said.append("A few rows decide much here; look at them first.")
    if report.groups is not None:
        good = [name for name, group in report.groups.shown.items() if group.verdict == "gaussian"]
        said.append(
            f"Of {len(report.groups.shown)} labels looked at by themselves, {len(good)} come out "
            "Gaussian."
        )
    return " ".join(said)
