"""A dataclass -> one part per field, each by the codec of its own type, as deep as they nest.

Which types may be built is decided here, by ``trust``, never by what was stored.

A type may gain fields: what was stored before has them with their defaults. A field that says so in its metadata
(``field(default=None, metadata={"added": True})``) is not stored while it has its default, so that a value that does not use it
has the digest that it had before.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from ml_assets.errors import UnreadableContent, UnsupportedType
from ml_assets.store.canonical import Json
from ml_assets.store.codecs.codec import Encoded, Parts
from ml_assets.store.content import Content

T = TypeVar("T", bound=type)

_trusted: dict[str, type] = {}


def trust(cls: T) -> T:
    """Let the store build instances of the dataclass ``cls`` when it loads; usable as a decorator.

    Raises:
        UnsupportedType: if it is not a dataclass.
    """
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        raise UnsupportedType(f"trust() takes a dataclass, {cls!r} is none. Decorate it with @dataclass(frozen=True).")
    _trusted[_name(cls)] = cls
    return cls


class RecordCodec:
    """Files: ``<field>/<its part>``. Meta: the type's name, and of each field its codec and meta."""

    name = "record"

    def __init__(
        self, encode: Callable[[Any], Encoded], decode: Callable[[str, Mapping[str, Json], Parts], Any]
    ) -> None:
        self._encode = encode
        self._decode = decode

    def encode(self, value: Any) -> Encoded | None:
        """See ``Codec``."""
        if not dataclasses.is_dataclass(value) or isinstance(value, type):
            return None
        name = _name(type(value))
        if _trusted.get(name) is not type(value):
            raise UnsupportedType(
                f"The dataclass {name} is not registered, so it could not be loaded again. Register it: "
                "list it in the problem's artifact_types, or decorate it with ml_assets.store.trust."
            )
        kept = [field for field in _fields(type(value)) if not _is_left_out(field, getattr(value, field.name))]
        fields = {field.name: self._encode_field(name, field.name, getattr(value, field.name)) for field in kept}
        meta = {"type": name, "fields": {field: {"codec": e.codec, "meta": e.meta} for field, e in fields.items()}}
        parts = {f"{field}/{path}": part for field, e in fields.items() for path, part in e.parts.items()}
        return Encoded(self.name, meta, parts)

    def decode(self, meta: Mapping[str, Json], parts: Parts) -> Any:
        """See ``Codec``."""
        cls = _trusted.get(meta["type"])
        if cls is None:
            raise UnreadableContent(
                f"The content says it is a {meta['type']!r}, which is not among the types registered by trust(). "
                "Nothing was built. If the type is yours, import the module that registers it first."
            )
        known = {field.name: field for field in _fields(cls)}
        if not _needed(known.values()) <= set(meta["fields"]) <= set(known):
            raise UnreadableContent(
                f"A stored {meta['type']} has the fields {sorted(meta['fields'])}; the class now has "
                f"{sorted(known)}. Make the value again, or load it with the code that made it."
            )
        fields = {f: self._decode(e["codec"], e["meta"], parts.below(f)) for f, e in meta["fields"].items()}
        return cls(**fields)

    @staticmethod
    def field(content: Content, name: str) -> Content:
        """The content of one field of a stored dataclass, or one of several tables, to be read without the others.

        Raises:
            UnreadableContent: if the content is no dataclass, or has no such field.
        """
        fields = content.meta.get("fields", {}) if content.codec in (RecordCodec.name, "tables") else {}
        if name not in fields:
            known = ", ".join(fields) or f"none: its codec is {content.codec!r}"
            raise UnreadableContent(
                f"The content has no field {name!r}. It has {known}. Ask for one of these, or the whole."
            )
        below = f"{name}/"
        files = (replace(f, path=f.path.removeprefix(below)) for f in content.files if f.path.startswith(below))
        return Content(fields[name]["codec"], fields[name]["meta"], tuple(files))

    @classmethod
    def inside(cls, content: Content, codec: str, path: str = "") -> Iterator[tuple[str, Content]]:
        """What a codec wrote of a content, however deep: path of the field -> its content. No type is looked up."""
        if content.codec == codec:
            yield path, content
        for name in content.meta.get("fields", {}) if content.codec in (cls.name, "tables") else ():
            yield from cls.inside(cls.field(content, name), codec, f"{path}.{name}" if path else name)

    def _encode_field(self, name: str, field: str, value: Any) -> Encoded:
        try:
            return self._encode(value)
        except UnsupportedType as error:
            raise UnsupportedType(f"Field {field!r} of {name} cannot be stored. {error}") from error


def _fields(cls: type) -> list[dataclasses.Field[Any]]:
    """The fields that the constructor takes; others follow from them."""
    return [field for field in dataclasses.fields(cls) if field.init]


def _needed(fields: Iterable[dataclasses.Field[Any]]) -> set[str]:
    """Those without a default."""
    missing = dataclasses.MISSING
    return {field.name for field in fields if field.default is missing and field.default_factory is missing}


def _is_left_out(field: dataclasses.Field[Any], value: Any) -> bool:
    return "added" in field.metadata and value is field.default


def _name(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"
