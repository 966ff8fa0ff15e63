"""Sections to plain values and arrays, and back; the JSON Schema of both ways.

One walk over the type hints of frozen dataclasses: str, int, float, bool, None, Literal, tuples,
``dict[str, X]``, dataclasses, and arrays, which are not in the JSON but in the .npz under the path
of their field. A subclass is told by the literal in its ``kind``.
"""

from __future__ import annotations

import math
import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import lru_cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from gausscheck.core import GausscheckError

Section = TypeVar("Section")
Arrays = dict[str, NDArray[Any]]
Choose = Callable[[type, Mapping[str, Any]], type]
"""Which subclass a mapping is of."""


def is_array(hint: Any) -> bool:
    """Whether a field holds an array, or several by name."""
    parts = _options(hint)
    return any(get_origin(part) is np.ndarray or _is_array_table(part) for part in parts)


def _is_array_table(hint: Any) -> bool:
    return get_origin(hint) is dict and get_origin(get_args(hint)[1]) is np.ndarray


def _options(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


@lru_cache(maxsize=64)
def hints_of(cls: type) -> dict[str, Any]:
    """Return the resolved type hints of a section's fields."""
    return get_type_hints(cls)


def encode(value: Any) -> Any:
    """Return a section as plain values for JSON, without its arrays; not finite becomes None."""
    if is_dataclass(value) and not isinstance(value, type):
        hints = hints_of(type(value))
        shown = [f.name for f in fields(value) if not is_array(hints[f.name])]
        return {name: _as_hinted(encode(getattr(value, name)), hints[name]) for name in shown}
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _as_hinted(value: Any, hint: Any) -> Any:
    """Write a whole number as a float where that is what the field holds."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if whole and float in _options(hint) else value


def arrays_of(value: Any, path: str = "") -> Arrays:
    """Return all arrays of a section by the path of their field, ``levels/axes/growth``."""
    found: Arrays = {}
    if isinstance(value, np.ndarray):
        found[path] = value
    elif is_dataclass(value) and not isinstance(value, type):
        for f in fields(value):
            found |= arrays_of(getattr(value, f.name), f"{path}/{f.name}" if path else f.name)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            found |= arrays_of(item, f"{path}/{key}")
    elif isinstance(value, tuple) and value and is_dataclass(value[0]):
        for place, item in enumerate(value):
            found |= arrays_of(item, f"{path}/{place}")
    return found


def decode(
    cls: type[Section],
    data: Any,
    arrays: Mapping[str, NDArray[Any]],
    choose: Choose,
    path: str = "",
) -> Section:
    """Build a section from plain values and arrays.

    Parameters
    ----------
    cls : type
        A frozen dataclass.
    data : Any
        What JSON gave; keys that the class doesn't know are ignored, for a newer minor version may
        have more.
    arrays : mapping
        By path.
    choose : callable
        Which subclass of a class a mapping is of.

    Raises
    ------
    GausscheckError
        Naming the first key whose value is missing or of another type.
    """
    if not isinstance(data, Mapping):
        raise _wrong(path, "an object", data)
    cls = choose(cls, data)
    values = {}
    hints = hints_of(cls)  # type: ignore[arg-type]
    for f in fields(cls):  # type: ignore[arg-type]
        hint = hints[f.name]
        where = f"{path}/{f.name}" if path else f.name
        if is_array(hint):
            values[f.name] = _arrays_at(hint, arrays, where)
        elif f.name in data:
            values[f.name] = _value(hint, data[f.name], arrays, choose, where)
        elif _required(f):
            raise GausscheckError(f"expected {_dotted(where)}, which is missing")
    _check_arrays(cls, values, path)
    return cls(**values)


def held(*shape: str, finite: bool = False) -> dict[str, Any]:
    """Return the metadata of a field of arrays: what any of them must be to be read back.

    Parameters
    ----------
    *shape : str
        A size a dimension: a number, or a name that is one size wherever the class names it, and
        ``b+1``.
    finite : bool
        Whether every number must be.
    """
    return {"shape": shape, "finite": finite}


def _check_arrays(cls: type, values: Mapping[str, Any], path: str) -> None:
    """Refuse arrays that are not what their fields say."""
    sizes: dict[str, int] = {}
    for f in fields(cls):
        shape, found = f.metadata.get("shape"), values.get(f.name)
        if shape is None or found is None:
            continue
        named = found.items() if isinstance(found, Mapping) else [("", found)]
        for key, array in named:
            where = "/".join(part for part in (path, f.name, key) if part)
            _check_array(array, shape, sizes, f.metadata["finite"], where)
            text = f.name in _TEXTS or key in _TEXTS
            if array.size and array.dtype.kind not in ("U" if text else "biuf"):
                raise _wrong(where, "text" if text else "numbers", str(array.dtype))


_TEXTS = ("label", "qq_labels")
"""Arrays that hold text."""


def _check_array(
    array: NDArray[Any], shape: tuple[str, ...], sizes: dict[str, int], finite: bool, where: str
) -> None:
    if array.ndim != len(shape):
        raise _wrong(where, f"an array of {len(shape)} dimensions", array.shape)
    for told, size in zip(shape, array.shape, strict=True):
        name, _, more = told.partition("+")
        wanted = int(name) if name.isdigit() else sizes.setdefault(name, size - int(more or 0))
        if size != wanted + int(more or 0):
            raise _wrong(where, f"a size of {wanted + int(more or 0)}", array.shape)
    if finite and array.dtype.kind == "f" and not np.isfinite(array).all():
        raise _wrong(where, "finite numbers", "others")


def _required(f: Field[Any]) -> bool:
    return f.default is MISSING and f.default_factory is MISSING


def _arrays_at(hint: Any, arrays: Mapping[str, NDArray[Any]], path: str) -> Any:
    if any(_is_array_table(part) for part in _options(hint)):
        prefix = f"{path}/"
        return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
    found = arrays.get(path)
    if found is None and type(None) not in _options(hint):
        raise GausscheckError(f"expected the array {path}, which is missing")
    return found


def _value(hint: Any, data: Any, arrays: Mapping[str, Any], choose: Choose, path: str) -> Any:
    """Read one value by its hint."""
    options = _options(hint)
    if data is None and type(None) in options:
        return None
    kinds = [option for option in options if option is not type(None)]
    kind = next((k for k in kinds if isinstance(k, type) and isinstance(data, k)), kinds[0])
    origin, inner = get_origin(kind), get_args(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        return decode(kind, data, arrays, choose, path)
    if origin is dict:
        if not isinstance(data, Mapping):
            raise _wrong(path, "an object", data)
        return {k: _value(inner[1], v, arrays, choose, f"{path}/{k}") for k, v in data.items()}
    if origin is tuple:
        return _tuple(inner, data, arrays, choose, path)
    if origin is Literal:
        if data not in inner:
            raise _wrong(path, f"one of {', '.join(map(str, inner))}", data)
        return data
    return _scalar(kind, data, path)


def _tuple(
    inner: tuple[Any, ...], data: Any, arrays: Mapping[str, Any], choose: Choose, path: str
) -> tuple[Any, ...]:
    if not isinstance(data, list | tuple):
        raise _wrong(path, "a list", data)
    if inner[-1] is Ellipsis:
        inner = (inner[0],) * len(data)
    if len(inner) != len(data):
        raise _wrong(path, f"a list of {len(inner)}", data)
    pairs = enumerate(zip(inner, data, strict=True))
    return tuple(_value(h, v, arrays, choose, f"{path}/{i}") for i, (h, v) in pairs)


_WORDS = {str: "a string", int: "an integer", float: "a number", bool: "true or false"}


def _scalar(kind: Any, data: Any, path: str) -> Any:
    if kind is Any or (kind is float and data is None):
        return math.nan if kind is float else data
    accepted = (int, float) if kind is float else kind
    if not isinstance(data, accepted) or (isinstance(data, bool) and kind is not bool):
        raise _wrong(path, _WORDS.get(kind, str(kind)), data)
    if kind is int and not 0 <= data < _MOST:
        least = "an integer of at least 0"
        raise _wrong(path, least if data < 0 else f"{least}, below 2**63", data)
    if kind is float and not -_LARGEST <= data <= _LARGEST:
        raise _wrong(path, "a finite number", data)
    return float(data) if kind is float else data


_MOST = 1 << 63
"""Counts and seeds are smaller, and never negative."""

_LARGEST = sys.float_info.max
"""The largest float."""


def _wrong(path: str, expected: str, data: Any) -> GausscheckError:
    shown = repr(data)
    shown = shown if len(shown) <= 40 else f"{shown[:40]}…"
    return GausscheckError(f"{_dotted(path) or 'the report'}: expected {expected}, got {shown}")


def _dotted(path: str) -> str:
    return path.replace("/", ".")


# --- JSON Schema


def json_schema(
    cls: type, described: Callable[[type], Mapping[str, str]], kinds: Mapping[type, list[type]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a reference to a section's schema, and the definitions of all sections in it.

    Parameters
    ----------
    cls : type
    described : callable
        What each field of a class means, by name.
    kinds : mapping
        The subclasses that stand for a class.
    """
    definitions: dict[str, Any] = {}

    def of(hint: Any) -> dict[str, Any]:
        options = _options(hint)
        if len(options) > 1:
            return {"anyOf": [of(option) for option in options]}
        if hint is type(None):
            return {"type": "null"}
        origin, inner = get_origin(hint), get_args(hint)
        if is_dataclass(hint) and isinstance(hint, type):
            return section(hint)
        if origin is dict:
            return {"type": "object", "additionalProperties": of(inner[1])}
        if origin is tuple and inner[-1] is Ellipsis:
            return {"type": "array", "items": of(inner[0])}
        if origin is tuple:
            items = [of(i) for i in inner]
            size = {"minItems": len(items), "maxItems": len(items)}
            return {"type": "array", "prefixItems": items, **size}
        if origin is Literal:
            return {"enum": list(inner)}
        names = {str: "string", int: "integer", float: "number", bool: "boolean"}
        return {"type": names[hint]}

    def section(cls: type) -> dict[str, Any]:
        if cls in kinds:
            return {"anyOf": [section(kind) for kind in kinds[cls]]}
        if cls.__name__ not in definitions:
            definitions[cls.__name__] = {}  # a section may hold itself
            words, hints = described(cls), hints_of(cls)
            shown = [f for f in fields(cls) if not is_array(hints[f.name])]
            properties = {}
            for f in shown:
                properties[f.name] = of(hints[f.name])
                if words.get(f.name):
                    properties[f.name]["description"] = words[f.name]
            definitions[cls.__name__] = {
                "type": "object",
                "description": (cls.__doc__ or "").strip().splitlines()[0],
                "properties": properties,
                "required": [f.name for f in shown if not f.metadata.get("added")],
            }
        return {"$ref": f"#/$defs/{cls.__name__}"}

    return section(cls), definitions
