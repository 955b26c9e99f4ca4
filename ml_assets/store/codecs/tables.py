"""A dict of DataFrames by name -> each as a table of its own, so that one can be read without the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_assets.store.canonical import Json
from ml_assets.store.codecs.codec import Encoded, Parts, is_instance
from ml_assets.store.codecs.table import TableCodec


class TablesCodec:
    """Files: ``<name>/table.parquet``. Meta: as of a dataclass with these fields."""

    name = "tables"

    def encode(self, value: Any) -> Encoded | None:
        """See ``Codec``."""
        if not isinstance(value, dict) or not value or not all(map(_is_named_table, value.items())):
            return None
        tables = {name: found for name in sorted(value) if (found := TableCodec().encode(value[name]))}
        meta = {"fields": {name: {"codec": table.codec, "meta": table.meta} for name, table in tables.items()}}
        return Encoded(
            self.name, meta, {f"{name}/{path}": part for name, t in tables.items() for path, part in t.parts.items()}
        )

    def decode(self, meta: Mapping[str, Json], parts: Parts) -> Any:
        """See ``Codec``."""
        return {name: TableCodec().decode(of["meta"], parts.below(name)) for name, of in meta["fields"].items()}


def _is_named_table(item: tuple[Any, Any]) -> bool:
    name, value = item
    return isinstance(name, str) and name.isidentifier() and is_instance(value, "pandas", "DataFrame")
