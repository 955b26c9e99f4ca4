from __future__ import annotations

import base64
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ml_assets.errors import UnknownVersion
from ml_assets.lineage.lineage import LARGEST_IN_EVENT, MOST_IN_EVENT, lineage, lineage_markdown
from ml_assets.store import Input, Manifest, Store, VersionKey, open_store


class Counting(Store):
    """Counts how many manifests are read."""

    reads = 0

    def manifest(self, key: VersionKey) -> Manifest:
        self.reads += 1
        return super().manifest(key)


@pytest.fixture
def store(tmp_path) -> Counting:
    return Counting(open_store(str(tmp_path / "store")).backend)


def make(store: Store, name: str, *inputs: VersionKey) -> VersionKey:
    content = store.put({"a": 1})
    return store.commit(
        Manifest(f"toy/{name}", "2024-01", content, tuple(Input("it", i, content.digest) for i in inputs))
    )


def row(store: Store, length: int, name: str = "step") -> VersionKey:
    """Versions each made from the one before; the last of them."""
    key = make(store, f"{name} 0")
    for n in range(1, length):
        key = make(store, f"{name} {n}", key)
    return key


def picture_in(markdown: str) -> ElementTree.Element:
    (data,) = re.findall(r"\(data:image/svg\+xml;base64,([\w+/=]+)\)", markdown)
    return ElementTree.fromstring(base64.b64decode(data))


# ---------------------------------------------------------------- the answer


def test_it_prints_as_a_tree_and_shows_as_a_picture(shared):
    key = shared.head("umbrellas/model", "2024-02").target
    found = lineage(shared, key)

    assert str(found) == repr(found) and str(found).splitlines()[0] == str(key)
    assert "landed: umbrellas/visits/2024-01.parquet" in str(found)
    assert ElementTree.fromstring(found._repr_svg_()).tag.endswith("svg")


def test_nodes_and_edges_are_exact_versions_nearest_first(shared):
    key = shared.head("umbrellas/model", "2024-02").target
    found = lineage(shared, key)

    assert next(iter(found.nodes)) == key
    assert {(edge.name, edge.read) for edge in found.edges if edge.made == key} == {
        (read.name, read.key) for read in shared.manifest(key).inputs
    }
    assert {end for edge in found.edges for end in (edge.made, edge.read)} == set(found.nodes)


def test_downwards_are_the_same_edges_as_upwards(shared):
    dataset = shared.head("umbrellas/dataset", "2024-02").target
    down = lineage(shared, dataset, down=True)
    model = shared.head("umbrellas/model", "2024-02").target

    assert set(lineage(shared, model).edges) & set(down.edges)
    assert all(edge in lineage(shared, edge.made).edges for edge in down.edges)


def test_json_has_the_tree_and_the_same_as_lists(shared):
    key = shared.head("umbrellas/model", "2024-01").target
    told = lineage(shared, key).to_json()
    by_version = {node["version"]: node for node in told["nodes"]}

    assert told["version"] == key.version and told["neighbours"]
    assert by_version[key.version]["asset"] == "umbrellas/model"
    assert {edge["input"] for edge in told["edges"] if edge["made"] == key.version} == {"split", "features"}
    assert {edge["from"] for edge in told["edges"]} <= set(by_version)
    assert [file["name"] for node in told["nodes"] for file in node["landed"]] == ["umbrellas/visits/2024-01.parquet"]


def test_a_version_upstream_that_is_gone_is_named(store):
    key = row(store, 3)
    first = lineage(store, key).edges[-1].read
    Path(store.address(first).removeprefix("file://")).unlink()

    with pytest.raises(UnknownVersion, match=first.version):
        lineage(store, key)


# ---------------------------------------------------------------- in an event


@pytest.mark.parametrize("noun", ["dataset", "features", "split", "model", "evaluation", "champion", "predictions"])
def test_an_event_shows_every_version_in_a_small_picture(shared, noun):
    key = shared.head(f"umbrellas/{noun}", "2024-03").target
    shown = lineage_markdown(shared, key)
    drawn = {text.text for text in picture_in(shown).iter("{http://www.w3.org/2000/svg}text")}

    assert len(shown) < LARGEST_IN_EVENT
    assert {k.version[:6] for k in lineage(shared, key).nodes} == {text[-6:] for text in drawn if "·" in text}


def test_an_event_reads_a_bounded_number_of_manifests_and_says_that_there_is_more(store):
    key = row(store, MOST_IN_EVENT + 10)
    store.reads = 0
    shown = lineage_markdown(store, key)

    assert store.reads == MOST_IN_EVENT
    assert shown.endswith(f"There is more further back: `ml-assets lineage {key.short}`")
    assert len(shown) < LARGEST_IN_EVENT


def test_what_is_too_large_as_a_picture_is_a_tree(store):
    layer = [make(store, f"{n}") for n in range(13)]
    layer = [make(store, f"b{n}", *layer) for n in range(13)]
    top = make(store, "top", *layer)
    shown = lineage_markdown(store, top)

    assert "base64" not in shown and shown.startswith(f"```\n{top}\n") and shown.endswith("```")
    assert len(shown) < LARGEST_IN_EVENT


def test_an_event_is_not_lost_because_an_old_version_is(store):
    key = row(store, 3)
    first = lineage(store, key).edges[-1].read
    Path(store.address(first).removeprefix("file://")).unlink()

    assert lineage_markdown(store, key).startswith("The lineage cannot be shown. UnknownVersion")


def test_backquotes_in_names_do_not_end_the_tree(store):
    content = store.put({"a": 1})
    parts = [store.commit(Manifest(f"toy/{n}", "```<b>", content)) for n in range(13)]
    parts = [store.commit(replace(store.manifest(make(store, f"b{n}", *parts)), partition="```")) for n in range(13)]
    shown = lineage_markdown(store, make(store, "top", *parts))

    assert shown.startswith("```") and shown.count("```") == 2
