"""Text tables: headers, indexes, gaps, lists; what is refused with its line."""

import gzip
import json
import pickle

import numpy as np
import pandas as pd
import pytest

from gausscheck.core import GausscheckError
from gausscheck.sources import inspect_source, open_source, read_labels

X = np.random.default_rng(1).standard_normal((90, 4))


def rows_of(path, **options):
    source = open_source(path, **options)
    return source.read(0, source.n)


@pytest.mark.parametrize("index", [False, True])
@pytest.mark.parametrize("names", [None, list("abcd"), [f"dim {i}" for i in range(4)]])
@pytest.mark.parametrize("sep", [",", ";", "\t"])
def test_tables_as_pandas_saves_them(tmp_path, index, names, sep):
    pd.DataFrame(X, columns=names).to_csv(tmp_path / "x.csv", index=index, sep=sep)
    np.testing.assert_array_equal(rows_of(tmp_path / "x.csv"), X)
    left = [n for n in open_source(tmp_path / "x.csv").notes if "left out" in n]
    assert left == (["columns left out: (unnamed)"] if index else [])


def test_a_table_without_names(tmp_path):
    np.savetxt(tmp_path / "x.csv", X, delimiter=",", fmt="%.17g")
    np.testing.assert_array_equal(rows_of(tmp_path / "x.csv"), X)
    labelled = "".join(f"c{i},{a!r},{b!r}\n" for i, (a, b) in enumerate(X[:, :2].tolist()))
    (tmp_path / "y.csv").write_text(labelled)
    np.testing.assert_array_equal(rows_of(tmp_path / "y.csv"), X[:, :2])
    assert read_labels(open_source(tmp_path / "y.csv"), "0")[[0, 89]].tolist() == ["c0", "c89"]


def test_a_gap_is_a_row_that_is_not_finite_and_never_a_column_less(tmp_path):
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame.loc[[0, 70], ["b", "d"]] = np.nan
    frame.to_csv(tmp_path / "x.csv", index=False)
    np.testing.assert_array_equal(rows_of(tmp_path / "x.csv"), frame.to_numpy())
    (tmp_path / "x.csv").write_text("a,b\n" + "1,2\n" * 80 + "3,?\n")
    with pytest.raises(GausscheckError, match=r"line 82: expected numbers, got .*'\?'"):
        open_source(tmp_path / "x.csv")


def test_half_a_header_is_refused(tmp_path):
    (tmp_path / "x.csv").write_text("0.5,b,0.25\n" + "1,2,3\n" * 40)
    with pytest.raises(GausscheckError, match="line 1: expected a header or numbers, got 'b'"):
        open_source(tmp_path / "x.csv")


def test_a_byte_order_mark_and_quoted_line_breaks(tmp_path):
    lines = "".join(f'"two\nlines {i}","{row}"\n' for i, row in enumerate(X.tolist()))
    (tmp_path / "x.csv").write_bytes(b"\xef\xbb\xbftext,embedding\n" + lines.encode())
    np.testing.assert_array_equal(rows_of(tmp_path / "x.csv"), X)
    assert read_labels(open_source(tmp_path / "x.csv"), "text")[5] == "two\nlines 5"


def test_arrays_as_numpy_prints_them(tmp_path):
    frame = pd.DataFrame({"id": range(90), "embedding": [str(row) for row in X]})
    frame.to_csv(tmp_path / "x.csv")
    np.testing.assert_allclose(rows_of(tmp_path / "x.csv"), X, atol=1e-6)
    wide = np.zeros((30, 2000))
    frame = pd.DataFrame({"embedding": [str(row) for row in wide]})
    frame.to_csv(tmp_path / "y.csv")
    with pytest.raises(GausscheckError, match=r"line 2: .*cut short as NumPy prints it"):
        open_source(tmp_path / "y.csv")


def test_the_wanted_column_of_lists(tmp_path):
    table = pd.DataFrame({"a": X.tolist(), "b": (X + 1).tolist()})
    table.to_csv(tmp_path / "x.csv.gz", index=False)
    np.testing.assert_array_equal(rows_of(tmp_path / "x.csv.gz", dataset="b"), X + 1)
    with pytest.raises(GausscheckError, match="choose one with dataset: a, b"):
        open_source(tmp_path / "x.csv.gz")
    with pytest.raises(GausscheckError, match="expected a column 'c', got a, b"):
        open_source(tmp_path / "x.csv.gz", dataset="c")
    lines = (json.dumps({"a": row.tolist(), "b": (row + 1).tolist()}) for row in X)
    (tmp_path / "x.jsonl").write_text("\n".join(lines))
    np.testing.assert_array_equal(rows_of(tmp_path / "x.jsonl", dataset="a"), X)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"emb": {"a": "b"}}', "line 3: expected a list of numbers, got keys emb"),
        ('{"emb": "[true]"}', "line 1: expected numbers, got true in the list"),
        ("[true, false]", "got true in the list"),
        ("[null, null]", "expected a list of numbers, got none"),
        ('[1, "2"]', "in the list"),
        ("[1" + "0" * 400 + ", 2]", "too large"),
        ("[" * 100_000, "line 1 is not JSON"),
        ("7", "expected a list or an object"),
    ],
)
def test_what_is_no_list_of_numbers(tmp_path, line, words):
    (tmp_path / "x.jsonl").write_text(f"{line}\n" * 3)
    with pytest.raises(GausscheckError, match=words) as caught:
        open_source(tmp_path / "x.jsonl")
    assert len(str(caught.value).splitlines()) == 1


def test_long_texts_beside_the_rows_are_not_held(tmp_path):
    text = "x" * 20_000
    with gzip.open(tmp_path / "x.csv.gz", "wt") as handle:
        handle.write("text,label,embedding\n")
        handle.writelines(f'{text},c{i % 2},"{r}"\n' for i, r in enumerate(X.tolist()))
    source = open_source(tmp_path / "x.csv.gz")
    assert len(pickle.dumps(source)) < 2000
    assert read_labels(source, None)[:3].tolist() == ["c0", "c1", "c0"]
    told = inspect_source(tmp_path / "x.csv.gz")
    assert [entry.key for entry in told.entries] == ["embedding", "text", "label"]
    assert open_source(tmp_path / "x.csv.gz", dataset=told.chosen).n == 90


def test_what_inspect_names_can_be_asked_for(tmp_path):
    pd.DataFrame(X).assign(label="c").to_csv(tmp_path / "x.csv")
    told = inspect_source(tmp_path / "x.csv")
    assert [entry.key for entry in told.entries] == ["columns", "label"]
    np.testing.assert_array_equal(rows_of(tmp_path / "x.csv", dataset=told.chosen), X)
