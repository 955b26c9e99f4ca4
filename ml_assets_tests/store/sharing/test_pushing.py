from __future__ import annotations

import pytest

from ml_assets.errors import CorruptBlob, RefMoved, Refused, StoreUnreachable, UnknownVersion
from ml_assets.store import Input, Manifest, Store, Upstream, VersionKey, branches, merging, open_backend, pushing
from ml_assets.store.keys import blob_key
from ml_assets.store.sharing.pushing import Parcel, Push
from ml_assets_tests.doubles.bucket import Bucket

MONTH = "2024-01"


class Breaking(Bucket):
    """Breaks off at the n-th write, once."""

    left: int | None = None

    def put_new(self, key: str, data: bytes) -> bool:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise StoreUnreachable("the train is in a tunnel")
        return super().put_new(key, data)


@pytest.fixture
def bucket() -> Breaking:
    return Breaking()


@pytest.fixture
def production(bucket) -> Store:
    store = Store(bucket, user="dagster")
    made(store, "features", [1, 2])
    return store


@pytest.fixture
def laptop(production, tmp_path) -> Store:
    return Store(Upstream(production.backend, open_backend(str(tmp_path / "own"))), branch="ada", user="ada")


def made(store: Store, noun: str, value: object, *reads: VersionKey) -> VersionKey:
    code = {
        "source": store.put_source({"a.py": b"source", "b.py": store.user.encode()}),
        "computation": {"key": store.put_code({"k": noun + str(value)}), "code": store.put_code({"m:f": noun})},
    }
    inputs = tuple(Input("read", key, store.manifest(key).content.digest) for key in reads)
    environment = store.put_environment({"python": store.user})
    manifest = Manifest(
        f"toy/{noun}", MONTH, store.put(value), inputs, code=code, environment=environment, by=store.user
    )
    return store.publish(manifest, why=f"made {value}")[0]


def push(store: Store, to: Store, branch: str = "ada", **how) -> Parcel:
    pushed = Push(store, to.on(branch), **{"same_main": True, **how})
    parcel = pushed.look(branches.differences(store, store.branch))
    pushed.send(parcel, lambda size: None)
    return parcel


@pytest.fixture
def model(production, laptop) -> VersionKey:
    split = made(laptop, "split", "rows", production.head("toy/features", MONTH).target)
    return made(laptop, "model", "weights" * 100, split)


def test_what_the_other_store_lacks_is_sent_and_a_branch_there_names_it(production, laptop, model, bucket):
    before = set(bucket.objects)
    parcel = push(laptop, production)
    assert [one.asset for one in parcel.manifests] == ["toy/split", "toy/model"]
    assert len(parcel.files) == 3  # two values, and what is other in the source
    there = production.on("ada")
    assert there.head("toy/model", MONTH).target == model
    assert (there.head("toy/model", MONTH).by, there.head("toy/model", MONTH).details) == (
        "ada",
        {"began_from": 0, "pushed": {"by": "dagster"}},
    )
    manifest = production.manifest(model)
    assert production.load(model) == "weights" * 100
    assert production.source(manifest.code["source"]) == {"a.py": b"source", "b.py": b"ada"}
    assert production.environment(manifest.environment) == {"python": "ada"}
    assert production.code(manifest.code["computation"]["code"]) == {"m:f": "model"}
    assert production.verify(model) == []
    assert production.recall(manifest.code["computation"]["key"]) is None  # until it is merged
    new = set(bucket.objects) - before
    assert parcel.size == sum(len(bucket.objects[key][0]) for key in new if key.startswith(("blobs/", "versions/")))
    assert not [key for key in new if key.startswith(("refs/main", "runs/"))]


def test_the_same_push_again_sends_nothing(production, laptop, model, bucket):
    push(laptop, production)
    bucket.asked.clear()
    assert push(laptop, production) == Parcel([], [], [], [])
    assert bucket.requests["put"] == 0
    later = made(laptop, "model", "better")
    assert [one.key for one in push(laptop, production).manifests] == [later]
    assert [entry.n for entry in production.on("ada").own_log("toy/model", MONTH)] == [1, 2]


@pytest.mark.parametrize("writes", range(11))
def test_one_that_breaks_off_goes_on_and_has_named_nothing_before_it_was_whole(
    production, laptop, model, bucket, writes
):
    bucket.left = writes
    with pytest.raises(StoreUnreachable):
        push(laptop, production)
    named = [production.on("ada").own_log(asset, MONTH) for asset in ("toy/split", "toy/model")]
    assert all(production.verify(entry.target) == [] for log in named for entry in log)
    bucket.left = None
    push(laptop, production)
    assert production.load(production.on("ada").head("toy/model", MONTH).target) == "weights" * 100


def test_what_was_pushed_is_merged_there_and_used_again(production, laptop, model):
    push(laptop, production)
    reviewer = Store(production.backend, user="rita")
    list(merging.merge(reviewer, merging.to_merge(branches.differences(reviewer, "ada"))))
    assert reviewer.head("toy/model", MONTH).target == model
    assert laptop.on("main").head("toy/model", MONTH).by == "rita"
    assert reviewer.recall(reviewer.manifest(model).code["computation"]["key"]).version == model
    assert [one.state for one in branches.differences(laptop, "ada")] == ["same", "same"]


def test_where_main_moved_before_the_push_the_merge_is_refused(production, laptop):
    made(laptop, "features", "mine")
    made(production, "features", "theirs")
    push(laptop, production)
    assert branches.differences(production, "ada")[0].state == "moved"
    push(laptop, production, "elsewhere", same_main=False)  # another store's main: it begins from there as it is
    assert branches.differences(production, "elsewhere")[0].state == "ahead"


def test_somebody_elses_branch_of_the_same_name_is_left_alone(production, laptop, model, bucket):
    made(Store(production.backend, branch="ada", user="the other ada"), "model", "hers")
    bucket.asked.clear()
    with pytest.raises(RefMoved, match=r"toy/model 2024-01 on branch ada of .* by the other ada .* --as-branch NAME"):
        push(laptop, production)
    assert bucket.requests["put"] == 0
    push(laptop, production, "ada-2")
    assert production.on("ada-2").head("toy/model", MONTH).target == model


def test_main_and_a_place_without_a_store_are_no_targets(production, laptop, model):
    with pytest.raises(Refused, match="main moves by ml-assets merge"):
        push(laptop, production, "main")
    with pytest.raises(UnknownVersion, match="no store at"):
        push(laptop, Store(Bucket("s3://typo/store")))


def test_large_files_go_through_the_disk(production, laptop, model, monkeypatch):
    monkeypatch.setattr(pushing, "IN_MEMORY", 10)
    push(laptop, production)
    assert production.verify(model) == []


def test_what_does_not_arrive_as_it_was_sent_is_an_error_and_is_not_named(production, laptop, model, bucket):
    (file,) = laptop.manifest(model).content.files
    put_new = bucket.put_new
    bucket.put_new = lambda key, data: put_new(key, b"noise" if key == blob_key(file.digest) else data)
    with pytest.raises(CorruptBlob):
        push(laptop, production)
    assert production.on("ada").own_log("toy/model", MONTH) == []


def test_an_ancestor_that_is_no_longer_here_is_said(production, tmp_path):
    own = Store(open_backend(str(tmp_path / "alone")), branch="ada", user="ada")
    first = made(own, "features", [3])
    made(own, "model", "w", first)
    own.backend.delete(f"versions/toy/features/{MONTH}/{first.version}.json")
    shared = [one for one in branches.differences(own, "ada") if one.asset == "toy/model"]
    assert Push(own, production.on("ada"), same_main=False).look(shared).gone == [first]
