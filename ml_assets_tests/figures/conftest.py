"""Here figures are looked at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ml_assets_tests.doubles.blank import drawn


@pytest.fixture(autouse=True)
def _figures_are_drawn() -> Iterator[None]:
    with drawn():
        yield
