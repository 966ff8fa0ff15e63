"""gausscheck: audit embeddings for Gaussian structure.

``analyze`` audits a file or an array, ``evaluate`` runs one test by name, ``load_report`` reads
what an audit wrote. Names load what they need on first use, so that the import itself is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gausscheck.audit.analyze import analyze
    from gausscheck.comparison import Comparison, compare, load_comparison
    from gausscheck.config import Config
    from gausscheck.core import Directions, GausscheckError, Source
    from gausscheck.core import __version__ as __version__
    from gausscheck.estimators import GaussianScorer, GaussianWhitener
    from gausscheck.normality import TESTS, evaluate
    from gausscheck.normality.spec import Outcome, Spec
    from gausscheck.pairs import Pairs, audit_pairs
    from gausscheck.preparation import Preparation
    from gausscheck.remedies import Repair, repair
    from gausscheck.report import Report, Verdict, load_report
    from gausscheck.scaling import Scaling, scale
    from gausscheck.scoring import Scores, score
    from gausscheck.sources import inspect_source, open_source

__all__ = [
    "TESTS",
    "Comparison",
    "Config",
    "Directions",
    "GausscheckError",
    "GaussianScorer",
    "GaussianWhitener",
    "Outcome",
    "Pairs",
    "Preparation",
    "Repair",
    "Report",
    "Scaling",
    "Scores",
    "Source",
    "Spec",
    "Verdict",
    "analyze",
    "audit_pairs",
    "compare",
    "evaluate",
    "inspect_source",
    "load_comparison",
    "load_report",
    "open_source",
    "repair",
    "scale",
    "score",
]

_HOME = {
    "__version__": "core",
    "TESTS": "normality",
    "Comparison": "comparison",
    "Config": "config",
    "Directions": "core",
    "GaussianScorer": "estimators",
    "GaussianWhitener": "estimators",
    "GausscheckError": "core",
    "Outcome": "normality",
    "Pairs": "pairs",
    "Preparation": "preparation",
    "Repair": "remedies",
    "Report": "report",
    "Scaling": "scaling",
    "Scores": "scoring",
    "Source": "core",
    "Spec": "normality",
    "Verdict": "report",
    "analyze": "audit.analyze",
    "audit_pairs": "pairs",
    "compare": "comparison",
    "evaluate": "normality",
    "inspect_source": "sources",
    "load_comparison": "comparison",
    "load_report": "report",
    "open_source": "sources",
    "repair": "remedies",
    "scale": "scaling",
    "score": "scoring",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"gausscheck.{_HOME[name]}"), name)
    raise AttributeError(f"module 'gausscheck' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
