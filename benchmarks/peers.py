"""Who says what of the same rows: the table of docs/peers.md.

python benchmarks/peers.py    # writes it between the page's marks

The peers: the paper's rule (mean A*² of the coordinates below .752, a loop over scipy.stats.anderson),
pingouin's Henze-Zirkler test, and Mardia's kurtosis by its textbook law.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pingouin
from scipy import stats
from scipy.signal import lfilter

import gausscheck

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "peers.md"
START, END = "<!-- table -->\n", "<!-- /table -->"
N, D = 5000, 48
Rows = np.ndarray


def plain(rng: np.random.Generator) -> Rows:
    """Independent Gaussian rows."""
    return rng.standard_normal((N, D))


def odd_axis(law: Callable[[np.random.Generator, int], Rows]) -> Callable[..., Rows]:
    """Gaussian rows of 5,000 x 192 with one coordinate of another law."""

    def rows(rng: np.random.Generator) -> Rows:
        x = rng.standard_normal((5000, 192))
        x[:, 7] = law(rng, 5000)
        return x

    return rows


def repeated(rng: np.random.Generator) -> Rows:
    """Repeat a tenth of the rows."""
    x = plain(rng)
    x[-N // 10 :] = x[rng.integers(0, N // 2, N // 10)]
    return x


def alike(rng: np.random.Generator) -> Rows:
    """AR(1) columns."""
    return lfilter([1], [1, -0.9], rng.standard_normal((4000, 16)), axis=0)[500:]


def outlying(count: int, factor: float) -> Callable[..., Rows]:
    """Gaussian rows, a few of them far out."""

    def rows(rng: np.random.Generator) -> Rows:
        x = plain(rng)
        x[:count] *= factor
        return x

    return rows


def one_hot(rng: np.random.Generator) -> Rows:
    """Make one column constant but for three cells."""
    x = plain(rng)
    x[:, 3] = 0
    x[:3, 3] = 1
    return x


def sphere(rng: np.random.Generator) -> Rows:
    """Uniform on the sphere."""
    x = rng.standard_normal((N, 64))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def model(name: str) -> Callable[..., Rows]:
    """Embeddings that ship in data/."""
    path = ROOT / "data" / "three_models_2k.h5"

    def rows(rng: np.random.Generator) -> Rows:
        source = gausscheck.open_source(path, dataset=name)
        return source.read(0, source.n)

    return rows


ROWS: dict[str, Callable[[np.random.Generator], Rows]] = {
    "Gaussian": plain,
    "Gaussian, condition 1e6": lambda rng: plain(rng) * np.geomspace(1, 1e-3, D),
    "Gaussian, rank 16 of 48": lambda rng: (
        rng.standard_normal((N, 16)) @ rng.standard_normal((16, D))
    ),
    "Gaussian, rounded to int8": lambda rng: np.rint(6 * plain(rng)).clip(-127, 127).astype("i1"),
    "Gaussian, a tenth repeated": repeated,
    "Gaussian, neighbours alike (AR .9)": alike,
    "one Laplace axis of 192": odd_axis(lambda rng, n: rng.laplace(0, 0.5**0.5, n)),
    "one two-point axis of 192": odd_axis(lambda rng, n: rng.choice([-1.0, 1.0], n)),
    "one row x 30": outlying(1, 30),
    "five rows x 10": outlying(5, 10),
    "a one-hot column": one_hot,
    "Student's t(5) rows": lambda rng: plain(rng) / np.sqrt(rng.chisquare(5, (N, 1)) / 5),
    "uniform on the sphere of 64": sphere,
    "E5-small": model("e5_small"),
    "MiniLM": model("minilm"),
    "WordLlama": model("wordllama"),
}


def ours(x: Rows) -> tuple[str, str]:
    """Return the answer in a few words, and the share of rows beyond the 1 % threshold."""
    report = gausscheck.analyze(x)
    words = report.verdict.status.replace("_", " ")
    axes = report.levels["axes"]
    if axes.status == "gaussian_except":
        words += f" ({', '.join(axes.rejected[:2])}{', ...' if len(axes.rejected) > 2 else ''})"
    kinds = [found.kind.replace("_", " ") for found in report.noticed]
    if kinds:
        words += f"; noticed: {', '.join(kinds)}"
    return words, f"{100 * report.use.false_alarm['0.01'].value:.2g} %"


def paper(x: Rows) -> str:
    """Return mean A*² of the coordinates and what the field's rule says."""
    n = len(x)
    values = [stats.anderson(column, "norm").statistic for column in x.astype(np.float64).T]
    mean = float(np.mean(values)) * (1 + 0.75 / n + 2.25 / n**2)
    return f"{mean:.3g}: {'Gaussian' if mean < 0.752 else 'not'}"


def henze_zirkler(x: Rows) -> str:
    """Return pingouin's p-value at 5 %, or what it raises."""
    try:
        found = pingouin.multivariate_normality(x.astype(np.float64)[:2500])
    except (ValueError, np.linalg.LinAlgError) as err:
        return type(err).__name__
    return f"{found.pval:.2g}: {'Gaussian' if found.normal else 'not'}"


def mardia(x: Rows) -> str:
    """Return the textbook p-value of Mardia's kurtosis at 5 %, or what it needs."""
    try:
        p = gausscheck.evaluate("mardia_kurtosis", x, calibration="textbook").pvalue
    except gausscheck.GausscheckError:
        return "not defined"
    if p is None or np.size(p) != 1:
        return "not defined"
    p = float(np.squeeze(p))
    return f"{p:.2g}: {'Gaussian' if p > 0.05 else 'not'}"


def main() -> None:
    """Audit every kind of rows and write the table."""
    warnings.simplefilter("ignore")
    lines = [
        "| rows | gausscheck | flagged at 1 % | the paper's rule, mean A*² | pingouin, "
        "Henze-Zirkler p | Mardia's kurtosis, p |",
        "|---|---|---|---|---|---|",
    ]
    for i, (name, make) in enumerate(ROWS.items()):
        x = make(np.random.default_rng([7, i]))
        cells = (name, *ours(x), paper(x), henze_zirkler(x), mardia(x))
        lines.append("| " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(START)
    made = "\n".join(lines) + "\n"
    PAGE.write_text(f"{before}{START}{made}{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
