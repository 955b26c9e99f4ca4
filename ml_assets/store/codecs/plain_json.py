"""dict, list, str, int, float, bool, None -> canonical JSON. A tuple of such values comes back as a tuple."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_assets.store.canonical import Json, canonical, parse
from ml_assets.store.codecs.codec import Encoded, Parts

TYPES = (dict, list, tuple, str, int, float, bool, type(None))


class JsonCodec:
    """Files: ``value.json``. Meta: ``{"tuple": true}`` if the value itself was a tuple; nested ones are refused."""

    name = "json"

    def encode(self, value: Any) -> Encoded | None:
        """See ``Codec``."""
        if type(value) not in TYPES:
            return None
        is_tuple = type(value) is tuple
        data = canonical(list(value) if is_tuple else value)
        return Encoded(self.name, {"tuple": True} if is_tuple else {}, {"value.json": data})

    def decode(self, meta: Mapping[str, Json], parts: Parts) -> Any:
        """See ``Codec``."""
        value = parse(parts["value.json"])
        return tuple(value) if meta.get("tuple") else value
