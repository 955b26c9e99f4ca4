"""A page asks a slow store little, and sees all the same what the store holds now."""

from __future__ import annotations

import dataclasses

import pytest

from ml_assets.store import Entry, Store
from ml_assets.store.backends.listing import LAST
from ml_assets_tests.doubles.backends import Wrapped
from ml_assets_tests.pages.conftest import site


class Asked(Wrapped):
    """Remembers what it was asked for."""

    def __init__(self, inner) -> None:
        super().__init__(inner)
        self.questions: list[str] = []

    def get(self, key: str, most: int | None = None) -> bytes | None:
        self.questions.append(f"get {key}")
        return super().get(key, most)

    def entries(self, folder: str, after: str = "", until: str = LAST, most: int | None = None) -> dict[str, Entry]:
        self.questions.append(f"list {folder}")
        return super().entries(folder, after, until, most)


@pytest.mark.parametrize("address", ["/", "/problem/umbrellas", "/problem/umbrellas/models", "/asset/umbrellas/model"])
def test_the_second_time_a_page_only_looks_what_there_is(shared, address):
    asked = Asked(shared.backend)
    get = site(Store(asked))
    first = get(address)
    asked.questions.clear()

    assert get(address).body == first.body
    assert {question for question in asked.questions if question.startswith("get")} == {"get store.json"}
    assert len(asked.questions) < 6


def test_a_version_that_appears_is_in_the_picture_of_what_it_was_made_from(own):
    get = site(own)
    model = own.head("umbrellas/model", "2024-02").target
    (evaluation,) = own.versions("umbrellas/evaluation", "2024-02")
    before = get(f"/version/{model.version}/lineage").page.links
    again, _ = own.publish(dataclasses.replace(own.manifest(evaluation), notes={"n": 1}), why="a test")

    assert f"/version/{again.version}" not in before
    assert f"/version/{again.version}" in get(f"/version/{model.version}/lineage").page.links
