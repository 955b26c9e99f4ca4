from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import AmbiguousVersion, UnknownVersion, UsageError
from ml_assets.lineage.reference import Reference, parse, resolve
from ml_assets.promotion.ledger import Ledger
from ml_assets.store import Manifest, Store, VersionKey, open_store
from ml_assets_tests.doubles import umbrellas

VERSIONS = st.text("0123456789abcdef", min_size=64, max_size=64)
NAMES = st.from_regex(r"[a-z_]+/[a-z]+", fullmatch=True)
PARTITIONS = st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("umbrellas/model@2024-02", Reference("umbrellas/model", "2024-02", None)),
        ("umbrellas/model@2024-02:9c22", Reference("umbrellas/model", "2024-02", "9c22")),
        ("umbrellas/model:9c22", Reference("umbrellas/model", None, "9c22")),
        ("umbrellas/champion", Reference("umbrellas/champion", None, None)),
        ("ice_cream/model@south/east", Reference("ice_cream/model", "south/east", None)),
        ("9c22ab", Reference(None, None, "9c22ab")),
    ],
)
def test_a_reference_is_taken_apart(text, expected):
    assert parse(text) == expected


@given(NAMES, PARTITIONS, VERSIONS)
def test_what_is_printed_for_a_version_can_be_pasted_back(asset, partition, version):
    key = VersionKey(asset, partition, version)
    assert parse(str(key)) == Reference(asset, partition, key.short)
    assert parse(key.short) == Reference(None, None, key.short)


@pytest.mark.parametrize(
    "text",
    ["", "umbrellas", "9c2", "9C22AB", "a/b/c@2024-02", "/model@2024-02", "umbrellas/model@2024-02:9c", "a/b@1:xyzw"],
)
def test_what_is_no_reference_is_refused_with_examples(text):
    with pytest.raises(UsageError) as refused:
        parse(text)
    assert str(refused.value) == (
        f"{text!r} names no version. Write problem/asset@partition (flight_delays/model@2013-06), "
        "problem/champion, or at least four digits of a version (9c22)."
    )


def test_a_partition_means_the_version_that_the_branch_names(shared):
    key = shared.head("umbrellas/model", "2024-02").target
    for text in ("umbrellas/model@2024-02", f"umbrellas/model@2024-02:{key.version[:6]}", str(key), key.short):
        assert resolve(shared, text) == key


def test_champion_alone_means_the_model_that_serves_and_with_a_partition_the_decision(shared):
    assert resolve(shared, "umbrellas/champion") == Ledger.of(shared, umbrellas.PROBLEM, None).current().model
    assert resolve(shared, "umbrellas/champion@2024-02") == shared.head("umbrellas/champion", "2024-02").target


def test_a_version_that_no_ref_names_any_more_is_found_by_its_digits(own):
    before = own.manifest(own.head("umbrellas/model", "2024-02").target)
    own.publish(dataclasses.replace(before, notes={"trained": "again"}), why="a test")
    assert resolve(own, "umbrellas/model@2024-02") != before.key
    assert resolve(own, f"umbrellas/model@2024-02:{before.key.short}") == before.key


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "umbrellas/model@2024-09",
            "umbrellas/model@2024-09 names nothing on branch main. Its partitions: 2024-01, 2024-02, 2024-03. "
            "List its versions: ml-assets history umbrellas/model",
        ),
        (
            "umbrellas/model",
            "umbrellas/model names nothing on branch main. Name a partition, as in umbrellas/model@2024-03. "
            "Its partitions: 2024-01, 2024-02, 2024-03. "
            "List its versions: ml-assets history umbrellas/model",
        ),
        (
            "umbrellas/modle@2024-01",
            "umbrellas/modle@2024-01 names nothing on branch main. Known: umbrellas/audit, umbrellas/champion, "
            "umbrellas/dataset, umbrellas/evaluation, umbrellas/features, umbrellas/model, umbrellas/monitoring, "
            "umbrellas/predictions, umbrellas/report, umbrellas/split.",
        ),
    ],
    ids=["no such partition", "no partition", "no such asset"],
)
def test_what_names_nothing_is_refused_with_what_there_is(shared, text, message):
    with pytest.raises(UnknownVersion) as refused:
        resolve(shared, text)
    assert str(refused.value) == message


def test_in_an_empty_store_the_message_says_how_to_make_something(tmp_path):
    with pytest.raises(UnknownVersion) as refused:
        resolve(open_store(str(tmp_path)), "umbrellas/model@2024-01")
    assert str(refused.value) == (
        "umbrellas/model@2024-01 names nothing on branch main. "
        "Known: nothing yet; make something: ml-assets run umbrellas."
    )


def test_digits_that_fit_several_versions_are_refused_and_the_versions_named(tmp_path):
    store = open_store(str(tmp_path))
    one, two = two_alike(store)
    with pytest.raises(AmbiguousVersion) as refused:
        resolve(store, one.version[:4])
    assert f"2 versions start with {one.version[:4]!r}: " in str(refused.value)
    assert str(one) in str(refused.value)
    assert str(refused.value).endswith("Give more digits.")
    assert {resolve(store, key.version) for key in (one, two)} == {one, two}


def two_alike(store: Store) -> tuple[VersionKey, VersionKey]:
    """Two versions with the same first four digits: among a thousand there always are some."""
    content = store.put({"a": "model"})
    seen: dict[str, Manifest] = {}
    for n in range(5000):
        manifest = Manifest("umbrellas/model", "2024-01", content, notes={"n": n})
        other = seen.setdefault(manifest.key.version[:4], manifest)
        if other is not manifest:
            return store.commit(other), store.commit(manifest)
    raise AssertionError("5000 versions, and no two of them alike")
