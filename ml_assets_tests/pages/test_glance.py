"""A page asks a slow store little, and sees all the same what the store holds now."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ml_assets.errors import Refused
from ml_assets.pages.glance import Glance, Memory
from ml_assets.store import Store, open_backend
from ml_assets_tests.doubles.backends import Wrapped
from ml_assets_tests.pages.conftest import site


class Asked(Wrapped):
    """Remembers what it was asked for."""

    def __init__(self, inner) -> None:
        super().__init__(inner)
        self.questions: list[str] = []

    def get(self, key: str) -> bytes | None:
        self.questions.append(f"get {key}")
        return super().get(key)

    def list(self, folder: str, after: str | None = None) -> list[str]:
        self.questions.append(f"list {folder}")
        return super().list(folder, after)


@pytest.fixture
def backend():
    backend = open_backend("memory://")
    for key in (
        "refs/main/toy/a/p/1",
        "refs/main/toy/a/p/2",
        "refs/main/toy/a/pq/1",
        "refs/main/toy/a/p=0/1",
        "refs/x",
    ):
        backend.put_new(key, key.encode())
    return Asked(backend)


@pytest.mark.parametrize(
    "folder", ["refs", "refs/main", "refs/main/toy", "refs/main/toy/a/p", "refs/main/toy/a/none", "no"]
)
@pytest.mark.parametrize("after", [None, "refs/main/toy/a/p/1", "z"])
def test_a_listing_is_that_of_the_backend(backend, folder, after):
    assert Glance(Memory(backend)).list(folder, after) == backend.list(folder, after)


def test_a_problem_is_listed_once_per_page_and_entries_are_read_once_for_all(backend):
    memory = Memory(backend)
    for _ in range(2):
        glance = Glance(memory)
        assert glance.list("refs/main/toy/a/p")[-1] == "refs/main/toy/a/p/2"
        assert glance.list("refs/main/toy/a/pq") == ["refs/main/toy/a/pq/1"]
        assert glance.get("refs/main/toy/a/p/2") == b"refs/main/toy/a/p/2"

    assert backend.questions.count("list refs/main/toy") == 2
    assert backend.questions.count("get refs/main/toy/a/p/2") == 1
    assert len([question for question in backend.questions if question.startswith("list")]) == 2


def test_what_was_not_there_is_asked_for_again(backend):
    glance = Glance(Memory(backend))
    assert glance.get("refs/late") is None
    backend.put_new("refs/late", b"here")
    assert glance.get("refs/late") == b"here"


def test_pages_cannot_write(backend, tmp_path):
    glance = Glance(Memory(backend))
    for write in (
        lambda: glance.put_new("refs/new", b""),
        lambda: glance.put_file("refs/new", Path(tmp_path)),
        lambda: glance.delete("refs/x"),
    ):
        with pytest.raises(Refused, match="pages only read"):
            write()
    assert backend.get("refs/x") == b"refs/x" and backend.get("refs/new") is None


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
