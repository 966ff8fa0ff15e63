"""Every snippet of the documentation runs, every page is found, README shows what is printed.

Commands in shell blocks: tests/test_docs.py.
"""

import importlib.util
import inspect
import json
import re
import shutil
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

import gausscheck
from gausscheck.cli import main
from gausscheck.sources import open_source
from pages import ROOT, RUN, alike, blocks, run_page

PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("data/*.md"))
)
APART = {
    "docs/recipes.md": "block by block in tests/sources/test_recipes.py",
    "docs/models.md": "block by block below",
    "docs/monitoring.md": "in tests/monitor/test_page.py, with the libraries",
}
"""Pages whose blocks do not follow from each other."""


def rows(n=400, d=80, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d))


def readme(monkeypatch):
    return {"x": rows(), "new": rows(seed=1), "z": rows(4000, 8)}


def compared(monkeypatch):
    np.save("old.npy", rows(d=256))
    np.save("new.npy", rows(d=256, seed=1))
    return {"gausscheck": gausscheck}


def repaired(monkeypatch):
    np.save("emb.npy", rows(1000, 100))
    audited = gausscheck.repair("emb.npy")
    return {"gausscheck": SimpleNamespace(repair=lambda path: audited)}


def paired(monkeypatch):
    return {"gausscheck": gausscheck, "u": rows(), "v": rows(seed=1)}


def scaled(monkeypatch):
    paths = [f"{d}.npy" for d in (8, 16, 32)]
    for path, d in zip(paths, (8, 16, 32), strict=True):
        x = rows(4000, d)
        np.save(path, x / np.linalg.norm(x, axis=1, keepdims=True))  # a law with a slope
    return {"gausscheck": gausscheck, "paths": paths}


def shown(monkeypatch):
    for seed, name in enumerate(("e5", "minilm")):
        np.save(f"{name}.npy", rows(seed=seed))
    return {}


def clustered(monkeypatch):
    """Stand in for a scheduler: the call must fit; tests/passes/test_cluster.py runs a real one."""
    module = ModuleType("distributed")
    module.Client = lambda address: SimpleNamespace(address=address)
    monkeypatch.setitem(sys.modules, "distributed", module)
    call = inspect.signature(gausscheck.analyze).bind
    return {"gausscheck": SimpleNamespace(analyze=call), "dask_array": rows()}


GIVEN = {
    "README.md": readme,
    "docs/cluster.md": clustered,
    "docs/compare.md": compared,
    "docs/repair.md": repaired,
    "docs/pairs.md": paired,
    "docs/scaling.md": scaled,
    "docs/showing.md": shown,
}
"""What the snippets of a page leave to the reader: names and files."""


LONG = ("docs/tutorial-first-file.md", "docs/tutorial-figures.md")
"""Pages that draw every figure of a report."""


def pages_with_snippets():
    for page in PAGES:
        if page not in APART and {language for language, _ in blocks(page)} & set(RUN):
            yield pytest.param(page, marks=[pytest.mark.slow] if page in LONG else [])


@pytest.mark.parametrize("page", list(pages_with_snippets()))
def test_the_snippets_of_a_page_run(page, tmp_path, monkeypatch):
    shutil.copytree(ROOT / "data", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    names = GIVEN[page](monkeypatch) if page in GIVEN else {}
    assert run_page(page, names) > 0


# --- models: each block on stand-ins with the calls of the real library

TEXTS = [f"text {i}" for i in range(40)]
X = np.random.default_rng(8).standard_normal((40, 6)).astype(np.float32)


def of(texts):
    """Return the rows of texts, in their order."""
    return X[[int(text.split()[-1].split(".")[0]) for text in texts]]


def module(name, **names):
    made = ModuleType(name)
    made.__dict__.update(names)
    return made


class Torch:
    """What the blocks call of torch, on NumPy."""

    class Tensor(np.ndarray):
        def float(self):
            return self

        def numpy(self):
            return np.asarray(self)

    @classmethod
    def of(cls, x):
        return np.asarray(x).view(cls.Tensor)

    class Mode:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

    def module(self):
        stack = lambda images: self.of(np.stack(images))  # noqa: E731
        return module("torch", inference_mode=self.Mode, stack=stack)


def sentence_transformers():
    class Model:
        def __init__(self, name):
            self.name = name

        def encode(self, texts, batch_size, convert_to_numpy, normalize_embeddings):
            return of(texts)

    return {"sentence_transformers": module("sentence_transformers", SentenceTransformer=Model)}


def transformers():
    class Tokenizer:
        @classmethod
        def from_pretrained(cls, name):
            return cls()

        def __call__(self, texts, padding, truncation, return_tensors):
            mask = np.ones((len(texts), 3))
            mask[:, 2] = 0  # padding, which must not count
            return {"input_ids": of(texts), "attention_mask": mask}

    class Model:
        @classmethod
        def from_pretrained(cls, name):
            return cls()

        def eval(self):
            return self

        def __call__(self, input_ids, attention_mask):
            states = np.repeat(input_ids[:, None], 3, axis=1)
            states[:, 2] = 1e6
            return SimpleNamespace(last_hidden_state=Torch.of(states))

    made = module("transformers", AutoModel=Model, AutoTokenizer=Tokenizer)
    return {"transformers": made, "torch": Torch().module()}


def open_clip():
    model = SimpleNamespace(eval=lambda: None, encode_text=lambda tokens: Torch.of(of(tokens)))
    made = module(
        "open_clip",
        create_model_and_transforms=lambda name, pretrained: (model, None, None),
        get_tokenizer=lambda name: lambda texts: texts,
    )
    return {"open_clip": made, "torch": Torch().module()}


def timm():
    class Model:
        def eval(self):
            return self

        def __call__(self, images):
            return images

    class Image:
        @staticmethod
        def open(path):
            return SimpleNamespace(convert=lambda mode: path)

    data = SimpleNamespace(
        resolve_model_data_config=lambda model: {"input_size": (3, 518, 518)},
        create_transform=lambda input_size, is_training: lambda path: of([path])[0],
    )
    create = lambda name, pretrained, num_classes: Model()  # noqa: E731
    made = module("timm", create_model=create, data=data)
    return {"timm": made, "torch": Torch().module(), "PIL": module("PIL", Image=Image)}


def openai():
    def create(model, input):
        return SimpleNamespace(data=[SimpleNamespace(embedding=row.tolist()) for row in of(input)])

    return {"client": SimpleNamespace(embeddings=SimpleNamespace(create=create))}


def cohere():
    def embed(texts, model, input_type, embedding_types):
        return SimpleNamespace(embeddings=SimpleNamespace(float_=of(texts).tolist()))

    return {"client": SimpleNamespace(embed=embed)}


def static():
    return {"model": SimpleNamespace(embed=of)}


STAND_INS = {
    "sentence-transformers": sentence_transformers,
    "transformers": transformers,
    "open_clip": open_clip,
    "timm and DINOv2": timm,
    "OpenAI": openai,
    "Cohere": cohere,
    "WordLlama, model2vec and other static embeddings": static,
}


@pytest.mark.parametrize("name", STAND_INS)
def test_a_model_leaves_what_is_read(name, tmp_path, monkeypatch):
    page = (ROOT / "docs/models.md").read_text(encoding="utf-8")
    block = re.search(rf"\n## {re.escape(name)}\n.*?```python\n(.*?)```", page, re.DOTALL)[1]
    names = {"np": np, "texts": TEXTS, "paths": [f"picture {i}.jpg" for i in range(40)]}
    for stand_in, made in STAND_INS[name]().items():
        if isinstance(made, ModuleType):
            monkeypatch.setitem(sys.modules, stand_in, made)
        else:
            names[stand_in] = made
    monkeypatch.chdir(tmp_path)
    exec(compile(block, name, "exec"), names)
    np.testing.assert_allclose(open_source("x.npy").read(0, 40), X, rtol=1e-6)


def test_every_block_on_models_is_run(tmp_path, monkeypatch):
    """The one on prefixes takes the file that the others leave."""
    page = (ROOT / "docs/models.md").read_text(encoding="utf-8")
    with_python = {part.splitlines()[0] for part in page.split("\n## ")[1:] if "```python" in part}
    assert with_python == {*STAND_INS, "Matryoshka prefixes"}
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", X)
    block = re.search(r"## Matryoshka.*?```python\n(.*?)```", page, re.DOTALL)[1]
    exec(compile(block, "prefixes", "exec"), {"np": np})
    cut = np.load("x2.npy")
    np.testing.assert_allclose(np.linalg.norm(cut, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(cut[:, 0] / cut[:, 1], X[:, 0] / X[:, 1], rtol=1e-5)


# --- README and the index


@pytest.mark.slow
def test_the_readme_shows_what_is_printed(monkeypatch):
    """As text and in the picture; a row of the gallery is of the same audit."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"<!-- screen -->\n```\n(.*?)\n```", text, re.DOTALL)[1].splitlines()
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(main, ["analyze", "data/minilm_docstrings_5k.h5"])
    lines = done.stdout.rstrip().splitlines()
    assert len(lines) == len(shown) == 24
    for one, other in zip(shown, lines, strict=True):
        assert alike(one, other), (one, other)
    picture = (ROOT / "docs/figures/first_screen.svg").read_text(encoding="utf-8")
    plain = re.sub(r"<[^>]+>", "", picture.replace("&#160;", " "))
    words = set(re.findall(r"[A-Za-z]{4,}|\d+\.\d+", "\n".join(shown)))
    assert not {word for word in words if word not in plain}
    assert "http" not in re.sub(r'xmlns="[^"]+"', "", picture)  # it asks for nothing


def test_the_index_leads_to_every_page():
    index = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"^\| \[.+?\]\((.+?)\)", index, re.MULTILINE))
    pages = {path.name for path in ROOT.glob("docs/*.md")} - {"index.md"}
    assert pages <= linked
    assert all((ROOT / "docs" / link).exists() for link in linked)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if not link.startswith(("http", "#", "mailto:")):
            assert (ROOT / page).parent.joinpath(link.partition("#")[0]).exists(), link


def test_what_is_public_is_on_the_page():
    page = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    assert {f"gausscheck.{name}" for name in gausscheck.__all__} <= set(
        re.findall(r"`(.+?)`", page)
    )


# --- the gallery


def load(name):
    """Return a script of benchmarks/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    found = importlib.util.module_from_spec(spec)
    sys.modules[name] = found  # its dataclasses look there
    spec.loader.exec_module(found)
    return found


def gallery():
    return json.loads((ROOT / "docs/gallery.json").read_text(encoding="utf-8"))


SHIPPED = load("gallery").SHIPPED


def test_the_gallery_says_what_its_figures_say():
    page = (ROOT / "docs/gallery.md").read_text(encoding="utf-8")
    assert load("gallery").page(gallery()) == page


def same_figures(kept, found):
    """Compare the figures of a row with those of an audit now."""
    assert (kept["n"], kept["d"], kept["status"]) == (found["n"], found["d"], found["status"])
    assert kept["claims"] == found["claims"]
    assert kept["cells"].keys() == found["cells"].keys()
    for name, (value, low, high, *rest) in kept["cells"].items():
        again, *_ = found["cells"][name]
        assert abs(value - again) <= 0.05 * (high - low) + 1e-9, name
        assert rest == found["cells"][name][3:], name
    for before, now in zip(kept["curve"], found["curve"], strict=True):
        np.testing.assert_allclose(before, now, atol=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", [entry.name for entry in SHIPPED])
def test_rows_of_the_gallery_that_ship_come_out_again(name):
    script = load("gallery")
    (entry,) = (one for one in script.SHIPPED if one.name == name)
    found = gausscheck.analyze(script.rows_of(entry, [ROOT / "data"]))
    same_figures(gallery()[name], script.figures_of(found))
