"""An answer asks a slow store little, and sees all the same what the store holds now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ml_assets.errors import Refused
from ml_assets.store import Copies, Glance, LandingFolder, Manifest, Store, VersionKey, open_store
from ml_assets.store.backends.listing import LAST, PAGE
from ml_assets.store.canonical import sealed
from ml_assets.store.together import AT_ONCE
from ml_assets_tests.doubles.bucket import Bucket

KEYS = ("refs/main/toy/a/p/1", "refs/main/toy/a/p/2", "refs/main/toy/a/p=0/1", "refs/main/toy/a/pq/1", "refs/x", "y")


@pytest.fixture
def bucket() -> Bucket:
    bucket = Bucket()
    for key in KEYS:
        bucket.put_new(key, key.encode())
    bucket.asked.clear()
    return bucket


@pytest.mark.parametrize(
    "folder", ["", "refs", "refs/main", "refs/main/toy", "refs/main/toy/a/p", "refs/main/toy/a/none", "no"]
)
@pytest.mark.parametrize("after", ["", "refs/main/toy/a/p/1", "z"])
@pytest.mark.parametrize("questions", [None, 1, 100])
def test_a_listing_is_that_of_the_backend(bucket, folder, after, questions):
    glance = Glance(bucket, questions=questions)
    assert glance.list(folder, after) == bucket.list(folder, after)
    assert glance.entries(folder, after, LAST, 2) == bucket.entries(folder, after, LAST, 2)


@pytest.mark.parametrize("key", [*KEYS, "refs/main/toy/a/p/3", "refs/main/toy/none", "other/none", "none"])
def test_an_entry_is_that_of_the_backend(bucket, key):
    assert Glance(bucket).entry(key) == bucket.entry(key)
    assert Glance(bucket).get(key) == bucket.get(key)


def test_what_a_branch_names_of_a_problem_is_listed_once(bucket):
    glance = Glance(bucket)
    for folder in ("refs/main/toy/a/p", "refs/main/toy/a/pq", "refs/main/toy/b/p"):
        glance.entries(folder)
    assert bucket.asked == ["list refs/main/toy"]


def test_a_listing_takes_no_longer_than_the_questions_would_and_the_rest_is_asked_for(bucket):
    for n in range(3 * PAGE):
        bucket.put_new(f"refs/main/toy/b/{n:04d}/1", b"")
    bucket.asked.clear()
    glance = Glance(bucket, questions=2 * AT_ONCE)
    last, beyond = glance.entries("refs/main/toy/b/2999"), glance.list("refs/main/toy/b/2500")
    assert (list(last), beyond) == (["refs/main/toy/b/2999/1"], ["refs/main/toy/b/2500/1"])
    assert glance.entry("refs/main/toy/b/0001/1") is not None
    assert bucket.asked[:2] == ["list refs/main/toy"] * 2
    assert bucket.asked[2:] == ["list refs/main/toy/b/2999", "list refs/main/toy/b/2500"]


def test_what_is_spread_evenly_is_not_listed_where_its_first_page_says_that_it_is_much(bucket):
    digests = [f"{n * 65536 // (5 * PAGE):04x}{n:060x}" for n in range(5 * PAGE)]
    for digest in digests:
        bucket.put_new(f"computations/{digest}.json", sealed({"skipped": digest}))
    for questions, listed in ((4, 1), (6, 6)):
        bucket.asked.clear()
        glance = Glance(bucket, questions=questions * AT_ONCE)
        for digest in (digests[0], digests[-1]):
            assert glance.get(f"computations/{digest}.json") == sealed({"skipped": digest})
            assert glance.entry(f"computations/{digest}.json") == bucket.entry(f"computations/{digest}.json")
        assert bucket.requests["list"] == listed


def test_a_memory_is_read_again_once_it_stands_for_something_else(bucket):
    key, copies = f"computations/{'a' * 64}.json", Copies(bucket.url)
    for fact in ("first", "second"):
        bucket.replace(key, sealed({"skipped": fact}))
        bucket.asked.clear()
        for _ in range(2):
            assert Glance(bucket, copies).get(key) == sealed({"skipped": fact})
        assert bucket.requests["get"] == 1


def test_a_glance_is_not_for_writing(bucket, tmp_path):
    glance = Glance(bucket)
    for write in (
        lambda: glance.put_new("refs/new", b""),
        lambda: glance.replace("refs/new", b""),
        lambda: glance.put_file("refs/new", Path(tmp_path)),
        lambda: glance.delete("refs/x"),
    ):
        with pytest.raises(Refused, match="only reads"):
            write()
    assert sorted(bucket.objects) == sorted(KEYS)


def publish(store: Store, partition: str, value: object) -> VersionKey:
    return store.publish(Manifest("toy/model", partition, store.put(value)), why="a test")[0]


def test_heads_of_many_partitions_take_one_listing_and_the_next_glance_sees_what_was_published():
    store = Store(Bucket(), copies=Copies("s3://bucket/store"))
    made = {f"{n:03d}": publish(store, f"{n:03d}", n) for n in range(30)}
    store.backend.asked.clear()
    before = store.at_a_glance()
    assert {key: before.head("toy/model", key).target for key in made} == made
    assert store.backend.asked == ["list refs/main/toy"]
    again = publish(store, "007", "again")
    assert before.head("toy/model", "007").target == made["007"]
    assert store.at_a_glance().head("toy/model", "007").target == again == store.head("toy/model", "007").target


def test_a_local_store_and_landing_folder_answer_at_once(tmp_path):
    store, landing = open_store(str(tmp_path / "store")), LandingFolder(open_store(str(tmp_path)).backend)
    assert (store.at_a_glance(), landing.at_a_glance(3)) == (store, landing)


def test_a_memory_of_what_is_damaged_in_the_store_is_not_used_although_copies_are_whole():
    store = Store(Bucket(), copies=Copies("s3://bucket/store"))
    manifest = Manifest("toy/model", "1", store.put({"a": 1}), code={"computation": {"key": "c" * 64}})
    key = store.commit(manifest)
    store.remember("c" * 64, key)
    assert store.recall("c" * 64).damage == ""
    (manifest_at,) = store.backend.list("versions")
    (blob_at,) = store.backend.list("blobs")
    for at, said in ((manifest_at, "the bytes of its manifest"), (blob_at, "the bytes of its value.json")):
        data = store.backend.objects[at]
        store.backend.replace(at, data[0][:-1] + b" ")
        store.backend.objects[at] = (store.backend.objects[at][0], data[1] + 3600.0)
        assert store.recall("c" * 64).damage == f"{said} were changed"
        assert store.at_a_glance().recall("c" * 64).damage == f"{said} were changed"
        store.backend.delete(at)
        assert store.recall("c" * 64).damage == f"{said} are gone"
        store.backend.objects[at] = data
    assert replace(store.recall("c" * 64), manifest=None).damage == ""
