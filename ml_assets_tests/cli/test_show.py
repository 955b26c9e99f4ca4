from __future__ import annotations

import os
import sys

import pytest

from ml_assets.cli.show import cut, number, table


def test_a_table_has_columns_as_wide_as_their_widest_cell():
    assert table([("2024-01", "0.9"), ("x", "–")], ("month", "auroc")).splitlines() == [
        "month    auroc",
        "───────  ─────",
        "2024-01  0.9",
        "x        –",
    ]


def test_a_table_without_rows_is_empty():
    assert table([], ("month", "auroc")) == ""


@pytest.mark.parametrize(("value", "shown"), [(0.12345, "0.1235"), (1, "1.0000"), (None, "–")], ids=str)
def test_a_metric_has_four_digits_and_an_undefined_one_is_a_dash(value, shown):
    assert number(value) == shown


def test_a_line_is_cut_at_the_width_of_the_terminal_and_whole_in_a_pipe(monkeypatch):
    assert cut("x" * 200) == "x" * 200
    reader, terminal = os.openpty()
    with os.fdopen(terminal, "w") as screen, os.fdopen(reader):
        monkeypatch.setattr(sys, "stdout", screen)
        monkeypatch.setenv("COLUMNS", "80")
        assert cut("x" * 80) == "x" * 80
        assert cut("x" * 81) == "x" * 79 + "…"
        monkeypatch.undo()
