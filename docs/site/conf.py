"""The documentation as a site: `make site` writes it into out/site.

The pages are those that GitHub shows, read from the root of the repository, so that one link works
in both. What differs is made here: the order of the pages is read from the tables of docs/index.md,
the command line comes from sphinx-click, the interface for Python from autodoc, the rooms are
drawn. Snippets are run by tests/test_pages.py, not here: once is enough, and a page that GitHub
shows is as true as the site.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

import gausscheck

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))

from generate import API, COMPLETION, TABLES  # noqa: E402

project = "gausscheck"
author = "The gausscheck contributors"
version = release = gausscheck.__version__
html_title = "gausscheck"

root_doc = "docs/index"
include_patterns = ["docs/*.md", "data/README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"]
exclude_patterns = [".*", "out", "src", "tests", "benchmarks", "dist", "runs"]
source_suffix = {".md": "markdown"}
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "numpydoc",
    "sphinx_click",
    "sphinx_copybutton",
]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # the changelog begins below its title
numpydoc_show_class_members = False  # autodoc lists them
numpydoc_class_members_toctree = False
autosummary_generate = False
autodoc_typehints = "none"  # types stand in the docstrings, with shapes and units
autodoc_member_order = "bysource"
copybutton_prompt_text = "$ "

html_theme = "pydata_sphinx_theme"
html_extra_path = ["redirect"]  # the site's own root leads to docs/index.html
templates_path = ["_templates"]
html_static_path = ["_static"]
html_css_files = ["site.css"]
smartquotes = False  # options begin with two hyphens
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {"**": ["contents.html"]}
html_theme_options = {
    "logo": {"text": "gausscheck"},
    "navbar_center": [],
    "navbar_persistent": [],
    "navbar_end": ["search-button-field", "theme-switcher"],
    "show_toc_level": 2,
    "footer_start": [],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "show_prev_next": True,
}


def contents(index: str) -> str:
    """Return a tree of pages for each heading of the index, from the links of its table."""
    trees = []
    for section in index.split("\n## ")[1:]:
        title = section.splitlines()[0]
        pages = re.findall(r"^\| \[(.+?)\]\((.+?)\.md\)", section, re.MULTILINE)
        places = [place[3:] if place.startswith("../") else f"docs/{place}" for _, place in pages]
        entries = [f"{name} </{place}>" for (name, _), place in zip(pages, places, strict=True)]
        trees += ["```{toctree}", ":hidden:", f":caption: {title}", "", *entries, "```", ""]
    return "\n".join(["", *trees])


def python() -> str:
    """Return the page of what is public, by autodoc."""
    lines = ["# Python", "", "What is public, from its docstrings.", ""]
    for title, names in API.items():
        lines += [f"## {title}", ""]
        for name in names:
            module, _, last = name.rpartition(".")
            found = getattr(sys.modules.get(module) or __import__(module, fromlist=[last]), last)
            lines += [f"### {last}", "", "```{eval-rst}"]
            if name in TABLES:
                lines += [f".. py:data:: {name}", "", f"   {TABLES[name]}"]
            elif isinstance(found, type):
                lines += [f".. autoclass:: {name}", "   :members:"]
            else:
                lines += [f".. autofunction:: {name}"]
            lines += ["```", ""]
    return "\n".join(lines)


COMMANDS = """
```{eval-rst}
.. click:: gausscheck.cli:main
   :prog: gausscheck
   :nested: full
```
"""


def rooms(found: re.Match[str]) -> str:
    """Return the diagram of the rooms as boxes, highest rank first: no script has to draw it."""
    ranks = re.findall(r'r[\d.]+\["(.+?)"\]', found[1])
    boxes = "".join(
        "<li>" + "".join(f"<code>{room}</code>" for room in rank.split(" · ")) + "</li>"
        for rank in ranks
    )
    return f'<ol class="rooms" aria-label="Rooms, from the highest rank down">{boxes}</ol>'


def read(app: Sphinx, page: str, source: list[str]) -> None:
    """Give pages the form that the site has and GitHub has not."""
    if page == "docs/index":
        source[0] += contents(source[0])
    elif page == "docs/cli":
        source[0] = f"# Command line\n\n{COMPLETION}{COMMANDS}"
    elif page == "docs/api":
        source[0] = python()
    elif page == "docs/architecture":
        source[0] = re.sub(r"```mermaid\n(.*?)```", rooms, source[0], flags=re.DOTALL)


def skip(
    app: Sphinx, what: str, name: str, member: object, no: bool, options: object
) -> bool | None:
    """Leave out what scikit-learn writes into every estimator."""
    return True if re.fullmatch(r"set_\w+_request", name) else None


def quote(app: Sphinx, context: object, lines: list[str]) -> None:
    """Keep FILE:KEY from being taken for an address."""
    lines[:] = [re.sub(r"FILE:\w+", r"``\g<0>``", line) for line in lines]


def setup(app: Sphinx) -> None:
    """Read pages by `read`."""
    for part in ("description", "options"):
        app.connect(f"sphinx-click-process-{part}", quote)
    app.connect("source-read", read)
    app.connect("autodoc-skip-member", skip)
