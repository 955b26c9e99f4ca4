"""Is this an address to send to? Told without repeating it: it may hold a password."""

from __future__ import annotations

from urllib.parse import urlsplit


def fault_of(address: str, other: str = "is no http(s) address") -> str:
    """Why this is no http(s) address, as the end of a sentence; empty if it is one. ``other``: what is said of anything else."""
    if not all("!" <= character <= "~" for character in address):
        return "has a space or a character that no address has"
    try:
        parts = urlsplit(address)
        has_host, _ = bool(parts.hostname), parts.port
    except ValueError:
        return "is an address whose host or port cannot be read"
    return "" if parts.scheme in ("http", "https") and has_host else other
