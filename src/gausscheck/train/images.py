"""Images: scikit-learn's digits, CIFAR-10 from a local folder; kept as bytes on the device."""

from __future__ import annotations

import io
import pickletools
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gausscheck.core import GausscheckError
from gausscheck.train.augment import augmented
from gausscheck.train.data import shares
from gausscheck.train.dataset import Dataset, generator
from gausscheck.train.settings import Settings

Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]
"""Images (n, 3, 32, 32) and labels (n,)."""

WHERE = (
    "get it from the page of the CIFAR-10 data set (binary or Python version, unpacked), or as "
    "parquet from a data hub, and name the folder with --folder"
)


def digits(s: Settings, device: torch.device) -> Dataset:
    """1,797 handwritten digits of 8 x 8 pixels (scikit-learn); a quarter is held out.

    Views are crops of at least 60 % of the area, small rotations and noise of 0.1.
    """
    from sklearn.datasets import load_digits

    held = load_digits()
    x = torch.from_numpy((held.images / 16 * 255).round().astype(np.uint8))[:, None]
    y = torch.from_numpy(held.target.astype(np.int64))
    order = torch.randperm(len(x), generator=generator(s.seed, "split"))
    train, test = shares(s, len(x), 1348, "digits")
    x, y = x[order][: train + test], y[order][: train + test]
    return Dataset(
        x[:train], x[train:], y[:train], y[train:], augmented(scale=0.6, colour=False, turn=15),
        classes=10,
    )  # fmt: skip


def cifar10(s: Settings, device: torch.device) -> Dataset:
    """CIFAR-10 from ``folder``, with the paper's augmentations.

    Crops of 20 % to 100 % of the area, flips, colour jitter (0.8, 0.8, 0.8, 0.2) of 80 % of the
    views, a fifth of them grey.
    """
    (x, y), (xt, yt) = read_cifar10(s.folder)
    for name, asked, there in (("rows_train", s.rows_train, x), ("rows_test", s.rows_test, xt)):
        if asked > len(there):
            raise GausscheckError(f"{name}: expected at most {len(there)} images, got {asked}")
    keep = slice(0, s.rows_train or len(x))
    held = slice(0, s.rows_test or 5_000)
    return Dataset(
        torch.from_numpy(x[keep]), torch.from_numpy(xt[held]),
        torch.from_numpy(y[keep]), torch.from_numpy(yt[held]),
        augmented(scale=0.2, colour=True), classes=10,
    )  # fmt: skip


# --- files


def read_cifar10(folder: str | Path) -> tuple[Arrays, Arrays]:
    """Read training and test images from any of the layouts that CIFAR-10 comes in.

    Binary version (``data_batch_1.bin``), Python version (``data_batch_1``), parquet with encoded
    images as data hubs lay it out (``train*.parquet`` with a column of bytes and one of labels).
    Pickled files are never executed: their bytes are read off as data.

    Raises
    ------
    GausscheckError
        If there is none of them, or one is damaged.
    """
    path = Path(folder)
    if not folder or not path.is_dir():
        raise GausscheckError(f"{folder or '--folder'}: expected a folder with CIFAR-10; {WHERE}")
    places = [path, *sorted(p for p in path.iterdir() if p.is_dir())]
    readers: tuple[tuple[str, str, Callable[[Path], Arrays]], ...] = (
        ("data_batch_*.bin", "test_batch.bin", _binary),
        ("data_batch_[0-9]", "test_batch", _python),
        ("train*.parquet", "test*.parquet", _parquet),
    )
    for place in places:
        for train, test, read in readers:
            sets = [sorted(place.glob(pattern)) for pattern in (train, test)]
            if all(sets):
                _note_missing(place, train, sets[0])
                first, second = (_join([read(file) for file in files]) for files in sets)
                return first, second
    raise GausscheckError(
        f"{path}: expected data_batch_1.bin, data_batch_1 or train.parquet with its test part, "
        f"found none; {WHERE}"
    )


def _note_missing(place: Path, pattern: str, files: list[Path]) -> None:
    """Warn of training batches that are not there: CIFAR-10 has five."""
    if pattern.startswith("data_batch") and len(files) < 5:
        warnings.warn(
            f"{place}: expected five training batches, got {len(files)} "
            f"({', '.join(file.name for file in files)}); taking those",
            stacklevel=4,
        )


def _join(parts: list[Arrays]) -> Arrays:
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def _shaped(raw: NDArray[np.uint8], labels: NDArray[Any], file: Path) -> Arrays:
    labels = labels.astype(np.int64)
    if raw.size != 3072 * labels.size or labels.size == 0 or labels.min() < 0 or labels.max() > 9:
        raise GausscheckError(
            f"{file}: expected images of 32 x 32 x 3 bytes with a label from 0 to 9 each, got "
            f"{raw.size} bytes and {labels.size} labels; the file is damaged: download it again"
        )
    return np.ascontiguousarray(raw.reshape(-1, 3, 32, 32)), labels


def _binary(file: Path) -> Arrays:
    raw = np.fromfile(file, dtype=np.uint8)
    if raw.size == 0 or raw.size % 3073:
        raise GausscheckError(
            f"{file}: expected records of 3,073 bytes, got {raw.size} bytes; download it again"
        )
    records = raw.reshape(-1, 3073)
    return _shaped(records[:, 1:].reshape(-1), records[:, 0], file)


def _python(file: Path) -> Arrays:
    """Read image bytes and labels off the opcodes of a pickle, none of which is carried out.

    Before the bytes of an array stands whether its columns come first (Fortran's order); where they
    are a buffer (protocol 5), a letter after them says so.
    """
    raw, labels, inside, switch, columns = b"", [], False, False, False
    try:
        for opcode, argument, _ in pickletools.genops(file.read_bytes()):
            if opcode.name in ("NEWTRUE", "NEWFALSE") or isinstance(argument, bool):
                switch = opcode.name == "NEWTRUE" or argument is True
            elif isinstance(argument, str | bytes | bytearray):
                data = argument.encode("latin-1") if isinstance(argument, str) else argument
                inside = data == b"labels" or (inside and (len(data) < 3 or data == b"latin1"))
                if len(data) >= 3072 and len(data) % 3072 == 0:
                    raw, columns = bytes(data), switch
                columns = columns or (bool(raw) and data == b"F")
            elif inside and isinstance(argument, int) and opcode.name.startswith("BININT"):
                labels.append(argument)
    except (ValueError, UnicodeError, IndexError) as err:
        raise GausscheckError(f"{file}: expected a CIFAR-10 batch: {err}") from err
    pixels = np.frombuffer(raw, dtype=np.uint8)
    if columns:
        pixels = pixels.reshape(3072, -1).T.reshape(-1)
    return _shaped(pixels, np.array(labels), file)


def _parquet(file: Path) -> Arrays:
    try:
        import pyarrow.parquet as pq
        from PIL import Image, UnidentifiedImageError
    except ImportError as err:
        raise GausscheckError(
            f'{file}: expected pyarrow and Pillow to be installed: pip install "gausscheck[train]"'
        ) from err
    try:
        table = pq.read_table(file)
        image = next(c for c in ("img", "image") if c in table.column_names)
        label = next(c for c in ("label", "labels") if c in table.column_names)
        cells = table[image].to_pylist()
        pixels = [np.asarray(Image.open(io.BytesIO(_bytes_of(c))).convert("RGB")) for c in cells]
        stack = np.stack(pixels).transpose(0, 3, 1, 2)
    except StopIteration as err:
        raise GausscheckError(
            f"{file}: expected columns img (or image) and label, got "
            f"{', '.join(table.column_names)}"
        ) from err
    except (OSError, ValueError, TypeError, KeyError, UnidentifiedImageError) as err:
        raise GausscheckError(f"{file}: expected encoded images: {err}") from err
    return _shaped(stack.reshape(-1), np.array(table[label].to_pylist()), file)


def _bytes_of(cell: Any) -> bytes:
    """Take the encoded image out of a cell: bytes, or a struct of bytes and path."""
    return bytes(cell["bytes"] if isinstance(cell, dict) else cell)
