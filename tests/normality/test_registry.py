"""Whatever a room holds is in its table: nothing is written and then forgotten."""

import importlib
from pathlib import Path

from gausscheck.figures import TABLES
from gausscheck.normality import TESTS
from gausscheck.normality.spec import Spec
from gausscheck.sources import SOURCES

SRC = Path(__file__).parents[2] / "src" / "gausscheck"


def modules(room):
    for path in sorted((SRC / room).rglob("*.py")):
        if path.stem != "__init__":
            name = ".".join(path.relative_to(SRC.parent).with_suffix("").parts)
            yield path.stem, importlib.import_module(name)


def test_every_spec_is_in_tests():
    found = {
        value.name: value
        for _, module in modules("normality")
        for held in vars(module).values()
        for value in (held if isinstance(held, tuple) else (held,))
        if isinstance(value, Spec)
    }
    assert found == TESTS
    for name, spec in TESTS.items():
        assert name == spec.name
        assert not name.startswith("test")
        assert all((spec.null_says, spec.cost, spec.reference))


def test_every_source_file_is_in_sources():
    readers = {name for name, module in modules("sources") if hasattr(module, f"open_{name}")}
    of_others = {"memory", "sparse", "documents"}  # what a reader of a format hands on
    assert readers - of_others == set(SOURCES)
    for name, form in SOURCES.items():
        assert callable(form.open()), name
        assert callable(form.inspect()), name
        assert all(s.startswith(".") for s in form.suffixes)
    suffixes = [s for form in SOURCES.values() for s in form.suffixes]
    assert len(suffixes) == len(set(suffixes))


def test_every_figure_file_is_in_figures():
    files = {name for name, _ in modules("figures")} - {"style", "rows", "elsewhere"}
    assert files == {
        draw.__module__.rsplit(".", 1)[-1] for table in TABLES.values() for draw in table.values()
    }


def test_every_public_name_is_there_and_documented():
    import gausscheck

    for name in gausscheck.__all__:
        value = getattr(gausscheck, name)
        assert value is TESTS or value.__doc__, name
    assert set(gausscheck.__all__) <= set(dir(gausscheck))
