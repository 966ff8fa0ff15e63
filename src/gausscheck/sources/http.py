"""Files by HTTP, without other packages: time limits, retries that go on where it stopped."""

from __future__ import annotations

import http.client
import os
import shutil
import ssl
import time
import urllib.error
import urllib.request
from contextlib import suppress
from email.message import Message
from pathlib import Path
from typing import IO, Any

from gausscheck.core import GausscheckError
from gausscheck.files import printable, reason_of
from gausscheck.sources.base import line_of

TIMEOUT = 30.0
"""Seconds without an answer, or with less than :data:`_PIECE` bytes of one, that end a try; the
environment variable GAUSSCHECK_TIMEOUT overrides it."""

TRIES = 3
"""Tries that bring nothing, one after another, before giving up."""

_PIECE = 1 << 16
_PAUSE = 0.5
_REDIRECTS = 10

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that may be another one a little later."""

_WORDS = {
    401: "it wants a login",
    403: "access is denied; a signed address may have run out",
    404: "no such file",
    410: "no longer there",
    429: "too many requests",
}


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects to HTTP alone, and few of them."""

    max_redirections = _REDIRECTS

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str,
        headers: Any, newurl: str,
    ) -> urllib.request.Request | None:  # fmt: skip
        if not newurl.lower().startswith(("http://", "https://")):
            raise GausscheckError(f"redirected to {printable(newurl)}, which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _limit() -> float:
    """Return the seconds that are waited for a piece.

    Raises
    ------
    GausscheckError
        If GAUSSCHECK_TIMEOUT is no number of seconds.
    """
    given = os.environ.get("GAUSSCHECK_TIMEOUT")
    if not given:
        return TIMEOUT
    with suppress(ValueError):
        if 0 < float(given) <= 1e6:
            return float(given)
    raise GausscheckError(f"GAUSSCHECK_TIMEOUT: expected seconds such as 30, got {given!r:.40}")


def download(url: str, path: Path) -> None:
    """Copy what lies at an address into a file.

    Each piece must arrive within the time limit. A try that breaks off goes on from the byte where
    it stopped, if the server still holds the same file (by its ETag or date).

    Raises
    ------
    GausscheckError
        One line for each way in which it fails.
    """
    limit = _limit()
    failed, have, mark = 0, 0, ""
    with path.open("wb") as out:
        while True:
            before = out.tell()
            try:
                have, mark, done = _attempt(url, out, mark, limit)
            except GausscheckError as err:
                raise GausscheckError(f"{url}: cannot be fetched: {err}") from err
            except (OSError, http.client.HTTPException, ValueError) as err:
                if _ours(err):
                    raise
                done, reason, again = False, _reason(err, limit), _worth_another(err)
                mark = getattr(err, "mark", mark)
            else:
                reason, again = f"it ended after {have:,} bytes", True
            if done:
                return
            failed = 1 if out.tell() > before else failed + 1
            if failed >= TRIES or not again:
                raise GausscheckError(f"{url}: cannot be fetched: {reason}")
            time.sleep(_PAUSE * failed)


def _attempt(url: str, out: IO[bytes], mark: str, limit: float) -> tuple[int, str, bool]:
    """Fetch what is missing; return the bytes there are, the file's mark, and if that is all."""
    start = out.tell()
    headers = {"User-Agent": "gausscheck", "Accept-Encoding": "identity"}
    if start and mark:
        headers |= {"Range": f"bytes={start}-", "If-Range": mark}
    opener = urllib.request.build_opener(
        _Redirects, urllib.request.HTTPSHandler(context=ssl.create_default_context())
    )
    with opener.open(urllib.request.Request(url, headers=headers), timeout=limit) as answer:
        if start and answer.status != 206:  # another file by now, or no ranges: from the beginning
            out.seek(0)
            out.truncate()
            start = 0
        mark = _mark(answer.headers)
        length = answer.headers.get("Content-Length")
        total = None if length is None else start + int(length)
        if total is not None and total - start > shutil.disk_usage(Path(out.name).parent).free:
            raise GausscheckError(f"its {total:,} bytes do not fit the disk")
        try:
            _pour(answer, out, limit)
        except (OSError, http.client.HTTPException) as err:
            err.mark = mark  # type: ignore[union-attr]
            raise
    return out.tell(), mark, total is None or out.tell() == total


def _pour(answer: Any, out: IO[bytes], limit: float) -> None:
    """Copy an answer; a server that gives a few bytes now and then is as good as silent."""
    since, got = time.monotonic(), 0
    while piece := answer.read1(_PIECE):
        out.write(piece)
        got += len(piece)
        now = time.monotonic()
        if got >= _PIECE:
            since, got = now, 0
        elif now - since > limit:
            raise TimeoutError


def _mark(headers: Message) -> str:
    """Return what tells this version of a file from others: a strong ETag, or its date."""
    etag = headers.get("ETag", "")
    return headers.get("Last-Modified", "") if not etag or etag.startswith("W/") else etag


def _ours(err: Exception) -> bool:
    """Whether it is our disk that fails, not the network."""
    return isinstance(err, OSError) and err.errno in (28, 27, 122)  # full, too large, quota


def _reason(err: Exception, limit: float) -> str:
    if isinstance(err, urllib.error.HTTPError):
        if "infinite loop" in str(err.reason):
            return "it redirects in circles"
        if 300 <= err.code < 400:
            return printable(line_of(err))
        return f"the server says {err.code} ({_WORDS.get(err.code, printable(err.reason))})"
    inner = err.reason if isinstance(err, urllib.error.URLError) else err
    if isinstance(inner, TimeoutError):
        return f"no answer in {limit:g} seconds"
    if isinstance(inner, ConnectionRefusedError):
        return "connection refused: nobody listens there"
    if isinstance(inner, ssl.SSLError):
        return f"no secure connection ({printable(inner.reason or inner)})"
    if isinstance(inner, BaseException):
        return printable(reason_of(inner))
    return printable(inner)


def _worth_another(err: Exception) -> bool:
    if isinstance(err, urllib.error.HTTPError):
        return err.code in _AGAIN
    inner = err.reason if isinstance(err, urllib.error.URLError) else err
    return not isinstance(inner, ConnectionRefusedError | ssl.SSLError | ValueError)
