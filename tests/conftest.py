"""Shared fixtures: where the shipped data and the oracle lie."""

from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def minilm_path() -> Path:
    return ROOT / "data" / "minilm_docstrings_5k.h5"


@pytest.fixture(scope="session")
def clip_path() -> Path:
    return ROOT / "data" / "clip_vitb32_lvis_text.npy"


@pytest.fixture(scope="session")
def data_folder() -> Path:
    return ROOT / "data"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20_260_301)
