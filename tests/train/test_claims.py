"""The paper's claims with their bounds, on reduced sizes: see benchmarks/reproduction.py."""

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "reproduction.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("reproduction", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bench(script, tmp_path_factory):
    return script.Bench(tmp_path_factory.mktemp("claims"), quick=True)


GROUPS = (("linear", "mlp", "verdicts", "usable"), ("iid", "mixtures", "theory", "likelihood"))
"""Claims that share trained runs, so that two processes train nothing twice."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.xdist_group(f"claims of {names[0]}"))
        for names in GROUPS
        for name in names
    ],
)
def test_the_claim_holds(script, bench, name):
    found = list(script.CLAIMS[name](bench))
    assert found
    assert not [words for words, holds in found if not holds]
