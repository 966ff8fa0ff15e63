"""What every level of an audit works with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.directions import PreparedSpace
from gausscheck.audit.grouping import Grouping
from gausscheck.audit.projector import Projector
from gausscheck.config import Config
from gausscheck.core import Progress
from gausscheck.normality.groups import Partition
from gausscheck.normality.sphere.shell import RefittedLengths
from gausscheck.report import Preflight


@dataclass(frozen=True, slots=True)
class LevelInputs:
    """What every level of an audit works with.

    Attributes
    ----------
    config : Config
    projector : Projector
        The sampled rows.
    space : PreparedSpace
        Covariance, rank and names of the prepared coordinates.
    preflight : Preflight
    grouping : Grouping
        How rows are grouped for the jackknife.
    sparse : array of int
        Coordinates of the file that are constant but for a few cells.
    too_few : str or None
        Why directional levels are inconclusive by rule.
    too_few_whole : str or None
        Why levels of whole rows are.
    note : str or None
        What every level has to say of its rows: that some which decide are left out.
    unit : bool
        Whether the rows have length one.
    lengths : RefittedLengths or None
        Whitened lengths of the first sampled rows, where they are known.
    progress : callable
    """

    config: Config
    projector: Projector
    space: PreparedSpace
    preflight: Preflight
    progress: Progress
    grouping: Grouping
    sparse: NDArray[np.intp]
    too_few: str | None = None
    too_few_whole: str | None = None
    note: str | None = None
    unit: bool = False
    lengths: RefittedLengths | None = None

    def partitions(self, m: int) -> list[Partition]:
        """Return how the first m sampled rows are left out: in equal groups, which are random.

        And in blocks of neighbours or whole clusters, where rows of one are alike.
        """
        dependent = self.grouping.order(self.projector.sample.index[:m])
        blocks = [] if dependent is None else [Partition(dependent[1], dependent[0])]
        return [Partition.equal(m, self.config.groups), *blocks]
