from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from ml_assets.errors import InvalidProblem
from ml_assets.training.loop import Loop, ParquetRows, Tensors, fit, from_frame, seeded
from ml_assets_tests.training.loop.saving import Plain, rows, run, squared, told

FRAME = pd.DataFrame(
    {
        "distance": [1.5, np.nan, 3.0],
        "stops": [0, 1, 2],
        "carrier": pd.Categorical(["UA", None, "AA"], categories=["AA", "UA"]),
        "late": [True, False, True],
        "name": ["a", "b", "c"],
    }
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def streamed(tmp_path: Path) -> ParquetRows:
    """103 rows in two files, in row groups of at most ten."""
    frame = pd.DataFrame({"a": np.arange(103.0), "b": np.arange(103) ** 2})
    frame[:50].to_parquet(tmp_path / "1.parquet", row_group_size=10)
    frame[50:].to_parquet(tmp_path / "2.parquet", row_group_size=10)
    return ParquetRows([tmp_path / "1.parquet", tmp_path / "2.parquet"], {"x": ["a", "b"], "y": "b"}, window=3)


def test_columns_of_a_frame_become_tensors():
    batch = from_frame(FRAME, {"x": ["distance", "stops"], "carrier": "carrier", "y": "late"}).batch(
        torch.tensor([2, 0])
    )

    assert batch["x"].tolist() == [[3.0, 2.0], [1.5, 0.0]]
    assert (batch["x"].dtype, batch["carrier"].dtype, batch["y"].dtype) == (torch.float32, torch.int64, torch.int64)
    assert (batch["carrier"].tolist(), batch["y"].tolist()) == ([0, 1], [1, 1])


def test_a_missing_category_is_minus_one_and_a_missing_number_no_number():
    batch = from_frame(FRAME, {"carrier": "carrier", "distance": "distance"}).batch(torch.tensor([1]))

    assert batch["carrier"].tolist() == [-1]
    assert batch["distance"].isnan().all()


def test_nullable_numbers_and_truths_are_numbers_and_missing_ones_no_number():
    frame = pd.DataFrame(
        {"n": pd.array([1, None], "Int64"), "t": pd.array([True, None], "boolean"), "i": [2**53 + 1, 5]}
    )
    batch = from_frame(frame, {"n": "n", "t": "t", "i": "i"}).batch(torch.tensor([0, 1]))
    assert [batch[name].dtype for name in "nti"] == [torch.float32, torch.float32, torch.int64]
    assert [batch["n"][0].item(), batch["t"][0].item(), batch["i"].tolist()] == [1.0, 1.0, [2**53 + 1, 5]]
    assert bool(batch["n"][1].isnan() and batch["t"][1].isnan())


def test_a_whole_number_that_torch_has_not_is_refused():
    with pytest.raises(InvalidProblem, match=r"Column 'x' reaches up to 18446744073709551615.*Number its values"):
        from_frame(pd.DataFrame({"x": pd.Series([2**64 - 1], dtype="uint64")}), {"x": "x"})


@pytest.mark.parametrize("counted", [True, False], ids=["counted", "not counted in the footer"])
def test_a_streamed_column_that_lacks_a_value_anywhere_has_one_type_in_all_row_groups(tmp_path: Path, counted: bool):
    frame = pd.DataFrame({"n": pd.array([*range(9), None], "Int64"), "i": range(10)})
    frame.to_parquet(tmp_path / "x.parquet", row_group_size=5, write_statistics=counted)
    streamed = ParquetRows([tmp_path / "x.parquet"], {"n": "n", "i": "i"})
    first = streamed.batch(torch.arange(3))
    assert (first["n"].dtype, first["i"].dtype) == (torch.float32, torch.int64)
    assert streamed.batch(torch.arange(10))["n"].tolist()[:9] == [*map(float, range(9))]


def test_a_column_of_text_is_refused():
    with pytest.raises(InvalidProblem, match=r"Column 'name' is .*no number. Encode it"):
        from_frame(FRAME, {"x": "name"})


@pytest.mark.parametrize("values", [{}, {"x": torch.zeros(3), "y": torch.zeros(2)}], ids=["none", "uneven"])
def test_tensors_without_a_number_of_rows_are_refused(values: dict):
    with pytest.raises(InvalidProblem, match="at least one tensor, all of as many rows"):
        Tensors(values)


def test_an_order_has_each_row_once_and_depends_on_the_generator_alone(streamed: ParquetRows):
    for some in (rows(103, 1), streamed):
        order = some.order(generator(1))
        assert sorted(order.tolist()) == list(range(103))
        assert torch.equal(order, some.order(generator(1)))
        assert not torch.equal(order, some.order(generator(2)))


def test_streamed_rows_are_those_of_the_files_in_the_order_asked(streamed: ParquetRows):
    wanted = torch.tensor([102, 0, 50, 49, 7])
    batch = streamed.batch(wanted)

    assert batch["x"].tolist() == [[n, n * n] for n in wanted.tolist()]
    assert batch["y"].tolist() == [n * n for n in wanted.tolist()]


def test_an_epoch_reads_each_row_group_about_once_and_holds_few(streamed: ParquetRows, monkeypatch: pytest.MonkeyPatch):
    read: list[tuple[int, int]] = []
    table = streamed._table
    monkeypatch.setattr(streamed, "_table", lambda *place: (read.append(place), table(*place))[1])

    for indices in streamed.order(generator()).split(8):
        streamed.batch(indices)

    assert sorted(read) == sorted(set(read))
    assert len(read) == 11
    assert len(streamed._held) <= 6


def test_streamed_rows_train_what_the_same_rows_in_memory_would_in_that_order(tmp_path: Path):
    held = rows(90, 1)
    frame = pd.DataFrame(held.values["x"].numpy(), columns=list("abcdef")).assign(y=held.values["y"].numpy())
    frame.to_parquet(tmp_path / "rows.parquet", row_group_size=20)
    streamed = ParquetRows([tmp_path / "rows.parquet"], {"x": list("abcdef"), "y": "y"}, window=2)

    class InItsOrder(Tensors):
        def order(self, generator: torch.Generator) -> torch.Tensor:
            return streamed.order(generator)

    def fitted(train):
        with seeded(1):
            network = Plain()
        return told(fit(network, squared, train, rows(20, 2), Loop(epochs=2, batch_rows=16), run()))

    assert fitted(streamed) == fitted(InItsOrder(held.values))


def test_streamed_categories_are_refused_where_their_codes_would_change_their_meaning(tmp_path: Path):
    for name, listed in (("1", ["ash", "oak"]), ("2", ["ash", "oak"]), ("3", ["oak", "ash"])):
        pd.DataFrame({"tree": pd.Categorical(["oak"], listed)}).to_parquet(tmp_path / f"{name}.parquet")
    paths = [tmp_path / f"{name}.parquet" for name in "123"]
    assert ParquetRows(paths[:2], {"tree": "tree"}).batch(torch.tensor([0, 1]))["tree"].tolist() == [1, 1]
    with pytest.raises(InvalidProblem, match=r"Column 'tree' has other categories in row group 0 of .*3\.parquet"):
        ParquetRows(paths, {"tree": "tree"}).batch(torch.tensor([0, 1, 2]))
