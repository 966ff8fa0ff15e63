"""Alignment, uniformity and the bound between them."""

from __future__ import annotations

from gausscheck.pairs import Pairs
from gausscheck.terminal.console import console, indented, table, text


def show_pairs(found: Pairs) -> None:
    """Print alignment, uniformity and the bound between them, with what each would be at best."""
    out = console()
    v = found.values
    out.print(text(found.anchor, "bold"), text(found.positive, "bold"), sep="\n")
    out.print(f"{found.n:,} pairs x {found.d:,}, temperature {found.temperature:g}\n")
    low, high = v["alignment_ci"]
    given = "given" if v["eta2_source"] == "given" else "estimated"
    lines = (
        ("alignment: mean cosine of pairs", f"{v['alignment']:.4f}", f"{low:.4f} to {high:.4f}"),
        ("  mean squared distance", f"{v['alignment_distance']:.4f}", ""),
        ("‖m‖² of the views", f"{v['mean_square']:.4f}", "0 if uniform"),
        (f"eta² ({given})", f"{v['eta2']:.4f}", ""),
        ("bound eta² + (1 − eta²) ‖m‖²", f"{v['bound']:.4f}", ""),
        ("  slack: bound − alignment", f"{v['slack']:+.4f}", "0 if reached"),
        ("uniformity potential Phi", f"{v['phi']:.4f}", f"{v['phi_uniform_rows']:.4f} if uniform"),
        (
            "uniformity log E exp(−2‖u − v‖²)",
            f"{v['uniformity']:.4f}",
            f"{v['uniformity_uniform']:.4f} if uniform",
        ),
        ("InfoNCE in population", f"{v['infonce_population']:.4f}", ""),
        ("  of all rows as one batch", f"{v['infonce']:.4f}", ""),
        ("cosine of negatives: mean", f"{v['negative_mean']:.4f}", "0 if uniform"),
        (
            "  sd times sqrt(d)",
            f"{v['negative_sd_scaled']:.3f}",
            "1 if uniform",
        ),
        ("anchors nearest to their own positive", f"{v['top1']:.1%}", ""),
    )
    made = table("", "value", "beside it")
    for line in lines:
        made.add_row(*line)
    out.print(made)
    out.print()
    out.print(indented(_pair_words(found)))
    for note in found.notes:
        out.print(indented(f"- {note}"))


def _pair_words(found: Pairs) -> str:
    v = found.values
    gap = v["phi"] - v["phi_uniform_rows"]
    share = v["alignment"] / v["bound"] if v["bound"] > 0 else float("nan")
    spread = (
        "as evenly spread as the uniform law"
        if gap < 0.05
        else f"{gap:.2f} above the uniform law in Phi: not evenly spread"
    )
    tilt = (
        f" Views lean to one side (‖m‖² {v['mean_square']:.2f})." if v["mean_square"] > 0.05 else ""
    )
    return (
        f"Positives reach {share:.0%} of the alignment that the bound allows. Views are {spread}."
        f"{tilt}"
    )
