"""Models side by side: what a threshold does on their rows, how deep Gaussianity goes."""

from gausscheck.comparison.compared import Compared
from gausscheck.comparison.differences import Difference
from gausscheck.comparison.load import load_comparison
from gausscheck.comparison.models import Model, is_report, named
from gausscheck.comparison.paired import Pairing
from gausscheck.comparison.quantities import QUANTITIES, Cell, Quantity
from gausscheck.comparison.result import Comparison
from gausscheck.comparison.run import compare
from gausscheck.comparison.tables import Table, tables
from gausscheck.comparison.two_samples import TwoSamples
from gausscheck.comparison.writers import FORMATS, write_all

__all__ = [
    "FORMATS",
    "QUANTITIES",
    "Cell",
    "Compared",
    "Comparison",
    "Difference",
    "Model",
    "Pairing",
    "Quantity",
    "Table",
    "TwoSamples",
    "compare",
    "is_report",
    "load_comparison",
    "named",
    "tables",
    "write_all",
]
