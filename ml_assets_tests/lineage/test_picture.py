from __future__ import annotations

import pytest

from ml_assets.lineage import picture as module
from ml_assets.lineage.picture import layers, picture
from ml_assets.store import Input, Manifest, VersionKey, open_store
from ml_assets_tests.pages.conftest import site


def key(name: str) -> VersionKey:
    return VersionKey(name, None, name * 64)


def test_everything_lies_to_the_right_of_what_it_was_made_from():
    a, b, c, d = map(key, "abcd")

    assert layers({a: [], b: [a], c: [b, a], d: [a]}) == {a: 0, b: 1, c: 2, d: 1}


def test_the_picture_has_both_directions_and_marks_the_version(shared):
    model = shared.head("umbrellas/model", "2024-02").target
    seen = picture(shared, model)

    by_noun = {box.key.asset.split("/")[1]: box for box in seen.boxes}
    assert {"dataset", "features", "split", "evaluation", "champion"} <= set(by_noun)
    assert [box.key for box in seen.boxes if box.is_root] == [model]
    assert by_noun["dataset"].x < by_noun["features"].x < by_noun["model"].x < by_noun["evaluation"].x
    assert seen.hidden == 0 and len(seen.boxes) == 1 + len(seen.upstream) + len(seen.downstream)


def test_boxes_do_not_overlap_and_lie_inside(shared):
    seen = picture(shared, shared.head("umbrellas/dataset", "2024-01").target)
    corners = [(box.x, box.y) for box in seen.boxes]

    assert len(set(corners)) == len(corners)
    assert all(x % (module.WIDTH + module.APART_X) == module.MARGIN for x, _ in corners)
    assert all(0 <= x <= seen.width - module.WIDTH and 0 <= y <= seen.height - module.HEIGHT for x, y in corners)


@pytest.fixture
def crowd(tmp_path):
    """One version that a hundred were made from."""
    store = open_store(str(tmp_path))
    content = store.put({"a": 1})
    root, _ = store.publish(Manifest("toy/dataset", None, content), why="a test")
    for n in range(100):
        read = Input("dataset", root, content.digest)
        store.publish(Manifest("toy/model", f"{n:03d}", content, inputs=(read,)), why="a test")
    return store, root


def test_a_crowd_is_drawn_in_part_and_listed_in_full(crowd):
    store, root = crowd
    seen = picture(store, root)
    reply = site(store, problems=())(f"/version/{root.version}/lineage")

    assert (len(seen.boxes), seen.hidden, len(seen.downstream)) == (module.MOST + 1, 100 - module.MOST, 100)
    assert "40 versions further away are not drawn" in reply.page.words
    assert len({link for link in reply.page.links if link.startswith("/version/")}) == 101


def test_boxes_are_links_with_whole_names(shared):
    model = shared.head("umbrellas/model", "2024-02").target
    page = site(shared)(f"/version/{model.version}/lineage").page
    drawn = [a["href"] for a in page.all("a") if "box" in a.get("class", "")]

    assert f"/version/{shared.head('umbrellas/split', '2024-02').target.version}" in drawn
    assert f"{model} (this version)" in page.words
