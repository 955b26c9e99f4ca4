"""Tables fit the terminal, whatever it is, and lose nothing; a pipe gets a line for each row."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.cli import show
from ml_assets.cli.columns import GAP, fitted, lines_of, width_of, wrapped

HEADER = ("partition", "model", "why")
ROWS = [
    ("2013-05", "9c22ab7fd001", "auroc 0.612 vs champion 0.598 on the same 6,301 rows: better by 0.014"),
    ("2013-06", "07deff3cc000", "first champion"),
]
texts = st.text(st.characters(exclude_categories=("C", "Z", "M")) | st.just(" "), max_size=60)


def words(lines: list[str]) -> set[str]:
    return set(" ".join(lines).split())


def test_without_a_terminal_each_row_is_one_line_however_long():
    lines = list(lines_of([("a\nb", "x" * 300)], ("one", "two"), None))

    assert lines[2:] == [f"a b  {'x' * 300}"]


@pytest.mark.parametrize("width", [200, 80, 60, 40])
def test_a_table_is_no_wider_than_the_terminal_and_keeps_every_word(width: int):
    lines = list(lines_of(ROWS, HEADER, width))

    assert max(map(width_of, lines)) <= width
    assert words(lines) >= {word for row in ROWS for cell in row for word in cell.split()}


def test_where_columns_do_not_fit_side_by_side_each_row_is_a_list():
    header = tuple(f"metric_{n:02}" for n in range(20))
    lines = list(lines_of([tuple(f"0.{n:04}" for n in range(20))], header, 80))

    assert lines[0] == "── 1 ──"
    assert lines[1:3] == ["metric_00  0.0000", "metric_01  0.0001"]
    assert len(lines) == 21


def test_no_rows_are_no_table():
    assert list(lines_of([], HEADER, 80)) == []


@given(st.lists(st.integers(0, 300), min_size=1, max_size=12), st.integers(20, 250))
def test_columns_fit_or_do_not_and_only_the_widest_are_shortened(widths: list[int], width: int):
    found = fitted(widths, width)

    if found is None:
        assert sum(min(one, 12) for one in widths) + GAP * (len(widths) - 1) > width
        return
    assert sum(found) + GAP * (len(found) - 1) <= width
    shortened = [after for before, after in zip(widths, found, strict=True) if after < before]
    assert all(after >= max(found) - len(widths) for after in shortened)
    assert all(after <= before for before, after in zip(widths, found, strict=True))


@given(texts, st.integers(2, 40))
def test_wrapping_loses_no_letter_and_keeps_the_width(text: str, width: int):
    lines = wrapped(text, width)

    assert all(width_of(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_ideographs_take_two_columns_each():
    lines = list(lines_of([("東京", "x"), ("ab", "y")], ("city", "b"), None))

    assert [width_of(line.rpartition(" ")[0]) for line in lines[2:]] == [5, 5]


def test_a_terminal_of_ascii_or_latin_1_gets_replacements(monkeypatch: pytest.MonkeyPatch):
    said = {}
    for encoding in ("ascii", "latin-1", "utf-8"):
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", stream)
            show.take_any_text()
            show.say("✓ Zürich – 2 ≥ 1 … ± 漢 \udc80")
            show.say_json({"city": "Zürich 漢"})
            stream.flush()
        said[encoding] = stream.buffer.getvalue().decode(encoding)

    assert said["ascii"].splitlines()[0] == "v Zurich - 2 >= 1 ... +- ? ?"
    assert said["latin-1"].splitlines()[0] == "v Zürich - 2 >= 1 ... ± ? ?"
    assert said["utf-8"].splitlines()[0] == "✓ Zürich – 2 ≥ 1 … ± 漢 ?"
    for text in said.values():
        assert json.loads(text.split("\n", 1)[1]) == {"city": "Zürich 漢"}, "JSON loses nothing"


@pytest.mark.parametrize("columns", [60, 80])
def test_a_real_terminal_gets_no_line_that_is_too_long(shared, columns: int):
    """As a person sees it: the command itself, on a terminal of so many columns."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "import sys; from ml_assets.cli import main; sys.exit(main(sys.argv[1:]))"]
    environment = {**os.environ, "COLUMNS": str(columns), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([*command, "history", "umbrellas/model"], stdout=theirs, env=environment, check=False)
    os.close(theirs)
    printed = b""
    while True:
        try:
            some = os.read(ours, 1 << 16)
        except OSError:  # how Linux tells that the other end of a terminal is closed
            break
        if not some:
            break
        printed += some
    os.close(ours)

    lines = printed.decode().splitlines()
    assert done.returncode == 0, printed
    assert len(lines) > 3
    assert max(map(width_of, lines[:-1])) <= columns
