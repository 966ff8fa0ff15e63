"""On the real embeddings that ship: what a conformal threshold repairs, and what repair says."""

import h5py
import numpy as np
import pytest

from gausscheck import GaussianScorer, repair
from gausscheck.audit.use.words import percent
from gausscheck.estimators.conformal import ConformalRanks
from gausscheck.estimators.gaussian import fit_gaussian
from gausscheck.remedies.run import FOLDS, folds_of, split_variance

FILES = {
    "MiniLM": ("minilm_docstrings_5k.h5", "embeddings"),
    "E5": ("three_models_2k.h5", "e5_small"),
    "MiniLM, not normalised": ("three_models_2k.h5", "minilm"),
    "WordLlama": ("three_models_2k.h5", "wordllama"),
}


def rows(data_folder, name):
    file, key = FILES[name]
    with h5py.File(data_folder / file) as handle:
        return handle[key][:]


def splits(n, units, seed):
    """Five folds of rows, or of whole units, held out in turn, twice."""
    rng = np.random.default_rng(seed)
    for _ in range(2):
        fold = folds_of(n, units, rng)
        for k, child in enumerate(rng.spawn(FOLDS)):
            yield fold == k, child


def rates(x, units=None, level=0.01):
    """Share of held-out rows beyond a level by the F law and by conformal ranks, a split a row."""
    found = []
    for new, rng in splits(len(x), units, seed=0):
        held = rng.permutation(np.flatnonzero(~new))
        part = held.size // 4
        fit = fit_gaussian(x[held[part:]], rng)
        ranks = ConformalRanks.of(fit.distances(x[held[:part]]))
        square = fit.distances(x[new])
        found.append([(p <= level).mean() for p in (fit.pvalues(square), ranks.pvalues(square))])
    return np.transpose(found)


def interval(values):
    half = 2.262 * np.sqrt(split_variance(values))  # Student's, 9 degrees of freedom
    return values.mean() - half, values.mean() + half


@pytest.mark.parametrize("name", FILES)
def test_a_conformal_threshold_flags_its_level_of_rows_held_out_at_random(data_folder, name):
    x = rows(data_folder, name)
    gaussian, conformal = rates(x)
    low, high = interval(conformal)
    assert low <= 0.01 <= high
    assert high - low < 0.03
    use = GaussianScorer(calibration=0).fit(x)  # what the section use says of all rows
    assert not use.pvalues_valid_
    assert interval(gaussian)[0] <= use.false_alarm_.ci[1]
    assert interval(gaussian)[1] >= use.false_alarm_.ci[0]
    assert gaussian.mean() > 15 * conformal.mean()


def test_of_blocks_of_a_sorted_file_no_such_thing_is_promised(data_folder):
    x = rows(data_folder, "MiniLM")
    _, conformal = rates(x, np.arange(5000) * 20 // 5000, level=0.05)
    assert interval(conformal)[0] > 0.055  # rows of another stretch of the file are not alike


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "recommended", "as_is"),
    [
        ("MiniLM", "keep_64", (0.16, 0.21)),
        ("E5", "conformal", (0.15, 0.23)),
        ("MiniLM, not normalised", "conformal", (0.27, 0.36)),
        ("WordLlama", "conformal", (0.23, 0.31)),
    ],
)
def test_what_repair_says_of_them(data_folder, name, recommended, as_is):
    found = repair(rows(data_folder, name))
    assert found.recommended == recommended
    assert as_is[0] < found["as_is"].false_alarm["0.01"].value < as_is[1]
    assert found["conformal"].holds
    low, high = found["conformal"].false_alarm["0.01"].ci
    assert low <= 0.01 <= high
    page = (data_folder.parent / "docs" / "repair.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith(f"| {name}"))
    for one in ("as_is", "conformal"):
        assert percent(found[one].false_alarm["0.01"].value) in row
