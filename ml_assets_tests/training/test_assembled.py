from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml_assets.training.assembled import assembled

ROWS = 100
KINDS = {
    "a": np.arange(ROWS) * 1.5,
    "i": np.arange(ROWS),
    "b": np.arange(ROWS) / 3,
    "text": [f"x{n}" if n % 3 else None for n in range(ROWS)],
    "category": pd.Categorical(np.where(np.arange(ROWS) % 2, "u", "v"), categories=["v", "u", "never"]),
    "bytes": pd.Series([b"x", None] * (ROWS // 2), dtype=object),
    "texts and times": pd.Series(["x", pd.Timestamp("2024")] * (ROWS // 2), dtype=object),
    "at": pd.date_range("2020", periods=ROWS, freq="h"),
    "utc": pd.date_range("2020", periods=ROWS, freq="h", tz="UTC"),
    "nullable": pd.array([1, None] * (ROWS // 2), "Int64"),
    "flag": np.arange(ROWS) % 2 == 0,
    "lasted": pd.to_timedelta(np.arange(ROWS), "s"),
    "half": np.arange(ROWS, dtype="float16"),
    "c": np.arange(ROWS) * 2.5,
}


@pytest.mark.parametrize("rows", [1, 7, ROWS])
@pytest.mark.parametrize("names", [["a"], ["text"], [], [*KINDS]], ids=["numbers", "text", "no column", "all kinds"])
def test_pieces_are_put_together_to_the_frame_that_was_cut(rows, names):
    frame = pd.DataFrame(KINDS)[names]
    pieces = (frame.iloc[n : n + rows].reset_index(drop=True) for n in range(0, ROWS, rows))
    found = assembled(pieces, frame.head(0), ROWS)
    pd.testing.assert_frame_equal(found, frame, check_exact=True, check_index_type="exact", check_column_type=False)


def test_no_pieces_are_a_frame_without_rows():
    frame = pd.DataFrame(KINDS)
    pd.testing.assert_frame_equal(assembled([], frame.head(0), 0), frame.head(0), check_index_type="exact")


def test_a_matrix_of_columns_of_one_type_is_a_view_and_can_be_written_into():
    frame = pd.DataFrame(KINDS)[["a", "b", "c"]]
    found = assembled([frame], frame.head(0), ROWS)
    assert np.shares_memory(found.to_numpy(), found["a"].to_numpy())
    found.loc[3, "a"] = 7.0
    assert found["a"][3] == 7.0
