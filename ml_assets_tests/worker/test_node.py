from __future__ import annotations

import pytest

from ml_assets.worker.node import _killed

CASES = [
    ({0: -15, 1: -9}, [(1, "SIGKILL"), (0, "SIGTERM")]),
    ({0: -6, 1: -9}, [(1, "SIGKILL"), (0, "SIGABRT")]),
    ({0: -9, 1: -11}, [(1, "SIGSEGV"), (0, "SIGKILL")]),
    ({0: 1, 1: -15}, [(1, "SIGTERM")]),
    ({0: 1}, []),
]


@pytest.mark.parametrize(("exit_codes", "told"), CASES)
def test_the_rank_of_which_the_others_died_is_told_first(exit_codes: dict[int, int], told: list[tuple[int, str]]):
    assert [(rank, by.name) for rank, by in _killed(exit_codes)] == told
