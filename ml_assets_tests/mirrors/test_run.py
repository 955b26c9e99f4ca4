from __future__ import annotations

import re

from ml_assets.mirrors.run import alias_of, source_of, told_by
from ml_assets.store import VersionKey

ONE, TWO, THREE = (VersionKey("odd name/model", "2013-05|EWR", digit * 64) for digit in "123")


def test_the_champion_of_main_is_called_so_and_each_line_as_it_is():
    assert [alias_of("main", None), alias_of("main", "EWR")] == ["champion", "champion-EWR"]


def test_no_two_champions_have_the_same_alias_and_all_have_letters_that_are_allowed():
    lines = [None, "EWR", "south/east", "south_east", "south east", "x" * 300, "x" * 301]
    aliases = {alias_of(branch, line) for branch in ("main", "EWR", "ada/trial", "ada_trial", "ada") for line in lines}
    assert len(aliases) == 5 * len(lines)
    assert all(re.fullmatch(r"champion[\w\-]{0,240}", alias, re.ASCII) for alias in aliases)


def test_the_source_of_a_version_names_it_in_characters_that_an_address_has():
    assert source_of(ONE) == f"ml-assets:/odd%20name/model@2013-05%7CEWR:{'1' * 64}"


def test_what_there_is_to_tell_changes_with_each_evaluation_whatever_their_order():
    assert told_by(ONE, [TWO, THREE]) == told_by(ONE, [THREE, TWO])
    assert len({told_by(ONE, []), told_by(TWO, []), told_by(ONE, [TWO]), told_by(ONE, [TWO, THREE])}) == 4
