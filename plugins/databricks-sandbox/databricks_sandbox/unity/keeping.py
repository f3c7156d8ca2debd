"""The metastore as a file, so that a sandbox with a folder of its own goes on where it was.

Tables are found where their files are; all else that is made by statements stands in one file of
JSON, written anew whenever a statement has changed it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from databricks_sandbox.unity.metastore import Metastore

_NOT_KEPT = {"lock"}


class MetastoreFile:
    """Keeps a metastore.

    Args:
        path: the file; None keeps nothing.
        metastore: what is kept; filled from the file where there is one.
    """

    def __init__(self, path: Path | None, metastore: Metastore) -> None:
        self._path = path
        self._metastore = metastore
        self._written = ""
        if path is not None and path.exists():
            self._written = path.read_text(encoding="utf-8")
            kinds = get_type_hints(Metastore)
            for name, value in json.loads(self._written).items():
                getattr(metastore, name).update(_decoded(kinds[name], value))

    def save(self) -> None:
        """Write the metastore if it has changed; a file is whole or the one before."""
        if self._path is None:
            return
        with self._metastore.lock:
            kept = {
                each.name: _encoded(getattr(self._metastore, each.name))
                for each in fields(Metastore)
                if each.name not in _NOT_KEPT
            }
            text = json.dumps(kept, indent=1)
            if text == self._written:
                return
            beside = self._path.with_suffix(".new")
            beside.write_text(text, encoding="utf-8")
            beside.replace(self._path)
            self._written = text


def _encoded(value: Any) -> Any:
    """A value as JSON has it; a mapping as pairs, since its keys may be more than text."""
    if is_dataclass(value):
        return [_encoded(getattr(value, each.name)) for each in fields(value)]
    if isinstance(value, Mapping):
        return [[_encoded(key), _encoded(member)] for key, member in value.items()]
    if isinstance(value, AbstractSet):
        return sorted(map(_encoded, value))
    if isinstance(value, list | tuple):
        return [_encoded(member) for member in value]
    return value


def _decoded(kind: Any, value: Any) -> Any:
    """What `_encoded` was given, as its annotation says."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        (kept,) = [each for each in arguments if each is not NoneType]
        return None if value is None else _decoded(kept, value)
    if origin is dict:
        key, member = arguments
        return {_decoded(key, one): _decoded(member, other) for one, other in value}
    if origin in (list, set):
        return origin(_decoded(arguments[0], member) for member in value)
    if origin is tuple and arguments[-1] is ...:
        return tuple(_decoded(arguments[0], member) for member in value)
    if origin is tuple:
        return tuple(_decoded(k, member) for k, member in zip(arguments, value, strict=True))
    if origin is Literal or not isinstance(value, list):
        return value
    kinds = get_type_hints(kind)
    return kind(*(_decoded(k, v) for k, v in zip(kinds.values(), value, strict=True)))
