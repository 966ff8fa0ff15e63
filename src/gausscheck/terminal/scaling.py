"""Statistics against a size, and their slopes."""

from __future__ import annotations

from rich.text import Text

from gausscheck.scaling import TITLES, Scaling
from gausscheck.terminal.console import console, indented, table


def show_scaling(found: Scaling) -> None:
    """Print each statistic at each size, and the slope beside that of theory."""
    out = console()
    sizes = [f"{size:,.0f}" for size in found.sizes]
    shown = list(range(len(sizes)))
    if len(shown) > 6:  # 80 columns hold six
        shown = sorted({round(i * (len(sizes) - 1) / 5) for i in range(6)})
    made = table(f"against {found.by}", *(sizes[i] for i in shown))
    for name, title in TITLES.items():
        column = found.column(name)[:, 0]
        if name in found.fits:
            cells = ["" if value != value else f"{value:.2g}" for value in column[shown]]
            made.add_row(title, *cells)
    out.print(made)
    out.print()
    made = table("statistic", "slope", "95% interval", "constant", "theory")
    for name, fit in found.fits.items():
        law = found.theory.get(name, {})
        said = f"{law['constant']:.3g} d^{law['slope']:g}" if "constant" in law else "0 if Gaussian"
        if "reason" in fit:
            made.add_row(TITLES[name], "-", fit["reason"], "", said if law else "")
            continue
        low, high = fit["slope_ci"]
        constant = fit.get("constant_at_law", fit["constant"])
        made.add_row(
            TITLES[name], f"{fit['slope']:.2f}", f"{low:.2f} to {high:.2f}", f"{constant:.3g}",
            said if law else "",
        )  # fmt: skip
    out.print(made)
    out.print()
    if found.theory:
        out.print(Text("  constant: at the slope of theory, where there is one"))
    for note in found.notes:
        out.print(indented(f"- {note}"))
