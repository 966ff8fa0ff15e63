"""What adapters share, with none of their libraries: where embeddings are, and what is missing."""

import sys
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest

from gausscheck.core import GausscheckError
from gausscheck.monitor.observer import embeddings_in, not_installed

Z = np.ones((3, 2))


@pytest.mark.parametrize(
    ("outputs", "wanted"),
    [
        (Z, None),
        ({"z": Z, "loss": 1}, "z"),
        (SimpleNamespace(z=Z), "z"),
        ((0, Z), lambda outputs: outputs[1]),
    ],
)
def test_embeddings_are_found(outputs, wanted):
    assert embeddings_in(outputs, wanted) is Z


@pytest.mark.parametrize(
    ("outputs", "wanted", "message"),
    [
        ({"loss": 1, "h": 2}, "z", "expected 'z' in the output, got keys loss, h"),
        (SimpleNamespace(), "z", "expected 'z' in the output, got a SimpleNamespace"),
        (None, None, "expected an array as output, got nothing; name the part with embeddings="),
        ((Z, Z), None, "expected an array as output, got a tuple"),
    ],
)
def test_embeddings_that_are_not_there_are_one_line(outputs, wanted, message):
    with pytest.raises(GausscheckError) as caught:
        embeddings_in(outputs, wanted)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("adapter", "libraries", "package"),
    [
        ("lightning", ["lightning", "pytorch_lightning"], "lightning"),
        ("huggingface", ["transformers"], "transformers"),
        ("sentence_transformers", ["sentence_transformers"], "sentence-transformers"),
        ("keras", ["keras"], "keras"),
    ],
)
def test_a_library_that_is_missing_is_one_line(monkeypatch, adapter, libraries, package):
    name = f"gausscheck.monitor.{adapter}"
    monkeypatch.delitem(sys.modules, name, raising=False)
    for library in libraries:
        for part in [known for known in sys.modules if known.startswith(f"{library}.")]:
            monkeypatch.delitem(sys.modules, part)
        monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(GausscheckError) as caught:
        import_module(name)
    assert str(caught.value) == (
        f"{name}: expected {' or '.join(libraries)} to be installed: pip install {package}"
    )


def test_a_library_whose_own_needs_are_missing_says_so_itself():
    err = ModuleNotFoundError("No module named 'tensorflow'", name="tensorflow")
    assert not_installed(err, "keras", "keras") is err


def test_the_monitor_needs_none_of_them():
    """Neither torch nor a framework is imported for arrays of NumPy."""
    import subprocess

    code = (
        "import sys, numpy as np; from gausscheck.monitor import GaussianMonitor; "
        "m = GaussianMonitor(); m.update(np.random.default_rng(0).standard_normal((200, 3))); "
        "m.compute(); "
        "print(*{'torch', 'lightning', 'transformers', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
