"""Whether the file behind the rows is still the one that was opened."""

from __future__ import annotations

from typing import Protocol

from gausscheck.core import GausscheckError
from gausscheck.files import reason_of


class Watched(Protocol):
    """Rows with a name for the bytes behind them."""

    @property
    def uri(self) -> str:
        """What messages call it."""
        ...

    def fingerprint(self) -> str | None:
        """Name the bytes behind the rows; None where a change of them cannot be seen."""
        ...


def stamp_of(source: Watched) -> str | None:
    """Name the bytes behind the rows as they are now.

    Raises
    ------
    GausscheckError
        If the file is gone.
    """
    try:
        return source.fingerprint()
    except OSError as err:
        raise GausscheckError(
            f"{source.uri}: gone while it was read ({reason_of(err)}); an audit reads its rows "
            "more than once: keep the file where it is until it is done"
        ) from err


def check_unchanged(source: Watched, stamp: str | None) -> None:
    """Refuse to go on with rows of a file that is not what it was.

    Parameters
    ----------
    source : Source
    stamp : str or None
        What :func:`stamp_of` gave before; None where a change cannot be seen.

    Raises
    ------
    GausscheckError
        If the file was rewritten, replaced, made longer or shorter, or deleted.
    """
    if stamp is not None and stamp_of(source) != stamp:
        raise GausscheckError(
            f"{source.uri}: changed while it was read: numbers of two files would be mixed; run "
            "again when nobody writes to it"
        )
