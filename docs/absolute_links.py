"""Make the links of README.md absolute, for where it is shown without its repository (PyPI).

python docs/absolute_links.py https://HOST/OWNER/NAME TAG    # in the checkout that is released

The address is known where a release is made and nowhere in the source, so the links that are kept
are relative: right in a clone, on a fork, and on whatever host.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def absolute(text: str, repository: str, tag: str) -> str:
    """Return Markdown whose links go to files of a repository at a tag, pictures to their bytes.

    Examples
    --------
    >>> absolute("[a](docs/a.md#b) ![p](p.svg) [c](#c) [d](https://d)", "https://h/o/n", "v1")
    '[a](https://h/o/n/blob/v1/docs/a.md#b) ![p](https://h/o/n/raw/v1/p.svg) [c](#c) [d](https://d)'
    """

    def link(found: re.Match[str]) -> str:
        kind = "raw" if found[1] == "!" else "blob"
        return f"{found[1]}[{found[2]}]({repository.rstrip('/')}/{kind}/{tag}/{found[3]})"

    return re.sub(r"(!?)\[([^\]]*)\]\((?!\w+:|#)([^)\s]+)\)", link, text)


if __name__ == "__main__":
    if len(sys.argv) != 3 or not sys.argv[1].startswith("https://"):
        sys.exit("expected the repository's address (https://...) and a tag")
    README.write_text(absolute(README.read_text(encoding="utf-8"), *sys.argv[1:]), encoding="utf-8")
