"""What is kept of which answers: a share of the requests, without some columns, of others keyed digests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from ml_assets.errors import UsageError

WHOLE = 2**64


@dataclass(frozen=True)
class Choice:
    """What is kept.

    Attributes:
        share: of the requests, by their ids: whoever sees a request again decides the same.
        without: columns that are not kept, by the names that the problem gives them.
        hashed: columns of which HMAC-SHA-256 of each value is kept instead. With a key, because whoever has a plain digest of a
            customer's number finds the number by trying all; and whoever has the key can still join them to outcomes.
        key: of these digests.
    """

    share: float = 1.0
    without: frozenset[str] = frozenset()
    hashed: frozenset[str] = frozenset()
    key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.hashed and not self.key:
            raise UsageError(
                "Hashed columns need a key, else whoever tries all values finds them. Set one that stays the same: export "
                "ML_ASSETS_RECORD_KEY=$(openssl rand -hex 32)"
            )
        if both := sorted(self.without & self.hashed):
            raise UsageError(f"{both[0]!r} is to be left out and to be hashed. Name it once.")

    def takes(self, request_id: str) -> bool:
        """Whether a request is kept."""
        first = int.from_bytes(hashlib.sha256(request_id.encode()).digest()[:8], "big")
        return first < self.share * WHOLE

    def unknown(self, columns: Iterable[str]) -> list[str]:
        """The columns that it names and that there are not: a name that is written wrongly would be kept."""
        return sorted((self.without | self.hashed) - {*columns})
