"""Answers that are files: reports and pictures, to be opened with something else."""

from __future__ import annotations

from pathlib import Path

from ml_assets.errors import UsageError


def save(file: str, text: str) -> str:
    """Write a file. Where it is, as a path and as an address that browsers open.

    Raises:
        UsageError: if it cannot be written there.
    """
    path = Path(file)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}. Name a file in a folder that exists.") from None
    return f"{path}   {path.resolve().as_uri()}"
