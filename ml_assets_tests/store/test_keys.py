from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import InvalidKey
from ml_assets.store import VersionKey
from ml_assets.store.keys import (
    asset_name,
    asset_path,
    escape,
    partition_name,
    partition_segment,
    ref_folder,
    unescape,
    version_key,
)

SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-=")
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=16)


@given(names)
def test_unescape_gives_the_name_back(name: str) -> None:
    assert unescape(escape(name)) == name


@given(names, names)
def test_different_names_have_different_segments(one: str, other: str) -> None:
    assert (escape(one) == escape(other)) == (one == other)


@given(names)
def test_a_segment_is_safe_on_every_file_system_and_never_leads_elsewhere(name: str) -> None:
    segment = escape(name)
    assert set(segment) <= SAFE
    assert segment not in ("", ".", "..", "_")


@given(st.one_of(st.none(), names))
def test_partitions_come_back_also_where_there_is_none(partition: str | None) -> None:
    assert partition_name(partition_segment(partition)) == partition


@given(st.lists(names.filter(lambda n: n and "/" not in n), min_size=1, max_size=3))
def test_asset_names_come_back(parts: list[str]) -> None:
    assert asset_name(asset_path("/".join(parts))) == "/".join(parts)


@given(st.text(st.sampled_from("=2EAa_.%é"), max_size=6))
def test_unescape_accepts_only_what_escape_writes(segment: str) -> None:
    try:
        name = unescape(segment)
    except InvalidKey:
        return
    assert escape(name) == segment


@pytest.mark.parametrize("segment", ["=2e", "=41", "=FF", "a=", "%41", "é", ""])
def test_segments_that_stand_for_no_name_are_refused(segment: str) -> None:
    with pytest.raises(InvalidKey, match="was not written by a store"):
        unescape(segment)


def test_nothing_a_user_types_leaves_its_prefix() -> None:
    assert ref_folder("../../x", "a/../b", "/etc/passwd") == "refs/..=2F..=2Fx/a/=2E=2E/b/=2Fetc=2Fpasswd"


@pytest.mark.parametrize("name", ["x" * 201, "ü" * 70], ids=["long", "long once escaped"])
def test_a_name_too_long_for_a_file_system_is_refused(name: str) -> None:
    with pytest.raises(InvalidKey, match=r"takes \d+ bytes in a key; 200 are allowed. Shorten it"):
        escape(name)


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(InvalidKey, match=r"cannot be stored\. Rename it"):
        escape("\ud800")


@pytest.mark.parametrize("asset", ["", "a//b", "/a", "a/"])
def test_asset_names_with_empty_parts_are_refused(asset: str) -> None:
    with pytest.raises(InvalidKey, match="has an empty part"):
        asset_path(asset)


def test_a_version_is_written_short_for_people() -> None:
    key = VersionKey("flight_delays/model", "2013-06", "9c22ab12cd34" + "0" * 52)
    assert str(key) == "flight_delays/model@2013-06:9c22ab12cd34"
    assert str(VersionKey("a", None, key.version)) == "a:9c22ab12cd34"


def test_only_whole_versions_have_a_key() -> None:
    with pytest.raises(InvalidKey, match="a version is 64 hexadecimal digits"):
        version_key(VersionKey("a", None, "../../x"))
