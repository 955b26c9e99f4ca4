"""Landed files among the ingredients: which ones a dataset reads is only known from when it was last made."""

from __future__ import annotations

from collections.abc import Mapping

from ml_assets.errors import NotLanded
from ml_assets.store import LandingFolder, Trace

ABSENT = "not there"


def landed_now(trace: Mapping[str, Trace], landing: LandingFolder) -> dict[str, str]:
    """The digests that those files have now, as ingredients. Only files that were touched since are read."""
    return {_name(name): _digest_now(name, before, landing) for name, before in trace.items()}


def landed_then(trace: Mapping[str, Trace]) -> dict[str, str]:
    """The digests that the files had when they were read, as ingredients."""
    return {_name(name): before.digest or ABSENT for name, before in trace.items()}


def _name(file: str) -> str:
    return f"landed {file}"


def _digest_now(name: str, before: Trace, landing: LandingFolder) -> str:
    entry = landing.entry(name)
    if entry is None:
        return ABSENT
    if before.digest and entry.stamp == before.stamp:
        return before.digest
    try:
        return landing.digest(name)
    except NotLanded:  # in between
        return ABSENT
