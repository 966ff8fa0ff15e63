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


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (["0"], ["1.5"]),  # a coordinate that is 0 in every row looked at
        (["0.5", "2"], ["1.5"]),  # fractions now and then
    ],
)
def test_a_coordinate_of_some_whole_numbers_is_kept(tmp_path, first, last):
    rows = [f"{first[i % len(first)]},0.25,{last[i % len(last)]}" for i in range(80)]
    (tmp_path / "x.csv").write_text("\n".join(rows) + "\n")
    assert open_source(tmp_path / "x.csv").d == 3


def test_whole_numbers_alone_are_coordinates_and_ids_can_be_asked_for(tmp_path):
    whole = np.random.default_rng(0).integers(0, 9, (80, 5))
    np.savetxt(tmp_path / "x.csv", whole, delimiter=",", fmt="%d")
    np.testing.assert_array_equal(rows_of(tmp_path / "x.csv"), whole)
    (tmp_path / "y.csv").write_text("".join(f"0.5,1.5,{i % 3}\n" for i in range(80)))
    assert open_source(tmp_path / "y.csv").d == 2
    assert open_source(tmp_path / "y.csv", dataset="columns").d == 3
    assert read_labels(open_source(tmp_path / "y.csv"), "2")[:4].tolist() == ["0", "1", "2", "0"]


def test_decimal_commas_in_quotes_and_beside_text(tmp_path):
    quoted = [",".join(f'"{v:.5f}"'.replace(".", ",") for v in row) for row in X.tolist()]
    (tmp_path / "x.csv").write_text("\n".join(quoted) + "\n")
    np.testing.assert_array_equal(rows_of(tmp_path / "x.csv"), X.round(5))
    rows = [f"{i};Ein Text, mit Komma;0,5;{i},25" for i in range(70)]
    (tmp_path / "y.csv").write_text("id;text;a;b\n" + "\n".join(rows) + "\n")
    rows = rows_of(tmp_path / "y.csv")
    np.testing.assert_array_equal(rows, np.c_[np.full(70, 0.5), np.arange(70) + 0.25])
    (tmp_path / "z.csv").write_text("1.234,5;2,5\n" + "1,5;2,5\n" * 30)
    with pytest.raises(GausscheckError, match="line 1"):
        open_source(tmp_path / "z.csv")


def test_a_line_without_end_is_no_table(tmp_path, monkeypatch):
    from gausscheck.sources import text

    monkeypatch.setattr(text, "FIELD", 1000)
    (tmp_path / "x.csv").write_text("1,2\n" + "3," * 5000 + "\n")
    with pytest.raises(GausscheckError, match="a line of over 1,000 characters"):
        open_source(tmp_path / "x.csv")


def test_parts_of_any_one_format(tmp_path):
    for i, low in enumerate(range(0, 90, 30)):
        lines = (json.dumps({"embedding": row}) for row in X[low : low + 30].tolist())
        (tmp_path / f"part_{i}.jsonl").write_text("\n".join(lines) + "\n")
    for path in (tmp_path, f"{tmp_path}/part_*.jsonl"):
        np.testing.assert_array_equal(rows_of(path), X)
    (tmp_path / "notes.md").write_text("# Notes")
    with pytest.raises(GausscheckError, match="or other files alike, found notes"):
        open_source(tmp_path)


def test_vectors_of_json_by_their_names(tmp_path):
    held = {"ids": ["a"] * 90, "y": list(range(90)), "deep": {"embeddings": X.tolist()}}
    (tmp_path / "x.json").write_text(json.dumps({**held, "other": (X + 1).tolist()}, indent=2))
    source = open_source(tmp_path / "x.json")
    np.testing.assert_array_equal(source.read(0, 90), X)
    assert read_labels(source, None)[[0, 89]].tolist() == [0, 89]
    np.testing.assert_array_equal(rows_of(tmp_path / "x.json", dataset="other"), X + 1)
    np.testing.assert_array_equal(rows_of(f"{tmp_path}/x.json:deep.embeddings"), X)
    with pytest.raises(GausscheckError, match="expected an array 'none', got"):
        open_source(tmp_path / "x.json", dataset="none")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[[1, 2], [3]]", "row 1 has 1 numbers, the first has 2"),
        ("[[1, 2], [3, 4]", "expected JSON"),
        ("[[1, 2], [3, true]]", "row 1: expected numbers, got true"),
        ("[[1, 2], [3, 4]] more", "expected JSON"),
        ("[" * 100_000, "expected JSON"),
        ('{"a": ' * 100_000, "expected JSON"),
        ('{"a": "b"}', "got rows: "),
        ("[]", "an empty container"),
        ("7", "expected a list or an object"),
        ("[0.5, 1.5]", "no vectors"),
    ],
)
def test_json_that_is_no_list_of_vectors(tmp_path, content, words):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(GausscheckError, match=words) as caught:
        open_source(tmp_path / "x.json")
    assert len(str(caught.value).splitlines()) == 1


def test_a_value_that_lies_across_pieces(tmp_path, monkeypatch):
    from gausscheck.sources import jsonvalues

    monkeypatch.setattr(jsonvalues, "_PIECE", 7)
    (tmp_path / "x.json").write_text(json.dumps({"data": [{"vec": r} for r in X.tolist()]}))
    np.testing.assert_array_equal(rows_of(tmp_path / "x.json"), X)
