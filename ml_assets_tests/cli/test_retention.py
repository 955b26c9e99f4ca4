"""What the store keeps, costs and lets go of, as people ask for it. A rule of the toy problem collects its months."""

from __future__ import annotations

import pytest

from ml_assets.errors import Collected
from ml_assets.problem import Keep
from ml_assets.store import Manifest, Store, VersionKey, open_store
from ml_assets_tests.cli.conftest import Call

AT_ONCE = ("--grace-days", "0")
RULE = {"features": Keep(partitions=1)}


@pytest.fixture
def store(tmp_path, monkeypatch, edited) -> Store:
    """Three months of features that can be made again, and a model that the ledger names; made by hand, which is quicker."""
    edited(keep=RULE)
    for name, value in {"STORE": str(tmp_path / "store"), "USER": "ada"}.items():
        monkeypatch.setenv(f"ML_ASSETS_{name}", value)
    monkeypatch.delenv("ML_ASSETS_BRANCH", raising=False)
    monkeypatch.chdir(tmp_path)
    store = open_store(str(tmp_path / "store"), user="ada")
    for noun, month in [
        ("features", "2024-01"),
        ("features", "2024-02"),
        ("features", "2024-03"),
        ("model", "2024-03"),
    ]:
        code = {"computation": {"key": "0" * 64}, "source": "0" * 64}
        made = Manifest(f"umbrellas/{noun}", month, store.put([noun, month]), code=code, environment="0" * 64)
        store.publish(made, why="made by hand")
    store.move("umbrellas/ledger", None, made.key, expected=0, why="the first")
    return store


@pytest.fixture
def features(store: Store) -> VersionKey:
    """Of an older month than the rule keeps."""
    return store.head("umbrellas/features", "2024-01").target


def test_what_a_rule_lets_go_is_told_moved_deleted_and_said_to_who_reads_it(store: Store, features, call: Call):
    foreseen = call("gc", "--dry-run", "--json", *AT_ONCE).json
    assert str(features) in [one["version"] for one in foreseen["collected"]]
    assert {one["rule"] for one in foreseen["collected"]} == {"Keep(partitions=1, versions=3) of umbrellas/features"}
    assert store.load(features) is not None

    collected = call("gc", "--json", *AT_ONCE).json
    assert collected["moved"] == foreseen["moved"]
    assert store.load(features) is not None  # from the trash

    assert call("gc", "--json", *AT_ONCE).json["deleted"] == collected["moved"]
    with pytest.raises(
        Collected, match=r"collected on .* by ada: Keep\(partitions=1.*ml-assets reproduce .* --restore"
    ):
        store.load(features)


def test_what_a_landing_watch_holds_stays(store: Store, features, call: Call):
    held = store.hold(store.put({"seen": ["2024-01"]}))
    call("gc", *AT_ONCE), call("gc", *AT_ONCE)
    assert store.get(held) == {"seen": ["2024-01"]}


def test_what_lies_in_the_trash_comes_back(store: Store, features, call: Call):
    moved = call("gc", "--json", *AT_ONCE).json["moved"]

    assert call("gc", "--undo", "--json").json["restored"] == moved
    assert call("gc", "--dry-run", "--json", *AT_ONCE).json["moved"] == moved


def test_a_pinned_version_stays(store: Store, features, call: Call):
    assert call("pin", features.short, "--why", "a paper cites it").code == 0
    assert [one["version"] for one in call("pin", "--json").json] == [str(features)]
    call("gc", *AT_ONCE), call("gc", *AT_ONCE)
    assert store.load(features) is not None

    assert call("unpin", features.short, "--why", "it is out").code == 0
    call("gc", *AT_ONCE), call("gc", *AT_ONCE)
    assert call("pin", features.short, "--why", "too late").code == 3


def test_what_there_is_costs_by_asset_and_reason(store: Store, features, call: Call):
    found = call("du", "--json", "--price", "1073741824", *AT_ONCE).json
    by_place = {(one["asset"], one["why"]): one for one in found}

    assert by_place["umbrellas/features", "would go"]["versions"] == 2
    assert by_place["umbrellas/model", "named"]["bytes"] > 0
    assert all(one["dollars"] == one["bytes"] for one in found)
    sizes = [entry.size for entry in store.backend.entries("blobs").values()]
    assert sum(one["bytes"] for one in found) == sum(sizes)


@pytest.fixture
def old(own: Store, edited) -> VersionKey:
    """Features of an older month than the rule keeps, that were really made."""
    edited(keep=RULE)
    return own.head("umbrellas/features", "2024-01").target


@pytest.mark.slow
def test_what_was_collected_breaks_no_question_is_no_damage_and_is_made_again_inputs_first(own: Store, old, call: Call):
    call("gc", *AT_ONCE), call("gc", *AT_ONCE)

    assert call("verify").code == 0
    for asked in ("history umbrellas", f"show {old.short}", "compare umbrellas", f"lineage {old.short}"):
        assert call(*asked.split()).code == 0, asked
    newest = own.head("umbrellas/features", "2024-03").target
    assert call("diff", old.short, newest.short).code == 0

    split = own.head("umbrellas/split", "2024-02").target
    assert call("reproduce", split.short).code == 3
    assert call("reproduce", split.short, "--restore").code == 0
    assert own.load(old) is not None


@pytest.mark.parametrize(
    "words", [("gc", "--grace-days", "-1"), ("du", "--grace-days", "soon"), ("du", "--price", "nan")]
)
def test_numbers_that_are_none_are_refused_before_anything_is_looked_at(store: Store, refused, words):
    assert "give a number" in refused(2, *words)


@pytest.mark.parametrize("how", [(), ("--dry-run",), ("--undo",)])
def test_a_store_over_another_one_is_not_collected_with_it(store: Store, refused, monkeypatch, tmp_path, how):
    monkeypatch.setenv("ML_ASSETS_UPSTREAM", str(tmp_path / "store"))
    monkeypatch.setenv("ML_ASSETS_STORE", str(tmp_path / "own"))
    assert "Collect each store by itself: ML_ASSETS_UPSTREAM= ml-assets gc" in refused(3, "gc", *how)
