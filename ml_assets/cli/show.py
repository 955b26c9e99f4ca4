"""How the command line prints: tables and trees for people, JSON for programs."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from typing import Any


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
    print(json.dumps(value, indent=2, ensure_ascii=False))


def table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    """Columns, left-aligned, under a header; empty when there are no rows."""
    if not rows:
        return ""
    widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]
    lines = [
        "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    title = "  ".join(name.ljust(width) for name, width in zip(header, widths, strict=True)).rstrip()
    return "\n".join([title, "  ".join("─" * width for width in widths), *lines])


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
