"""Draw the pictures of README and tutorials, and put the first screen of an audit into README.

python docs/pictures.py    # from the data that ships; a test compares README with what is printed
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

import gausscheck
from gausscheck import figures

DOCS = Path(__file__).parent
README = DOCS.parent / "README.md"
FIGURES = DOCS / "figures"
FILE = "data/minilm_docstrings_5k.h5"
COMMAND = f"gausscheck analyze {FILE}"
START, END = "<!-- screen -->\n", "<!-- /screen -->"


def screen() -> Text:
    """Return what the command prints on 80 columns, with its colours."""
    done = subprocess.run(
        [sys.executable, "-m", *COMMAND.split()], cwd=README.parent, check=True, text=True,
        capture_output=True, env=os.environ | {"FORCE_COLOR": "1", "COLUMNS": "80"},
    )  # fmt: skip
    return Text.from_ansi(done.stdout.rstrip())


def drawn(text: Text) -> str:
    """Return the screen as SVG; in the reader's own monospaced font: nothing is fetched."""
    console = Console(record=True, width=80, file=StringIO())
    console.print(text, no_wrap=True)
    svg = console.export_svg(title=COMMAND, theme=DIMMED_MONOKAI, unique_id="screen")
    svg = re.sub(r"@font-face \{.*?\}\s*|<!--.*?-->", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code", "ui-monospace, DejaVu Sans Mono")


def with_screen(readme: str, text: Text) -> str:
    """Return README with the screen between its marks."""
    before, rest = readme.split(START)
    lines = "\n".join(line.rstrip() for line in text.plain.splitlines())
    return f"{before}{START}```\n{lines}\n```\n{END}{rest.split(END)[1]}"


def main() -> None:
    """Write them."""
    shown = screen()
    (FIGURES / "first_screen.svg").write_text(drawn(shown), encoding="utf-8")
    text = README.read_text(encoding="utf-8")
    README.write_text(with_screen(text, shown), encoding="utf-8")
    for name, file in (("use", "clip_vitb32_lvis_text.npy"), ("e5", "three_models_2k.h5:e5_small")):
        report = gausscheck.analyze(f"{DOCS.parent / 'data' / file}", levels="none")
        with figures.style.house("paper"):
            figure = figures.plot(report, "use", width="single")
            path = FIGURES / f"tutorial_{name}.png"
            figure.savefig(path, dpi=200, metadata={"Software": None})


if __name__ == "__main__":
    main()
