"""The short version of ``make reliability``: a part of each kind of case."""

import sys

import pytest

from reliability.__main__ import everything


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and sets limits")
def test_nothing_is_lost_nothing_runs_no_traceback(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for counts in everything(short=True, minutes=3):
        assert counts.cases >= 10, counts
        assert counts.bad == 0, str(counts)
    assert list(tmp_path.iterdir()) == []  # what cases write goes into folders of their own
