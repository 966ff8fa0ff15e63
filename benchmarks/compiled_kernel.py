"""What a compiled kernel would gain the whole process: the sums over long directions, by numba.

    python benchmarks/compiled_kernel.py [--rows 100000] [--dimensions 768]

Needs numba, which the project does not. Side by side in one run: the engine's sums in NumPy
(``gather_long``), and a kernel that makes the same sums in two passes over a direction and one over
the sorted values, compiled beforehand. What is printed is what the kernel takes of NumPy's time, the
share of a whole audit's processor time that it would save, and the share that importing numba, once
a process, takes back.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from gausscheck.normality.engine import binned, jackknife
from gausscheck.normality.engine.effects import _normal_scores
from gausscheck.normality.engine.long_samples import FROM_CELLS, _kolmogorov, gather_long
from gausscheck.normality.groups import group_sizes

TILE = 8


def kernel() -> Callable[..., Any]:
    """Compile the sums of one direction, or read them from the cache."""
    import numba

    @numba.njit(cache=True, nogil=True, fastmath=True)
    def sums(x, starts, edges, below, one, two):  # type: ignore[no-untyped-def]
        """Sum and count groups of one direction as it comes; return mean and m2."""
        n, groups = x.size, starts.size
        pilot = 0.0
        for i in range(n):
            pilot += x[i]
        pilot /= n
        total = square = 0.0
        for g in range(groups):
            end = starts[g + 1] if g + 1 < groups else n
            a = b = 0.0
            for i in range(starts[g], end):
                v = x[i] - pilot
                a += v
                b += v * v
            one[g], two[g] = a, b
            total += a
            square += b
        rest = total / n
        m2 = square / n - rest * rest
        scale = 1 / np.sqrt(m2)
        low, inner, wide = edges[12], edges.size - 25, 1 / (edges[13] - edges[12])
        for g in range(groups):
            end = starts[g + 1] if g + 1 < groups else n
            for i in range(starts[g], end):
                v = (x[i] - pilot) * scale
                cell = int(np.ceil((v - low) * wide))
                if 0 < cell <= inner:
                    below[g, 12 + cell] += 1
                else:
                    below[g, np.searchsorted(edges, v)] += 1
        return pilot + rest, m2

    @numba.njit(cache=True, nogil=True, fastmath=True)
    def cells(x, mean, scale, reach, wide, scores, out):  # type: ignore[no-untyped-def]
        """Sum one sorted direction by cell; return Wasserstein's distance."""
        gap = 0.0
        for i in range(x.size):
            z = (x[i] - mean) * scale
            gap += abs(z - scores[i])
            cell = min(max(int((z + reach) * wide) + 1, 0), out.shape[1] - 1)
            out[0, cell] += z
            out[1, cell] += z * z
            out[2, cell] += (2 * i + 1) * z
        return gap / x.size

    def work(x: np.ndarray, groups: int) -> list[Any]:
        n = x.shape[1]
        sizes, scores = group_sizes(n, groups), _normal_scores(n)
        starts = np.cumsum(sizes) - sizes
        found = []
        for row in x:
            below = np.zeros((groups, jackknife.EDGES.size + 1), dtype=np.int64)
            one, two = np.empty((2, groups))
            mean, m2 = sums(row, starts, jackknife.EDGES, below, one, two)
            row.sort()
            scale = 1 / np.sqrt(m2 * n / (n - 1))
            out = np.zeros((3, binned.EDGES.size + 1))
            gap = cells(row, mean, scale, binned.REACH, 1 / binned.WIDTH, scores, out)
            z = (row - mean) * scale
            found.append((below, one, two, out, gap, _kolmogorov(z[None])))
        return found

    return work


def seconds(work: Callable[[], Any]) -> float:
    """Return processor seconds."""
    start = time.process_time()
    work()
    return time.process_time() - start


def imported(words: str) -> float:
    """Return processor seconds of an import in a process of its own, beyond an empty one's."""
    code = f"import time, numpy, scipy.stats; a = time.process_time(); {words}; "
    code += "print(time.process_time() - a)"
    return float(
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=768)
    given = parser.parse_args()
    import gausscheck

    rng = np.random.default_rng(0)
    x = rng.standard_normal((64, given.rows), dtype=np.float32)
    rows = rng.standard_normal((given.rows, given.dimensions), dtype=np.float32)
    work, names = kernel(), {"lilliefors", *FROM_CELLS}
    work(x[:1].copy(), 20)
    loading = imported("import numba")

    def plain() -> None:
        y = x.copy()
        for low in range(0, len(y), TILE):
            gather_long(y[low : low + TILE], names, 20, True)

    def audit() -> None:
        gausscheck.analyze(rows, directions="axes,random:1024", levels="none", threads=1)

    plain()
    audit()
    for _ in range(3):
        ours, theirs = seconds(plain) / len(x), seconds(lambda: work(x.copy(), 20)) / len(x)
        saved, whole = (ours - theirs) * (given.dimensions + 1024), seconds(audit)
        print(f"a direction: kernel / NumPy {theirs / ours:.2f}; saved of the audit "
              f"{saved / whole:.1%}, lost to importing numba {loading / whole:.1%}")  # fmt: skip


if __name__ == "__main__":
    main()
