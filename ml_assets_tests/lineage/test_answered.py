from __future__ import annotations

import pandas as pd
import pytest

from ml_assets.errors import UsageError
from ml_assets.lineage.answered import rows_about


@pytest.mark.parametrize(
    ("values", "dtype", "entity"),
    [
        (["a", None, "7"], "str", "7"),
        ([1, 8, 7], "int64", "7"),
        ([None, 8, 2**53 + 1], "Int64", str(2**53 + 1)),
        (["a", None, "7"], "category", "7"),
        ([True, False, False], "bool", "False"),
        (["7", None, "007"], "str", "007"),
        ([None, 8.0, 7.0], "float64", "7"),
        (pd.Categorical([None, 8, 7]), "category", "7"),
        (["2026-11-30", None, "2026-12-01"], "datetime64[us]", "2026-12-01"),
        (["2026-11-30", None, "2026-12-01"], "datetime64[us, America/New_York]", "2026-12-01T05:00Z"),
        (["2026-11-30", None, "2026-12-01"], "datetime64[us, UTC]", "2026-12-01 00:00:00+00:00"),
    ],
    ids=str,
)
def test_rows_are_about_an_entity_as_its_type_has_it(values, dtype, entity):
    about = rows_about(pd.Series(values, dtype=dtype), entity, "tailnum")

    assert about.tolist()[0] is False and about.tolist()[-1] is True


def test_what_is_no_whole_number_is_none_of_those():
    with pytest.raises(UsageError, match=r"'7a' is no tailnum: these are whole numbers \(int64\)"):
        rows_about(pd.Series([7]), "7a", "tailnum")
