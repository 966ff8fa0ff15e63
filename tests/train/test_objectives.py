"""Objectives and entropies against independent implementations and closed forms."""

import numpy as np
import pytest
import torch
from scipy.special import gammaln

import gausscheck
from gausscheck.train import entropy
from gausscheck.train.objectives import (
    align_uniform,
    clip,
    epps_pulley,
    infonce,
    ntxent,
    objective,
    potential,
    regularised,
    sigreg,
)
from gausscheck.train.settings import OBJECTIVES, Settings


@pytest.fixture
def views():
    g = torch.Generator().manual_seed(0)
    u = torch.randn(40, 7, generator=g, dtype=torch.float64)
    return u, u + 0.5 * torch.randn(40, 7, generator=g, dtype=torch.float64)


def unit(x):
    return (x / x.norm(dim=1, keepdim=True)).numpy()


def test_infonce_is_its_formula(views):
    u, v = map(unit, views)
    logits = u @ v.T / 0.2
    want = -np.mean(np.diag(logits) - np.log(np.exp(logits).sum(axis=1)))
    assert float(infonce(*views, 0.2)) == pytest.approx(want)
    both = (float(infonce(*views, 0.2)) + float(infonce(*views[::-1], 0.2))) / 2
    assert float(clip(*views, 0.2)) == pytest.approx(both)


def test_ntxent_is_that_of_pytorch_metric_learning(views):
    from pytorch_metric_learning.losses import NTXentLoss

    u, v = views
    labels = torch.arange(len(u)).repeat(2)
    want = NTXentLoss(temperature=0.3)(torch.cat([u, v]), labels)
    assert float(ntxent(u, v, 0.3)) == pytest.approx(float(want), rel=1e-9)


def test_population_terms_are_those_of_the_audit_of_pairs(views):
    u, v = views
    found = gausscheck.audit_pairs(
        gausscheck.open_source(u.numpy()), gausscheck.open_source(v.numpy()),
        temperature=0.2, eta2=0.0,
    )  # fmt: skip
    assert float(potential(u, v, 0.2)) == pytest.approx(found.values["phi"])
    assert float(align_uniform(u, v, 0.2)) == pytest.approx(found.values["infonce_population"])
    assert float(infonce(u, v, 0.2)) == pytest.approx(found.values["infonce"] + np.log(len(u)))


def test_the_regularised_objective_is_its_sum(views):
    u, v = views
    z = torch.cat([u, v])
    bracket = -entropy.logdet(z) + 0.5 * z.square().sum(dim=1).mean()
    want = align_uniform(u, v, 0.2) + 0.3 * bracket
    assert float(regularised(u, v, 0.2, 0.3, 0.5, entropy.logdet)) == pytest.approx(float(want))


@pytest.mark.parametrize("law", ["normal", "laplace", "uniform"])
def test_epps_pulley_is_the_numpy_one_on_standardised_columns(law):
    x = getattr(np.random.default_rng(3), law)(size=(500, 4))
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    want = gausscheck.evaluate("epps_pulley", x).statistic
    np.testing.assert_allclose(epps_pulley(torch.from_numpy(z)).numpy(), want, rtol=1e-6)


def test_sigreg_sees_what_is_not_standard_normal():
    g = torch.Generator().manual_seed(0)
    z = torch.randn(2000, 8, generator=g)
    torch.manual_seed(0)
    near, far = float(sigreg(z, z, 1.0)), float(sigreg(3 * z, 3 * z, 1.0))
    assert near < 1.5
    assert far > 20 * near
    assert float(sigreg(z, z + 1, 0.0)) == pytest.approx(1.0)


def normal_entropy(d):
    return d / 2 * np.log(2 * np.pi * np.e)


@pytest.mark.parametrize("d", [2, 6])
@pytest.mark.parametrize("name", ["logdet", "knn", "radial"])
def test_entropies_of_a_standard_normal(name, d):
    g = torch.Generator().manual_seed(1)
    z = torch.randn(3000, d, generator=g, dtype=torch.float64)
    got = float(entropy.ENTROPIES[name](z))
    assert got == pytest.approx(
        normal_entropy(d), abs={"logdet": 0.05, "knn": 0.15, "radial": 0.2}[name]
    )


def test_entropies_follow_a_change_of_scale():
    g = torch.Generator().manual_seed(1)
    z = torch.randn(500, 5, generator=g, dtype=torch.float64)
    for estimate in entropy.ENTROPIES.values():
        assert float(estimate(2 * z) - estimate(z)) == pytest.approx(5 * np.log(2), abs=1e-6)


@pytest.mark.parametrize("name", ["knn", "logdet"])
def test_entropies_of_rows_far_from_zero_are_those_of_the_same_rows(name):
    far = torch.randn(512, 8, generator=torch.Generator().manual_seed(0)) + 4096
    near = far.double() - 4096  # what float32 holds of them
    found, want = (entropy.ENTROPIES[name](rows).item() for rows in (far, near))
    assert found == pytest.approx(want, abs=0.02)


def test_radial_entropy_of_the_unit_sphere_is_its_surface():
    g = torch.Generator().manual_seed(1)
    z = torch.nn.functional.normalize(torch.randn(400, 4, generator=g, dtype=torch.float64), dim=1)
    radius = 1 + 0.1 * torch.rand(400, 1, generator=g, dtype=torch.float64)
    surface = np.log(2) + 2 * np.log(np.pi) - gammaln(2)
    want = np.log(0.1) + 3 * float(radius.log().mean()) + surface
    assert float(entropy.radial(z * radius)) == pytest.approx(want, abs=0.1)


@pytest.mark.parametrize("name", [n for n in OBJECTIVES if n != "cross-entropy"])
def test_every_objective_has_a_gradient(name, views):
    u, v = (x.float().requires_grad_() for x in views)
    loss = objective(Settings(objective=name))(u, v)
    loss.backward()
    assert torch.isfinite(u.grad).all()
    assert u.grad.abs().sum() > 0
