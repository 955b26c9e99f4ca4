from __future__ import annotations

from collections.abc import Iterator

import pytest

from ml_assets.errors import UnknownVersion
from ml_assets.lineage.graph import Node, ancestors, descendants, down_from, up_from
from ml_assets.store import Input, Manifest, Store, VersionKey, open_store


def upstream(store: Store, key: VersionKey) -> Node:
    return up_from(key, ancestors(store, key))


def downstream(store: Store, key: VersionKey) -> Node:
    return down_from(key, descendants(store, key))


@pytest.fixture
def store(tmp_path) -> Store:
    return open_store(str(tmp_path / "store"))


def make(store: Store, asset: str, *inputs: VersionKey) -> VersionKey:
    read = tuple(Input(key.asset.split("/")[1], key, store.manifest(key).content.digest) for key in inputs)
    manifest = Manifest(f"toy/{asset}", "2024-01", store.put({"made": asset}), inputs=read)
    return store.publish(manifest, why="a test")[0]


def nodes(root: Node) -> Iterator[Node]:
    yield root
    for neighbour in root.neighbours:
        yield from nodes(neighbour)


def drawn(node: Node) -> dict:
    """The tree as nested names."""
    return {neighbour.key.asset.split("/")[1]: drawn(neighbour) for neighbour in node.neighbours}


def test_upstream_is_everything_that_a_version_was_made_from(store):
    data = make(store, "data")
    features = make(store, "features", data)
    model = make(store, "model", features, data)
    make(store, "unrelated")
    root = upstream(store, model)
    assert (root.key, root.name) == (model, "")
    assert drawn(root) == {"features": {"data": {}}, "data": {}}
    assert [node.name for node in nodes(root)] == ["", "features", "data", "data"]


def test_downstream_is_everything_that_was_made_from_a_version(store):
    data = make(store, "data")
    features = make(store, "features", data)
    model = make(store, "model", features, data)
    make(store, "unrelated")
    root = downstream(store, data)
    assert {node.key for node in nodes(root)} == {data, features, model}
    assert drawn(downstream(store, features)) == {"model": {}}
    assert drawn(downstream(store, model)) == {}


def test_a_version_reached_twice_is_followed_once(store):
    data = make(store, "data")
    left, right = make(store, "left", data), make(store, "right", data)
    top = make(store, "top", left, right)
    for root, twice in ((upstream(store, top), data), (downstream(store, data), top)):
        assert [node.seen for node in nodes(root) if node.key == twice] == [False, True]


def test_a_long_ladder_is_not_walked_down_every_way(store):
    """Two ways at each of 40 rungs: without memory that would be 2 ** 40 steps."""
    left = right = make(store, "start")
    for n in range(40):
        left, right = make(store, f"left {n}", left, right), make(store, f"right {n}", left, right)
    followed_once = 1 + 2 * 39
    assert len(list(nodes(upstream(store, left)))) == 1 + 2 * followed_once


def test_the_exact_versions_are_followed_not_the_newest_of_their_name(store):
    before = make(store, "data")
    features = make(store, "features", before)
    make(store, "data", make(store, "another source"))
    assert store.head("toy/data", "2024-01").target != before
    assert upstream(store, features).neighbours[0].key == before


@pytest.mark.parametrize("direction", [upstream, downstream])
def test_a_version_that_does_not_exist_has_no_lineage(store, direction):
    make(store, "data")
    with pytest.raises(UnknownVersion):
        direction(store, VersionKey("toy/data", "2024-01", "0" * 64))


def test_a_champion_goes_back_to_the_files_that_landed(shared):
    decided = shared.head("umbrellas/champion", "2024-02").target
    landed = {file.name for node in nodes(upstream(shared, decided)) for file in node.manifest.landed}
    assert landed == {"umbrellas/visits/2024-01.parquet", "umbrellas/visits/2024-02.parquet"}


def test_a_dataset_leads_to_the_predictions_that_its_model_made(shared):
    january = shared.head("umbrellas/dataset", "2024-01").target
    made = {(node.key.asset, node.key.partition) for node in nodes(downstream(shared, january))}
    assert {
        ("umbrellas/model", "2024-01"),
        ("umbrellas/model", "2024-03"),
        ("umbrellas/predictions", "2024-02"),
    } <= made
    assert ("umbrellas/dataset", "2024-02") not in made
    assert not any(asset.startswith("ice_cream") for asset, _ in made)
