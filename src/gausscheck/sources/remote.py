"""Remote files by HTTP or fsspec: fetched into a temporary folder, then read as local ones.

An audit reads its rows at least twice, in blocks; so they cross the network once, and memory holds
a piece of a file at a time.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
import urllib.parse
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from gausscheck.core import GausscheckError, Source
from gausscheck.sources.base import BaseSource, line_of, need
from gausscheck.swap import digest_of, sweep, work_folder

_PIECE = 8 << 20

_KEYED = re.compile(r"(?P<url>[a-z0-9+]+://[^?]*?\.[A-Za-z0-9]+):(?P<key>[^:?]+)$")
"""``protocol://place/FILE.ext:KEY``; the colon of a port is followed by a slash."""


def is_remote(source: str) -> bool:
    """Whether a path names a protocol: ``s3://``, ``https://``, ``memory://``, ``file://``."""
    return "://" in source


def split_address(address: str) -> tuple[str, str | None]:
    """Part ``protocol://place/FILE:KEY``.

    Examples
    --------
    >>> split_address("s3://bucket/x.h5:group/emb")
    ('s3://bucket/x.h5', 'group/emb')
    >>> split_address("https://host.org:8080/x.npy")
    ('https://host.org:8080/x.npy', None)
    """
    keyed = _KEYED.match(address)
    if keyed is None or re.fullmatch(r"\d+/.*", keyed["key"]):
        return address, None
    return keyed["url"], keyed["key"].strip("/")


def fetch(url: str, owner: object) -> Path:
    """Copy a remote file, folder or pattern of files into a temporary folder.

    The folder goes when its owner does. Returns the path of what was asked for: a file, a folder,
    or a pattern.

    Raises
    ------
    GausscheckError
        If fsspec or the protocol's own package is missing, or nothing can be fetched.
    """
    folder = _temporary(owner)
    name = _safe(urllib.parse.unquote(url.split("?")[0].rstrip("/").rsplit("/", 1)[-1]))
    if _is_http(url):
        if "*" in url.split("?")[0]:
            raise GausscheckError(f"{url}: HTTP lists no files; name one")
        from gausscheck.sources.http import download

        download(url, folder / name)
        return folder / name
    need("fsspec", "remote", url)
    import fsspec

    try:
        if "*" in url or "[" in url:
            files, root = fsspec.open_files(url, "rb"), _before_pattern(url)
        elif _is_folder(url):
            files, root = fsspec.open_files(f"{url.rstrip('/')}/**", "rb"), url.rstrip("/")
        else:
            _copy(fsspec.open(url, "rb"), folder / name)
            return folder / name
        if not files:
            raise GausscheckError(f"{url}: expected files of that pattern, found none")
        base = files[0].fs._strip_protocol(root).rstrip("/")
        inside = folder / (base.rsplit("/", 1)[-1] or "remote")
        for file in files:
            if not file.fs.isdir(file.path):
                _copy(file, _inside(inside, file.path.removeprefix(base)))
    except GausscheckError:
        raise
    except ImportError as err:
        raise GausscheckError(
            f"{url}: {line_of(err)}; install the package for that protocol"
        ) from err
    except Exception as err:
        raise GausscheckError(f"{url}: cannot be fetched: {_told(err)}") from err
    return inside / url[len(root) :].lstrip("/") if root != url.rstrip("/") else inside


def _is_http(url: str) -> bool:
    return url.lower().startswith(("http://", "https://"))


def _temporary(owner: object) -> Path:
    """Make a folder that lives as long as its owner; remove those of killed processes."""
    sweep(Path(tempfile.gettempdir()))
    folder = work_folder(Path(tempfile.gettempdir()))
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return folder


def _safe(name: str) -> str:
    """Return a file name that stays in its folder, short enough for any disk."""
    return re.sub(r"[/\\\0]", "_", name)[-200:].lstrip(".") or "remote"


def _inside(folder: Path, name: str) -> Path:
    """Return where a remote name goes, never outside of the folder."""
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    return folder.joinpath(*parts)


def _before_pattern(url: str) -> str:
    """Return the folder of an address before the first part with a wildcard."""
    head = re.split(r"[*?\[]", url)[0]
    return head.rsplit("/", 1)[0]


def _is_folder(url: str) -> bool:
    """Whether an address is a folder; protocols that cannot tell hold files."""
    import fsspec

    fs, path = fsspec.url_to_fs(url)
    return bool(fs.isdir(path))


def _copy(remote: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with remote as handle, path.open("wb") as out:
        shutil.copyfileobj(handle, out, _PIECE)


def _told(err: Exception) -> str:
    if isinstance(err, FileNotFoundError):
        return "no such file"
    return line_of(err)


def content_of(path: Path) -> str:
    """Return the SHA-256 of a file, or of all files of a folder or pattern, names included."""
    if path.is_file():
        return digest_of(path)
    folder = path if path.is_dir() else path.parent
    total = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            total.update(f"{file.relative_to(folder)} {digest_of(file)}\n".encode())
    return total.hexdigest()


class RemoteSource(BaseSource):
    """Rows of a fetched file; it travels by its address and is fetched again where it arrives."""

    def __init__(self, url: str, opener: Callable[[Path], Source]) -> None:
        self._url, self._opener = url, opener
        self._inner: Source | None = None
        self._digest: str | None = None
        inner = self._fetched()
        self.uri = url
        self.n, self.d, self.dtype = inner.n, inner.d, inner.dtype
        self.eps = inner.eps
        self.notes: tuple[str, ...] = (*inner.notes, "fetched into a temporary file")

    def __getstate__(self) -> dict[str, Any]:
        """Travel by address."""
        return {**self.__dict__, "_inner": None}

    def _fetched(self) -> Source:
        if self._inner is None:
            path = fetch(self._url, self)
            self._check_same(path)
            try:
                self._inner = self._opener(path)
            except GausscheckError as err:
                raise self._renamed(err, path) from err
            self._local = path
        return self._inner

    def _check_same(self, path: Path) -> None:
        """Refuse bytes that are not those of the first time, there or on another machine.

        Raises
        ------
        GausscheckError
        """
        digest = content_of(path)
        if self._digest is None:
            self._digest = digest
        elif digest != self._digest:
            raise GausscheckError(
                f"{self._url}: changed since it was fetched first; run again when nobody writes "
                "to it"
            )

    def _renamed(self, err: GausscheckError, path: Path) -> GausscheckError:
        """Say the address where the message says the temporary file."""
        return GausscheckError(str(err).replace(str(path), self._url))

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop``, C-contiguous."""
        inner = self._fetched()
        try:
            rows: NDArray[Any] = inner.read(start, stop)
        except GausscheckError as err:
            raise self._renamed(err, self._local) from err
        return rows

    def beside(self, key: str) -> NDArray[Any] | None:
        """Return labels that lie beside the rows; None where there are none."""
        return self._fetched().beside(key)

    def fingerprint(self) -> str | None:
        """Name the fetched bytes, by what they are."""
        self._fetched()
        return self._digest

    def close(self) -> None:
        """Close what was fetched."""
        if self._inner is not None:
            self._inner.close()
