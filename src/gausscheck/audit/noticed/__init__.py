"""What must be noticed before a number is printed: cause, effect on the report, remedy.

Each finding is a pure function that returns :class:`Noticed` or None.
"""

from gausscheck.audit.noticed.blocks import (
    Corrected,
    corrected,
    group_order,
    wider,
    without_bias,
)
from gausscheck.audit.noticed.collapse import Collapse, measure_collapse, notice_collapse
from gausscheck.audit.noticed.columns import notice_dead_columns, notice_rank
from gausscheck.audit.noticed.deciding import deciding_rows
from gausscheck.audit.noticed.duplicates import (
    Distinct,
    EstimatedDistinct,
    Repeats,
    distinct_rows,
    notice_duplicates,
)
from gausscheck.audit.noticed.far_rows import distances_from_the_middle, notice_far_rows
from gausscheck.audit.noticed.finding import counted, in_order
from gausscheck.audit.noticed.grid import Grid, dithered, find_grid, notice_grid
from gausscheck.audit.noticed.near_rows import NearRows, near_rows
from gausscheck.audit.noticed.serial import (
    NeighbourProducts,
    SerialDependence,
    notice_serial,
    serial_dependence,
    too_few_for_directions,
    too_few_for_whitening,
    too_short,
)
from gausscheck.audit.noticed.sorted_rows import LabelRuns, label_runs, notice_sorted, within_labels
from gausscheck.audit.noticed.sparse import (
    Unusual,
    UnusualCells,
    notice_sparse,
    sparse_columns,
    unusual_rows,
    usual_values,
)
from gausscheck.audit.noticed.unit_rows import (
    notice_unit_rows,
    rounding_spread,
    share_of_gaussian,
)
from gausscheck.report import Kind, Noticed

__all__ = [
    "Collapse",
    "Corrected",
    "Distinct",
    "EstimatedDistinct",
    "Grid",
    "Kind",
    "LabelRuns",
    "NearRows",
    "NeighbourProducts",
    "Noticed",
    "Repeats",
    "SerialDependence",
    "Unusual",
    "UnusualCells",
    "corrected",
    "counted",
    "deciding_rows",
    "distances_from_the_middle",
    "distinct_rows",
    "dithered",
    "find_grid",
    "group_order",
    "in_order",
    "label_runs",
    "measure_collapse",
    "near_rows",
    "notice_collapse",
    "notice_dead_columns",
    "notice_duplicates",
    "notice_far_rows",
    "notice_grid",
    "notice_rank",
    "notice_serial",
    "notice_sorted",
    "notice_sparse",
    "notice_unit_rows",
    "rounding_spread",
    "serial_dependence",
    "share_of_gaussian",
    "sparse_columns",
    "too_few_for_directions",
    "too_few_for_whitening",
    "too_short",
    "unusual_rows",
    "usual_values",
    "wider",
    "within_labels",
    "without_bias",
]
