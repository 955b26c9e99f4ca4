"""Features as a query of DuckDB: the same rows, bits and versions as a function would give, and clear refusals."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from ml_assets.computation.recipe import Recipe
from ml_assets.errors import InvalidProblem
from ml_assets.feature_query import FeatureQuery
from ml_assets.training.rows import feature_table
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.world import build

QUERY = """
select row, clouds, clouds - coalesce((select avg(clouds) from history), 0) as above_usual, shop
from data
order by hash(visit)  -- the rows may come in any order
"""
PROBLEM = replace(umbrellas.PROBLEM, features=FeatureQuery(QUERY))
DATA = umbrellas.visits("2024-02")
NO_HISTORY = DATA.iloc[:0]


def features(query: str, data: pd.DataFrame = DATA, history: pd.DataFrame = NO_HISTORY) -> pd.DataFrame:
    return FeatureQuery(query)(history, data)


def settings(query: str) -> dict[str, object]:
    problem = replace(PROBLEM, features=FeatureQuery(query))
    return {name: value for name, value in Recipe(problem, "features").settings.items() if "features" in name}


def test_the_features_are_those_of_a_function_and_lie_beside_their_rows():
    history = umbrellas.visits("2024-01")
    asked = feature_table(PROBLEM, [history], DATA)
    written = feature_table(umbrellas.PROBLEM, [history], DATA)
    pd.testing.assert_frame_equal(asked.keys, written.keys)
    pd.testing.assert_frame_equal(asked.features, written.features, rtol=1e-15)


def test_the_whole_chain_is_made_of_it_and_nothing_is_computed_twice(tmp_path):
    world = build(tmp_path, [PROBLEM])
    world.must_run(PROBLEM, "2024-01")
    made = world.head("umbrellas/predictions", "2024-01")
    world.must_run(PROBLEM, "2024-01")
    assert world.head("umbrellas/predictions", "2024-01") == made


def test_sums_repeat_to_the_last_bit():
    rng = np.random.default_rng(0)
    many = pd.DataFrame(
        {"x": rng.normal(size=300_000) * 10.0 ** rng.integers(-8, 8, 300_000), "of": rng.integers(0, 7, 300_000)}
    )
    query = "select row, sum(x) over (partition by of) as total, avg(x) over () as mean from data"
    first = features(query, many, many.iloc[:0])
    assert all(features(query, many, many.iloc[:0]).equals(first) for _ in range(4))


def test_values_keep_their_types():
    data = pd.DataFrame({"id": pd.array([2**53 + 1, None], "Int64"), "is": [True, False], "name": ["007", "ü"]})
    found = features("select data.* from data", data, data.iloc[:0])
    pd.testing.assert_frame_equal(found, data)


SAME = ["select row,\n  clouds /* of all */\nfrom data -- only", "SELECT row, clouds FROM data"]
OTHERS = [
    "select row, clouds as c from data",
    "select row, 'CLOUDS' as clouds from data",
    "select row, 'clouds' as clouds from data",
]


def test_comments_layout_and_the_case_of_keywords_change_nothing_and_everything_else_does():
    first, *others = [settings(query) for query in (*SAME, *OTHERS)]
    assert first == others[0]
    assert len({str(one) for one in (first, *others[1:])}) == 1 + len(OTHERS)
    assert "duckdb" in Recipe(PROBLEM, "features").packages


def test_a_file_beside_the_module_is_read(tmp_path, monkeypatch):
    module = ModuleType("somewhere")
    module.__file__ = str(tmp_path / "somewhere.py")
    monkeypatch.setitem(sys.modules, "somewhere", module)
    (tmp_path / "features.sql").write_text("select row, clouds from data")
    asked = FeatureQuery("features.sql", "somewhere")
    assert asked(NO_HISTORY, DATA)["clouds"].tolist() == DATA["clouds"].tolist()
    with pytest.raises(InvalidProblem, match=r"FeatureQuery others\.sql: there is no such file beside the module"):
        FeatureQuery("others.sql", "somewhere")


REFUSED = {
    "no row": ("select clouds from data", "it gives no column 'row'. Begin it with: select data.row"),
    "fewer rows": ("select row from data where clouds > 0", "rows for 400 rows of data"),
    "rows twice": ("select data.row from data, (values (1), (2))", "800 rows for 400 rows of data"),
    "a column that is not there": ("select row, cloud from data", "DuckDB refuses it: Binder Error"),
    "no select": ("create table x as select 1", "it gives no column 'row'"),
    "no sql": ("select from where '", "Error tokenizing"),
    "a sum of whole numbers": (
        "select row, sum(row) over () as n from data",
        "Say what it is to be: cast(n as bigint)",
    ),
    "two columns of one name": ("select row, clouds, clouds from data", "it gives two columns 'clouds'"),
    "the clock": ("select row, now() as at from data", "now is another thing each time"),
    "chance": ("select row, random() as x from data", "random is another thing each time"),
    "a file": ("select row, (select count(*) from '/etc/passwd') as n from data", "DuckDB refuses it"),
    "another setting": ("set threads = 4; select row from data", "DuckDB refuses it"),
}


@pytest.mark.parametrize(("query", "said"), REFUSED.values(), ids=REFUSED)
def test_what_no_features_come_of_is_refused_with_what_to_do(query, said):
    with pytest.raises(InvalidProblem) as refused:
        features(query)
    assert said in str(refused.value)
    assert "FeatureQuery" in str(refused.value)


def test_columns_and_texts_that_are_called_like_a_function_are_none():
    data = DATA.assign(uuid="a", today=1.0)
    found = features("select row, uuid, data.today, 'as of now , today' as said from data", data, data.iloc[:0])
    assert list(found) == ["uuid", "today", "said"]


def test_the_clock_without_parentheses_is_refused():
    with pytest.raises(InvalidProblem, match="current_date is another thing each time"):
        features("select row, current_date as at from data")


def test_a_dataset_with_a_column_called_row_is_refused():
    with pytest.raises(InvalidProblem, match="a column 'row', which is the number of a row here"):
        features("select row from data", DATA.assign(row=1))
