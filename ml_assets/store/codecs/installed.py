"""Codecs that other packages bring, by an entry point of the group ``ml_assets.codecs``. See docs/CODECS.md.

They are asked only for values that none of ours takes, and for content that names them: until then none is imported.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ml_assets.errors import UnreadableContent, UnsupportedType
from ml_assets.store.codecs.codec import MALFORMED, Codec, Encoded

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "ml_assets.codecs"


def encode(value: Any) -> Encoded | None:
    """The parts of ``value`` by the first of them, in the order of their names, that takes it.

    Raises:
        UnsupportedType: if one cannot be loaded, or writes under another name than its own.
    """
    for name in sorted(_found()):
        try:
            encoded = _codec(name).encode(value)
        except _Broken as error:
            raise UnsupportedType(str(error)) from error
        if encoded is not None:
            return encoded
    return None


def codec(name: str) -> Codec | None:
    """The codec of this name; None if no package brings one.

    Raises:
        UnreadableContent: if it cannot be loaded.
    """
    try:
        return _codec(name) if name in _found() else None
    except _Broken as error:
        raise UnreadableContent(str(error)) from error


class _Broken(Exception):
    pass


@lru_cache(maxsize=1)
def _found() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # a hundredth of a second that most processes do not need

    return {entry.name: entry for entry in entry_points(group=GROUP)}


@lru_cache(maxsize=32)
def _codec(name: str) -> Codec:
    entry = _found()[name]
    where = f"The codec {name!r} of the entry point {entry.value!r}" + (f" in {entry.dist.name}" if entry.dist else "")
    try:
        made: Codec = entry.load()()
    except (*MALFORMED, NameError, RuntimeError) as error:
        raise _Broken(
            f"{where} cannot be loaded: {type(error).__name__}: {error}. Mend that package, or uninstall it."
        ) from error
    if getattr(made, "name", None) != name:
        raise _Broken(f"{where} calls itself {getattr(made, 'name', None)!r}. Give both one name.")
    return made
