from __future__ import annotations

import pytest

from ml_assets.errors import UnknownVersion
from ml_assets.lineage.reading import READERS, beside, manifests
from ml_assets.store import Manifest, VersionKey, open_store


@pytest.mark.parametrize("count", [0, 1, READERS + 1, 5 * READERS])
def test_every_item_is_read_once(count):
    seen: list[int] = []
    beside(seen.append, range(count))
    assert sorted(seen) == list(range(count))


def test_manifests_come_in_the_order_asked_for_each_once(tmp_path):
    store = open_store(str(tmp_path))
    content = store.put({"a": 1})
    keys = [store.commit(Manifest("toy/data", str(n), content)) for n in range(3)]
    found = manifests(store, [keys[2], keys[0], keys[2], keys[1]])

    assert list(found) == [keys[2], keys[0], keys[1]]
    assert [manifest.partition for manifest in found.values()] == ["2", "0", "1"]


def test_one_that_is_gone_is_an_error_and_not_left_out(tmp_path):
    store = open_store(str(tmp_path))
    there = store.commit(Manifest("toy/data", None, store.put({"a": 1})))

    with pytest.raises(UnknownVersion):
        manifests(store, [there, VersionKey("toy/data", None, "0" * 64)])
