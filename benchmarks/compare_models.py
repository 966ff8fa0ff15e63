"""Tables and figure of docs/compare.md: three models of the same 2,000 sentences.

python benchmarks/compare_models.py    # writes them between the page's marks
"""

from __future__ import annotations

from pathlib import Path

import gausscheck
from gausscheck import figures
from gausscheck.comparison import FORMATS

ROOT = Path(__file__).parents[1]
DATA, PAGE = ROOT / "data" / "three_models_2k.h5", ROOT / "docs" / "compare.md"
START, END = "<!-- tables -->\n", "<!-- /tables -->"


def main() -> None:
    """Compare, and write the page."""
    models = {name: f"{DATA}:{name}" for name in ("e5_small", "minilm", "wordllama")}
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(START)
    found = gausscheck.compare(models)
    made = FORMATS["md"](found)
    PAGE.write_text(f"{before}{START}{made}{END}{rest.split(END)[1]}", encoding="utf-8")
    figure = figures.plot(found, "comparison")
    figure.savefig(PAGE.parent / "figures" / "compare.png", dpi=200, metadata={"Software": None})


if __name__ == "__main__":
    main()
