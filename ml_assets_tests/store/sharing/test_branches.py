from __future__ import annotations

import pytest

from ml_assets.errors import RefMoved, Refused, UnknownVersion
from ml_assets.store import Manifest, Store, VersionKey, branches, merging, open_store
from ml_assets_tests.doubles.backends import Counted

ASSET, MONTH = "toy/model", "2024-01"


class Crash(Exception):
    pass


@pytest.fixture
def main(tmp_path) -> Store:
    return open_store(str(tmp_path / "store"), user="ada")


@pytest.fixture
def trial(main) -> Store:
    return main.on("trial")


def publish(store: Store, value: object, month: str = MONTH, **fields) -> VersionKey:
    made_at = f"2024-02-01T00:00:0{len(store.versions(ASSET))}+00:00"
    manifest = Manifest(ASSET, month, store.put(value), by=store.user, created_at=made_at, **fields)
    return store.publish(manifest, why=f"made {value}")[0]


def states(store: Store, branch: str = "trial") -> dict[str | None, str]:
    return {one.partition: one.state for one in branches.differences(store, branch)}


def merge_all(store: Store, over: str = "") -> list[int]:
    return [entry.n for entry in merging.merge(store, merging.to_merge(branches.differences(store, "trial"), over))]


def test_the_branches_of_a_store_are_listed_by_the_names_that_people_gave_them(main):
    assert main.branches() == []
    for name in ("main", "ada/ü b", "ci"):
        publish(main.on(name), name)
    assert sorted(main.branches()) == ["ada/ü b", "ci", "main"]
    assert branches.last_move(main, "ci").why == "made ci"


def test_the_first_entry_of_a_branch_says_where_main_was(main, trial):
    publish(trial, "new here")
    publish(main, 1, "2024-02")
    publish(main, 2, "2024-02")
    publish(trial, 3, "2024-02")
    publish(trial, 4, "2024-02")
    assert [one.began for one in branches.differences(main, "trial")] == [0, 2]
    assert [entry.details for entry in trial.own_log(ASSET, "2024-02")] == [{"began_from": 2}, {}]
    assert main.own_log(ASSET, "2024-02")[0].details == {}


def test_what_a_branch_names_is_ahead_the_same_behind_or_moved(main, trial):
    for month in ("2024-01", "2024-02", "2024-03"):
        publish(main, "old", month)
    publish(trial, "new", "2024-01")
    publish(trial, "new", "2024-03")
    trial.name(main.manifest(main.head(ASSET, "2024-02").target), why="used again")
    assert states(main) == {"2024-01": "ahead", "2024-02": "same", "2024-03": "ahead"}
    publish(main, "newer", "2024-02")
    publish(main, "newer", "2024-03")
    assert states(main) == {"2024-01": "ahead", "2024-02": "behind", "2024-03": "moved"}


def test_a_merge_moves_main_and_a_second_one_nothing(main, trial):
    publish(main, 1)
    made = publish(trial, 2, code={"computation": {"key": "1" * 64}})
    assert merge_all(main) == [2]
    head = main.head(ASSET, MONTH)
    assert (head.target, head.by, head.why) == (made, "ada", "merged from trial: made 2")
    assert head.details == {"merged": {"branch": "trial", "n": 1, "by": "ada"}}
    assert main.recall("1" * 64).version == made
    assert merge_all(main) == []


def test_what_was_merged_before_does_not_count_as_a_move_of_main(main, trial):
    publish(main, 1)
    publish(trial, 2)
    merge_all(main)
    publish(trial, 3)
    assert merge_all(main) == [3]
    assert states(main) == {MONTH: "same"}


def test_where_main_moved_nothing_is_merged_and_who_moved_it_is_said(main, trial):
    publish(trial, "ahead", "2024-02")
    publish(main, 1)
    mine = publish(trial, 2)
    bobs = publish(Store(main.backend, user="bob"), 3)
    before = main.log(ASSET, MONTH)
    with pytest.raises(RefMoved) as refused:
        merge_all(main)
    assert f"toy/model 2024-01: entry 2, {bobs.short}, by bob at " in str(refused.value)
    assert "(trial began from entry 1)" in str(refused.value)
    assert f"ml-assets diff {bobs.short} {mine.short}" in str(refused.value)
    assert f"ml-assets merge trial toy/model@2024-01 --over {bobs.short}" in str(refused.value)
    assert main.log(ASSET, MONTH) == before
    assert main.head(ASSET, "2024-02") is None


def test_what_somebody_has_seen_on_main_may_be_replaced(main, trial):
    publish(main, 1)
    mine = publish(trial, 2)
    bobs = publish(main, 3)
    with pytest.raises(RefMoved):
        merge_all(main, over="0123")
    assert merge_all(main, over=bobs.short) == [3]
    assert main.head(ASSET, MONTH).target == mine


def test_where_a_branch_began_is_told_by_the_clock_if_it_is_not_recorded(main, trial):
    publish(main, 1)
    target = publish(main, 2)
    log = trial._branch_log(ASSET, MONTH)
    log.append(0, target, by="ada", why="as before it was recorded", run=None, details={"began_from": None})
    assert branches.differences(main, "trial")[0].moves == []
    publish(trial, 3)
    publish(main, 4)
    with pytest.raises(RefMoved, match="by the clock: it is not recorded"):
        merge_all(main)


def test_a_merge_that_was_interrupted_goes_on(main, trial):
    for month in ("2024-03", "2024-02", "2024-01"):
        publish(trial, month, month)
    merged = merging.merge(main, merging.to_merge(branches.differences(main, "trial")))
    assert next(merged).target.partition == "2024-03"  # what was made first comes first
    merged.close()
    assert states(main) == {"2024-01": "ahead", "2024-02": "ahead", "2024-03": "same"}
    assert merge_all(main) == [1, 1]


def test_whoever_is_beaten_to_a_ref_is_told_and_the_rest_waits(main, trial):
    publish(trial, 1)
    found = merging.to_merge(branches.differences(main, "trial"))
    publish(main, 2)
    with pytest.raises(RefMoved):
        list(merging.merge(main, found))
    assert len(main.log(ASSET, MONTH)) == 1


def test_what_was_made_from_versions_that_main_will_not_name_is_said(main, trial):
    from ml_assets.store import Input

    named = publish(main, "features")
    other = publish(trial, "other features")
    read = (Input("features", other, main.manifest(other).content.digest),)
    trial.publish(Manifest("toy/evaluation", MONTH, trial.put(1), inputs=read), why="judged")
    every = branches.differences(main, "trial")
    alone = [one for one in every if one.asset == "toy/evaluation"]
    assert merging.made_elsewhere(main, every) == []
    (said,) = merging.made_elsewhere(main, alone)
    assert said.endswith(f"was made from {other}, where main names {named.short}")


def test_a_branch_is_removed_and_its_versions_stay(main, trial):
    made = publish(trial, 1)
    publish(main, 2, "2024-02")
    branches.remove(main, "trial")
    assert main.branches() == ["main"]
    assert main.load(made) == 1
    with pytest.raises(UnknownVersion, match="no branch trial"):
        branches.differences(main, "trial")
    publish(trial, 3)
    assert [entry.n for entry in trial.own_log(ASSET, MONTH)] == [1]


@pytest.mark.parametrize("name", ["main", "trial"])
def test_main_and_the_branch_that_one_is_on_are_not_removed(trial, name):
    publish(trial, 1)
    with pytest.raises(Refused, match="Nothing was changed"):
        branches.remove(trial, name)
    assert trial.own_log(ASSET, MONTH)


def test_a_crash_while_a_branch_is_removed_leaves_a_branch_without_gaps(main, trial, tmp_path):
    for value in range(4):
        publish(trial, value)
    deleted = 0

    class Dies(Counted):
        def delete(self, key: str) -> None:
            nonlocal deleted
            deleted += 1
            if deleted == 3:
                raise Crash
            super().delete(key)

    with pytest.raises(Crash):
        branches.remove(Store(Dies(main.backend, lambda n, key: None)), "trial")
    assert [entry.why for entry in main.on("trial").own_log(ASSET, MONTH)] == ["made 0", "made 1"]
    branches.remove(main, "trial")
    assert main.branches() == []
