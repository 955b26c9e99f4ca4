"""How the command line prints: tables and trees for people, JSON for programs."""

from __future__ import annotations

import argparse
import codecs
import io
import json
import shutil
import sys
import unicodedata
from collections.abc import Sequence
from typing import Any

from ml_assets.cli.columns import lines_of

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
    print(text)


def progress(text: str) -> None:
    """A line about work under way: on standard error, so that the answer can be piped."""
    print(text, file=sys.stderr, flush=True)


def say_json(value: Any) -> None:
    """The answer as JSON."""
    takes_all = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(json.dumps(value, indent=2, ensure_ascii=not takes_all))


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
