"""The audit of each label: one that cannot be audited is named with the reason, the rest stands."""

import numpy as np
import pytest

import gausscheck

FAST = {"directions": "axes", "levels": "none", "group": True}


@pytest.fixture
def rows(rng):
    return rng.standard_normal((900, 6))


def saved(labels, tmp_path):
    np.save(tmp_path / "labels.npy", labels)
    return str(tmp_path / "labels.npy")


def test_a_constant_and_a_small_group_are_not_audited_and_the_others_are(rows, tmp_path):
    labels = np.repeat(["plain", "other", "constant"], 300)
    labels[:5] = "few"
    labels[-50:] = "copies"
    rows[labels == "constant"] = 1.5
    rows[labels == "copies"] = rows[10:60]
    found = gausscheck.analyze(rows, labels=saved(labels, tmp_path), **FAST).groups
    assert found.labels == 5
    assert set(found.shown) == {"plain", "other"}
    assert found.not_audited == {  # repeats are left out of every audit
        "few": "5 rows of 100 needed",
        "constant": "1 rows of 100 needed",
        "copies": "0 rows of 100 needed",
    }
    alone = gausscheck.analyze(rows[labels == "other"], directions="axes,random:64", levels="none")
    assert found.shown["other"].levels["axes"].value == pytest.approx(
        alone.levels["axes"].value, rel=1e-6
    )


def test_labels_that_are_nan_are_a_group_that_is_not_audited(rows, tmp_path):
    labels = np.repeat([1.0, 2.0, np.nan], 300)
    found = gausscheck.analyze(rows, labels=saved(labels, tmp_path), **FAST).groups
    assert set(found.shown) == {"1.0", "2.0"}
    assert set(found.not_audited) == {"nan"}
