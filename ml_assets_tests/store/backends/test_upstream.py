from __future__ import annotations

import pytest

from ml_assets.errors import Refused, UnknownVersion
from ml_assets.store import Manifest, Store, Upstream, VersionKey, open_backend, open_store
from ml_assets_tests.doubles.bucket import Bucket

ASSET, MONTH = "toy/model", "2024-01"


def publish(store: Store, value: object) -> VersionKey:
    return store.publish(Manifest(ASSET, MONTH, store.put(value), code={"of": store.user}), why=f"made {value}")[0]


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def production(bucket) -> Store:
    return Store(bucket, user="dagster")


@pytest.fixture
def laptop(bucket, tmp_path) -> Store:
    return Store(Upstream(bucket, open_backend(str(tmp_path / "own"))), branch="ada", user="ada")


def test_main_is_upstreams_as_it_is_now_and_a_branch_is_ones_own(production, laptop, bucket):
    publish(production, 1)
    assert laptop.load(laptop.head(ASSET, MONTH).target) == 1
    mine = publish(laptop, 2)
    theirs = publish(production, 3)
    assert laptop.head(ASSET, MONTH).target == mine
    assert laptop.on("main").head(ASSET, MONTH).target == theirs
    assert [entry.why for entry in laptop.full_log(ASSET, MONTH)] == ["made 1", "made 3", "made 2"]
    assert laptop.own_log(ASSET, MONTH)[0].details == {"began_from": 1}
    assert production.on("ada").own_log(ASSET, MONTH) == []


def test_nothing_is_written_upstream(production, laptop, bucket):
    remembered = publish(production, 1)
    production.remember("1" * 64, remembered)
    before = dict(bucket.objects)
    publish(laptop, 2)
    laptop.remember("1" * 64, publish(laptop, 3), replace=True)
    laptop.backend.delete("computations/" + "1" * 64 + ".json")
    assert bucket.objects == before
    with pytest.raises(Refused, match=r"main is that of s3://bucket/store, .* ml-assets push"):
        publish(laptop.on("main"), 4)
    assert bucket.objects == before


def test_what_upstream_computed_is_not_computed_again_and_not_read(production, laptop, bucket):
    made = production.commit(Manifest(ASSET, MONTH, production.put([1]), code={"computation": {"key": "1" * 64}}))
    production.remember("1" * 64, made)
    bucket.asked.clear()
    assert laptop.recall("1" * 64).version == made
    assert not [question for question in bucket.asked if question.startswith("get blobs/")]


def test_others_branches_and_runs_are_theirs(production, laptop):
    made = publish(production.on("bob"), 1)
    manifest = Manifest(ASSET, MONTH, production.put(2), run="41aa")
    production.publish(manifest, why="in a run")
    assert sorted(laptop.branches()) == ["main"]
    publish(laptop, 3)
    assert sorted(laptop.branches()) == ["ada", "main"]
    assert laptop.on("bob").own_log(ASSET, MONTH) == []
    assert laptop.made_by_run("41aa", ASSET, MONTH) is None
    assert laptop.load(made) == 1


def test_an_own_main_of_before_is_not_seen(production, laptop, tmp_path):
    publish(open_store(str(tmp_path / "own")), "of before")
    upstreams = publish(production, 1)
    assert laptop.head(ASSET, MONTH).target == upstreams
    assert {key.split("/")[1] for key in laptop.backend.list("refs")} == {"main"}
    assert len(laptop.backend.list("refs")) == len(laptop.backend.entries("refs")) == 1


def test_an_address_without_a_store_is_an_error_and_not_an_empty_world(laptop):
    for ask in (lambda: laptop.head(ASSET, MONTH), laptop.branches):
        with pytest.raises(UnknownVersion, match=r"no store at s3://bucket/store. Is ML_ASSETS_UPSTREAM right"):
            ask()
