"""Append-only logs: refs, and what finds where a long one ends."""
