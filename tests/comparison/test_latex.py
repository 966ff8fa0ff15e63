"""The LaTeX of a comparison by a strict parser: tables are whole, names mean themselves."""

import re

import numpy as np
import pytest
from pylatexenc.latex2text import LatexNodes2Text
from pylatexenc.latexwalker import LatexEnvironmentNode, LatexMacroNode, LatexWalker

import gausscheck
from gausscheck.comparison import tables
from gausscheck.comparison.writers import latex, to_latex

NAMES = (
    r"a_b & 50% #1 \x {", r"\input{/etc/passwd}", r"\end{tabular}\write18{id}", "}}{{", "$x^2$ ~",
    "[2em] *", "*", "a--b ---c", "x < y > z | `q'", "trailing \\", "\\\\", "% gone", "new\nline &",
)  # fmt: skip


def comparison(names, columns=2):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 6))
    report = gausscheck.analyze(x, directions="axes,random:8,pca:2", levels="norms", threads=1)
    other = gausscheck.analyze(x**3, directions="axes,random:8,pca:2", levels="norms", threads=1)
    return gausscheck.compare(dict(zip(names, [report, other] * len(names), strict=False)))


@pytest.fixture(scope="module", params=[NAMES[:3], NAMES[3:6], NAMES], ids=["three", "more", "all"])
def found(request):
    return comparison(request.param)


def environments(text):
    nodes, _, _ = LatexWalker(text, tolerant_parsing=False).get_latex_nodes()
    return [node for node in nodes if isinstance(node, LatexEnvironmentNode)]


def lines_of(tabular):
    """The rows of a tabular, each with its cells as text, and the rules between them."""
    rows, cells, rules = [], [[]], []
    for node in tabular.nodelist:
        name = node.macroname if isinstance(node, LatexMacroNode) else None
        if name == "\\":
            rows.append(["".join(n.latex_verbatim() for n in cell).strip() for cell in cells])
            cells = [[]]
        elif name in ("toprule", "midrule", "bottomrule"):
            rules.append((name, len(rows)))
        elif node.latex_verbatim() == "&":
            cells.append([])
        else:
            cells[-1].append(node)
    assert "".join(n.latex_verbatim() for cell in cells for n in cell).strip() == ""
    return rows, rules


def plain(text):
    for macro, sign in (("textless", "<"), ("textgreater", ">"), ("textbar", "|")):
        text = text.replace(f"\\{macro}{{}}", sign)  # which the parser does not know
    return " ".join(LatexNodes2Text(math_mode="text").latex_to_text(text).split())


def test_every_table_is_whole(found):
    text = to_latex(found)
    made, shown = environments(text), tables(found)
    assert [node.environmentname for node in made] == ["table"] * len(shown)
    for table, wanted in zip(made, shown, strict=True):
        (tabular,) = [n for n in table.nodelist if isinstance(n, LatexEnvironmentNode)]
        assert tabular.environmentname == "tabular"
        (spec,) = [a for a in tabular.nodeargd.argnlist if a is not None]
        columns = len(spec.latex_verbatim().strip("{}"))
        rows, rules = lines_of(tabular)
        assert {len(row) for row in rows} == {columns}
        assert [name for name, _ in rules] == ["toprule", "midrule", "bottomrule"]
        assert [place for _, place in rules] == [0, 1, len(rows)]
        cells = [plain(cell) for row in rows for cell in row]
        theirs = [" ".join(c.split()) for line in (wanted.head, *wanted.rows) for c in line]
        assert sorted(map(same, cells)) == sorted(map(same, theirs))
        assert columns <= 7 or len(wanted.rows) >= len(wanted.head) - 1


def same(text):
    """Signs that the parser writes in another way."""
    for odd, even in (("ˆ", "^"), ("−", "-"), ("–", "-"), ("²", "^2"), ("\\n", " "), ("’", "'")):
        text = text.replace(odd, even)
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize("name", NAMES)
def test_names_mean_themselves(name):
    assert same(plain(latex(name))) == same(name)
    nodes, _, _ = LatexWalker(latex(name), tolerant_parsing=False).get_latex_nodes()
    macros = {n.macroname for n in nodes if isinstance(n, LatexMacroNode)}
    assert macros <= {*"{}$&#%_", "textbackslash", "textasciicircum", "textasciitilde", "textbar",
                      "textless", "textgreater", "textasciigrave", "textendash"}  # fmt: skip


def test_what_is_not_a_name_is_ascii():
    text = to_latex(comparison(["a", "b"]))
    assert text.isascii()
    assert not re.search(r"(?<![\\{])[\[*](?!})", text.partition("\n")[2])
