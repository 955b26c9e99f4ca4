"""How the command line prints: tables and trees for people, JSON for programs."""

from __future__ import annotations

import argparse
import codecs
import io
import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Sequence
from typing import Any, TextIO

from ml_assets.cli.columns import lines_of

UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
REPLACED = "ml_assets.looks_like"
LOOKS_LIKE = {
    "─": "-", "–": "-", "…": "...", "✗": "x", "✓": "v", "→": "->", "·": "-", "×": "x", "±": "+-", "≤": "<=", "≥": ">=",
}  # fmt: skip


def command(verbs: Any, name: str, summary: str, carry_out: Any, examples: str) -> argparse.ArgumentParser:
    """Add a verb with its summary, examples and ``--json``."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        name,
        help=summary,
        description=summary,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    parser.set_defaults(carry_out=carry_out)
    return parser


def say(text: str = "") -> None:
    """A line of the answer."""
    _print(text, sys.stdout)


def progress(text: str) -> None:
    """A line about work under way, or why there is no answer: on standard error, so that the answer can be piped."""
    _print(text, sys.stderr, flush=True)


def finish() -> None:
    """Nothing more will be said."""
    _print("", sys.stdout, end="", flush=True)


def _print(text: str, stream: TextIO, **how: Any) -> None:
    """Print. Where the reader went away, as ``| head`` does, the work goes on unread, and its exit code is true."""
    try:
        print(text, file=stream, **how)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def say_json(value: Any) -> None:
    """The answer as JSON."""
    takes_all = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    say(json.dumps(value, indent=2, ensure_ascii=not takes_all))


def take_any_text() -> None:
    """Let what this process prints hold any letter: one that the terminal's encoding lacks is replaced, and is no error."""
    codecs.register_error(REPLACED, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=REPLACED)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    """Letters of an encoding that has less: ours by what looks like them, others without their accents, or a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(LOOKS_LIKE.get(letter) or _unaccented(letter) for letter in lost), error.end


def _unaccented(letter: str) -> str:
    return unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode() or "?"


def table(rows: Sequence[Sequence[str]], header: Sequence[str], *, indent: int = 0) -> str:
    """Columns under a header, no wider than the terminal; empty when there are no rows.

    Args:
        indent: how many columns are printed before each line.
    """
    width = shutil.get_terminal_size().columns - indent if sys.stdout.isatty() else None
    return "\n".join(lines_of(rows, header, width))


def cut(line: str) -> str:
    """A line no wider than the terminal; whole where the output is no terminal."""
    width = shutil.get_terminal_size().columns
    return line if not sys.stdout.isatty() or len(line) <= width else line[: width - 1] + "…"


def short(version: str) -> str:
    """A version as people write it."""
    return version[:12]


def plural(count: int, noun: str) -> str:
    """``1 run``, ``2 runs``."""
    return f"{count} {noun}{'s' * (count != 1)}"


def number(value: Any) -> str:
    """A metric, or a dash where it is undefined; text, such as ``Infinity``, as it is."""
    if value is None:
        return "–"
    return value if isinstance(value, str) else f"{value:.4f}"


def size(count: float) -> str:
    """Bytes, in the unit in which they have one to three digits before the point: ``1.5 MiB``."""
    unit = 0
    while count >= 1024 and unit < len(UNITS) - 1:
        count, unit = count / 1024, unit + 1
    return f"{count:.1f} {UNITS[unit]}" if unit else f"{count:.0f} B"
