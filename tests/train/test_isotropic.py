"""What regularised training aims at: its run passes, a contrastive one does not."""

import pytest

import gausscheck
from gausscheck.train import loop
from gausscheck.train.settings import Settings


def audit(objective, path):
    settings = Settings(
        objective=objective,
        data="gaussian-channel",
        encoder="linear",
        sigreg_weight=0.3,
        dim=16,
        epochs=6,
        measure_every=6,
        batch=512,
        lr=0.003,
        threads=1,
    )
    return gausscheck.analyze(
        loop.train(settings, path), null="isotropic", directions="axes", levels="none"
    )


@pytest.mark.slow
def test_a_regularised_run_passes_and_a_contrastive_one_is_told_by_how_much(tmp_path):
    passes = audit("sigreg", tmp_path / "sigreg.h5")
    assert passes.isotropic.status == "holds"
    assert passes.verdict.status == "gaussian"
    fails = audit("infonce", tmp_path / "infonce.h5")
    assert fails.levels["axes"].status == "gaussian"  # a fitted mean says nothing of it
    mean = next(part for part in fails.isotropic.parts if part.name == "mean")
    assert mean.status == "fails"
    assert mean.effect_ci[0] > mean.margin
    assert fails.verdict.status == "not_gaussian"
    assert f"mean {mean.times_margin:.2g}" in fails.verdict.summary
