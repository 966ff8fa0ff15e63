"""What was measured, as ratios in benchmarks/results/speed.json, and the page made from it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from timing import digits

HERE = Path(__file__).parent
KEPT = HERE / "results" / "speed.json"
PAGE = HERE.parent / "docs" / "performance.md"
SECTIONS = {"rows": "speed.py --write", "growth": "costs.py", "cluster": "cluster.py"}
"""Keys of the results, and the script that measures each."""


def kept() -> dict[str, Any]:
    """Return the results so far."""
    return json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}


def keep(section: str, found: Mapping[str, Any], order: Iterable[str] = ()) -> None:
    """Put results into a section, in an order if one is given; the others stay as they were."""
    results = kept()
    held = {**results.get(section, {}), **found}
    results[section] = {name: held[name] for name in dict.fromkeys((*order, *held)) if name in held}
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def ratio(found: list[float]) -> str:
    """Return a ratio with its spread, as Markdown."""
    middle, low, high = map(digits, found)
    return middle if low == high == middle else f"{middle} ({low} to {high})"


def size(count: float) -> str:
    """Return bytes in words.

    Examples
    --------
    >>> [size(x) for x in (999, 1_234_567, 5.4321e10)]
    ['999 B', '1.2 MB', '54 GB']
    """
    units = ("B", "kB", "MB", "GB", "TB")
    place = 0
    while abs(count) >= 999.5 and place < len(units) - 1:
        count, place = count / 1000, place + 1
    return f"{count:.{int(place > 0 and abs(count) < 9.95)}f} {units[place]}"


def page(results: Mapping[str, Any]) -> str:
    """Return docs/performance.md."""
    import jinja2

    template = (HERE / "performance.md.j2").read_text(encoding="utf-8")
    surroundings = jinja2.Environment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, trim_blocks=True
    )
    return surroundings.from_string(template).render(ratio=ratio, size=size, **results)


def write_page() -> None:
    """Write the page, once every section was measured."""
    results = kept()
    missing = [
        f"python benchmarks/{script}" for key, script in SECTIONS.items() if key not in results
    ]
    if missing:
        print(f"docs/performance.md stays as it is until these have run: {'; '.join(missing)}",
              file=sys.stderr)  # fmt: skip
        return
    PAGE.write_text(page(results), encoding="utf-8")
