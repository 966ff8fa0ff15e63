"""What is asked of all rows once their mean and covariance are known, in one more reading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gausscheck.audit.directions import FAMILIES, PreparedSpace, coordinates, parse
from gausscheck.audit.learned_directions import LEARNED
from gausscheck.audit.neighbours import NeighbouringRows, Stretches
from gausscheck.audit.reading import ReadRows
from gausscheck.audit.use.whitened_lengths import LengthCounts, LengthState
from gausscheck.config import Config
from gausscheck.core import Directions, Moments
from gausscheck.passes.direction_moments import DirectionMoments
from gausscheck.passes.kept import fold_kept
from gausscheck.preparation import Eigenbasis, Preparation, fit


@dataclass(frozen=True, slots=True)
class Prepared:
    """How rows are prepared, the directions that are given, and those to be learned from rows.

    Attributes
    ----------
    preparation : Preparation
    space : PreparedSpace
    given : tuple of Directions
    to_learn : tuple of (str, str)
        Families and their arguments.
    double : bool
        Whether products are float64.
    """

    preparation: Preparation
    space: PreparedSpace
    given: tuple[Directions, ...]
    to_learn: tuple[tuple[str, str], ...]
    double: bool

    @classmethod
    def of(
        cls, read: ReadRows, live: NDArray[np.intp], basis: Eigenbasis, config: Config
    ) -> Prepared:
        """Fit the map of the rows and find the directions.

        Parameters
        ----------
        read : ReadRows
        live : array of int
            Coordinates that vary.
        basis : Eigenbasis
            Of the covariance of these.
        config : Config
        """
        dtype, spread = read.source.dtype, read.spread
        prep = fit(config.normalize, spread, basis, live)
        covariance = spread.covariance
        if prep.matrix is not None:
            covariance = covariance.mapped(prep.matrix)
        chosen, names = coordinates(prep, live)
        space = PreparedSpace(
            covariance, chosen, tuple(names), basis.rank, config.seed, config.untrusted
        )
        families = parse(config.directions, {**FAMILIES, **LEARNED})
        given = tuple(FAMILIES[name](space, arg) for name, arg in families if name in FAMILIES)
        to_learn = tuple((name, arg) for name, arg in families if name in LEARNED)
        wide = dtype.itemsize > (4 if dtype.kind == "f" else 2)
        return cls(prep, space, given, to_learn, wide or config.normalize == "whiten")

    def moments(self, read: ReadRows) -> DirectionMoments:
        """Return the reduction of rows to the moments of every given direction."""
        dtype = np.dtype(np.float64 if self.double else np.float32)
        matrices = tuple(self._seen(family, dtype) for family in self.given)
        return DirectionMoments(read.unit, read.spread.mean, matrices, dtype, read.selection)

    def _seen(self, family: Directions, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return the matrix of a family of directions, or the coordinates that it is."""
        matrix = self.preparation.matrix
        if matrix is not None:
            return family.seen_through(matrix).astype(dtype)
        return family.matrix.astype(dtype) if family.axes is None else family.axes


@dataclass(frozen=True, slots=True)
class SecondPass:
    """What one more reading of all rows gave.

    Attributes
    ----------
    lengths : LengthState or None
        Counts of whitened lengths.
    moments : Moments or None
        Along all families of given directions, one after the other; learned directions have none,
        for they must not see the rows that they were learned from.
    neighbours : Stretches or None
        What some stretches of the file say of rows and their neighbours.
    """

    lengths: LengthState | None = None
    moments: Moments | None = None
    neighbours: Stretches | None = None


def second_pass(
    read: ReadRows,
    prepared: Prepared,
    lengths: LengthCounts | None = None,
    near: NeighbouringRows | None = None,
) -> SecondPass:
    """Take what is asked of all rows: moments of given directions, whitened lengths, neighbours.

    Parameters
    ----------
    read : ReadRows
    prepared : Prepared
    lengths : LengthCounts, optional
    near : NeighbouringRows, optional

    Returns
    -------
    SecondPass
        Nothing where the sample holds all rows that can be read. One reading, O(n d (r + k)).
    """
    if read.job is None or not read.read_again:
        return SecondPass()
    wanted = {"lengths": lengths, "neighbours": near}
    asked: dict[str, Any] = {name: one for name, one in wanted.items() if one is not None}
    if prepared.given:
        asked["moments"] = prepared.moments(read)
    states = fold_kept(read.job, [*asked.values()], read.workers, "reading again")
    return SecondPass(**dict(zip(asked, states, strict=True)))
