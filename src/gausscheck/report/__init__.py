"""The report of an audit: one frozen dataclass a section, saved and loaded."""

from gausscheck.report.claims import IsotropicPart, IsotropicResult, SphereClaim, SpherePart
from gausscheck.report.levels import (
    DirectionalLevel,
    DirectionTest,
    GlobalTest,
    JointLevel,
    LearnedLevel,
    Level,
    SubspaceLevel,
    SubspacePoint,
    SubspaceTests,
    WorstDirection,
)
from gausscheck.report.load import load_report
from gausscheck.report.noticed import Kind, Noticed
from gausscheck.report.result import KINDS, Report
from gausscheck.report.save import SCHEMA, SCHEMA_VERSION
from gausscheck.report.sections import (
    Claim,
    Claims,
    GroupLevel,
    GroupResult,
    Groups,
    Norms,
    PaperColumn,
    PaperTable,
    Preflight,
    SourceInfo,
    Spectrum,
    Status,
    Subsets,
    Verdict,
)
from gausscheck.report.use import Rate, Use, UseCurvePoint

__all__ = [
    "KINDS",
    "SCHEMA",
    "SCHEMA_VERSION",
    "Claim",
    "Claims",
    "DirectionTest",
    "DirectionalLevel",
    "GlobalTest",
    "GroupLevel",
    "GroupResult",
    "Groups",
    "IsotropicPart",
    "IsotropicResult",
    "JointLevel",
    "Kind",
    "LearnedLevel",
    "Level",
    "Norms",
    "Noticed",
    "PaperColumn",
    "PaperTable",
    "Preflight",
    "Rate",
    "Report",
    "SourceInfo",
    "Spectrum",
    "SphereClaim",
    "SpherePart",
    "Status",
    "Subsets",
    "SubspaceLevel",
    "SubspacePoint",
    "SubspaceTests",
    "Use",
    "UseCurvePoint",
    "Verdict",
    "WorstDirection",
    "load_report",
]
