"""What ``gausscheck --help`` costs over ``python -c "import click"``: one ratio, in one run."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np

RUNS = 15


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> None:
    ours = [sys.executable, "-m", "gausscheck", "--help"]
    base = [sys.executable, "-c", "import click"]
    seconds(ours), seconds(base)
    ratios = [seconds(ours) / seconds(base) for _ in range(RUNS)]
    print(
        f"gausscheck --help over import click: median {np.median(ratios):.2f}, "
        f"from {min(ratios):.2f} to {max(ratios):.2f}; bound 3"
    )


if __name__ == "__main__":
    main()
