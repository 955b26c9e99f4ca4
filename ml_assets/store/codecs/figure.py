"""matplotlib.figure.Figure -> PNG. A picture comes back as ``Png``: to look at, not to draw on."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml_assets.store.canonical import Json
from ml_assets.store.codecs.codec import Encoded, Parts, is_instance

SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Png:
    """A picture. Notebooks show it."""

    data: bytes

    def _repr_png_(self) -> bytes:
        return self.data


class FigureCodec:
    """Files: ``figure.png``, without the date and version that matplotlib adds."""

    name = "figure"

    def encode(self, value: Any) -> Encoded | None:
        """See ``Codec``."""
        if isinstance(value, Png):
            return Encoded(self.name, {}, {"figure.png": value.data})
        if not is_instance(value, "matplotlib.figure", "Figure"):
            return None
        buffer = io.BytesIO()
        value.savefig(buffer, format="png", metadata={"Software": None})
        return Encoded(self.name, {}, {"figure.png": buffer.getvalue()})

    def decode(self, meta: Mapping[str, Json], parts: Parts) -> Any:
        """See ``Codec``."""
        data = parts["figure.png"]
        if not data.startswith(SIGNATURE):
            raise ValueError("no PNG signature")
        return Png(data)
