from __future__ import annotations

import pytest

from ml_assets.lineage.markdown import code, escaped, table
from ml_assets.pages.card import Code, Heading, Paragraph, Table, blocks, runs


def test_a_card_is_taken_apart_in_order():
    card = "# Title\n\nSome `code`.\n\n## Part\n\n| a | b |\n| --- | --- |\n| 1 | `x` |\n\n```sh\n# no heading\n\nls\n```\n"

    assert blocks(card) == [
        Paragraph([(False, "Some "), (True, "code"), (False, ".")]),
        Heading(2, [(False, "Part")]),
        Table([[(False, "a")], [(False, "b")]], [[[(False, "1")], [(True, "x")]]]),
        Code("# no heading\n\nls\n"),
    ]


def test_a_table_may_have_an_empty_head():
    assert blocks("|  |  |\n| --- | --- |\n| a | b |") == [Table([], [[[(False, "a")], [(False, "b")]]])]


@pytest.mark.parametrize(
    "text", ["a|b", "a`b`c", "a_b*c", "<script>", "back\\slash", "[x](javascript:y)", "# x", "| x |", "-:-"]
)
def test_what_a_card_escapes_is_read_back(text):
    assert runs(escaped(text)) == [(False, text)]
    assert blocks(table(["head"], [[escaped(text)]]))[0].rows == [[[(False, text)]]]


def test_code_stays_code():
    assert runs(code("l2_reg <b>")) == [(True, "l2_reg <b>")]
