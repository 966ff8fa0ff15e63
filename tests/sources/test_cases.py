"""Files as people store embeddings in them: each is read right, or refused with the way out."""

import pytest

from gausscheck.sources import inspect_source, open_source
from sources.cases import CASES, outcome
from sources.odd_cases import ODD_CASES

ALL = [*CASES, *ODD_CASES]


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.file)
def test_is_read_right_or_refused_with_the_way_out(tmp_path, case):
    pytest.importorskip(case.needs)
    case.write(tmp_path / case.file)
    assert outcome(case, tmp_path / case.file) is None


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.file)
def test_inspect_takes_what_is_read(tmp_path, case):
    pytest.importorskip(case.needs)
    path = tmp_path / case.file
    case.write(path)
    if isinstance(case.right, str) or case.options:
        return
    told = inspect_source(path)
    assert told.chosen is not None
    chosen = next(entry for entry in told.entries if entry.key == told.chosen)
    assert chosen.shape == case.right.shape
    assert len(told.entries) <= 20  # many alike are summed up
    if path.is_file() and len(told.entries) > 1:
        assert open_source(path, dataset=told.chosen).n == len(case.right)
