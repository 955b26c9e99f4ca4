"""What a merge of branches moves: what was made. Who is champion, and what follows from that, is decided anew on ``main``."""

from __future__ import annotations

from ml_assets.assets import CHAIN

FOLLOWS_THE_CHAMPION = ("decides", "serves", "remembers", "audits", "watches")


def is_merged(asset: str) -> bool:
    """Whether a merge moves a ref: not that of a ledger or of another log, nor of what was made of a branch's champion."""
    noun = asset.partition("/")[2]
    return any(noun == one.name and one.role not in FOLLOWS_THE_CHAMPION for one in CHAIN)


def is_shared(asset: str) -> bool:
    """Whether a push takes a ref along: that of any asset, but of no ledger and no other log."""
    return any(asset.partition("/")[2] == one.name for one in CHAIN)
