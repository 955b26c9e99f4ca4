from __future__ import annotations

import dataclasses
from dataclasses import replace

import pytest

from ml_assets.alerts.alert import MESSAGE_LIMIT, TEXT_LIMIT, Alert, plain, shorten, slack, together

REFUSED = Alert(
    "umbrellas/dataset [2024-01]",
    "failure",
    "umbrellas/dataset [2024-01] was refused",
    "volume: 10 rows landed. Inspect it: ml-assets show 3f9a01bc77d2",
)


def decision(month: int) -> Alert:
    subject = f"umbrellas/champion [2024-{month:02}]"
    return Alert(subject, "decision", f"umbrellas/model [2024-{month:02}] was not promoted", "AUROC: no gain.", "look")


@pytest.mark.parametrize(
    "text",
    [
        "volume: 10 rows landed. Inspect it: ml-assets show 77b002aa91ce",
        "volume: 10 rows landed. Inspect it: ml-assets show 1234567890ab",
    ],
)
def test_the_same_finding_in_another_version_is_the_same(text):
    assert replace(REFUSED, text=text).finding == REFUSED.finding


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("object at 0x7f12aa", "object at 0x7f99bb"),
        ("run 0b1d8a3e-1111-4222-8333-444455556666 died", "run 0b1d8a3e-1111-4222-8333-99990000ffff died"),
        ("ml-assets show 9c22ab0f1d3e", "ml-assets show 710367910916"),
    ],
    ids=["addresses", "runs", "versions, one of them of decimal digits"],
)
def test_what_differs_in_every_process_makes_no_other_finding(one, other):
    assert replace(REFUSED, text=one).finding == replace(REFUSED, text=other).finding


@pytest.mark.parametrize(
    "other",
    [
        replace(REFUSED, text=REFUSED.text.replace("10 rows", "12 rows")),
        replace(REFUSED, text=REFUSED.text.replace("10 rows", "20240131 rows")),
        replace(REFUSED, title="umbrellas/dataset [2024-01] failed"),
        replace(REFUSED, kind="decision"),
    ],
    ids=["another number", "a long number", "another title", "another kind"],
)
def test_another_finding_is_another(other):
    assert other.finding != REFUSED.finding


def test_a_message_says_what_why_what_next_and_where():
    alert = Alert("a", "failure", "a failed", "Boom.", "ml-assets run a", "http://dagster/runs/1")
    assert slack(alert) == "*a failed*\nBoom.\nNext: ml-assets run a\n<http://dagster/runs/1>"
    assert plain(alert) == "a failed. Boom.\nNext: ml-assets run a\nhttp://dagster/runs/1"


def test_nothing_that_was_quoted_becomes_a_link_or_calls_people():
    message = slack(replace(REFUSED, text="<!channel> x < 3 & y > 2"))
    assert message.endswith("&lt;!channel&gt; x &lt; 3 &amp; y &gt; 2")


@pytest.mark.parametrize("text", ["x" * 10_000, "<&>" * 10_000], ids=["plain", "much to escape"])
def test_a_long_message_keeps_its_beginning_its_end_and_its_command(text):
    message = slack(replace(REFUSED, text=f"Begins. {text} Ends.", command="ml-assets run a"))
    assert len(message) <= MESSAGE_LIMIT
    assert "\nBegins." in message
    assert message.endswith("Ends.\nNext: ml-assets run a")
    assert not message.replace("&lt;", "").replace("&gt;", "").replace("&amp;", "").count("&"), "no entity is cut"


def test_of_a_text_of_a_megabyte_its_beginning_and_its_end_are_kept():
    alert = replace(REFUSED, text=f"Begins. {'x' * 1_000_000} Ends.")
    assert len(alert.text) == TEXT_LIMIT
    assert (alert.text[:7], alert.text[-5:]) == ("Begins.", "Ends.")
    assert replace(alert).text == alert.text


def test_what_is_short_stays_as_it_is():
    assert shorten("short", 5) == "short"
    assert shorten("0123456789abcdef", 12) == "01234 … cdef"


def test_a_few_decisions_are_told_one_by_one():
    alerts = [decision(1), REFUSED, decision(2), decision(3)]
    assert together(alerts) == alerts


def test_many_proposals_at_once_are_a_message_of_their_own_with_the_command_of_the_last():
    proposals = [dataclasses.replace(decision(n), kind="proposal", command=f"approve {n}") for n in range(1, 5)]
    refused, *groups = together([*proposals, REFUSED, *map(decision, range(5, 9))])
    assert refused == REFUSED
    assert [group.title for group in groups] == ["4 models were not promoted", "4 models were proposed"]
    assert groups[1].command == "approve 4"


def test_many_decisions_at_once_are_one_message_and_the_rest_keeps_its_order():
    alerts = [*(decision(month) for month in range(1, 13)), REFUSED]
    refused, group = together(alerts)
    assert refused == REFUSED
    message = slack(group)
    assert group.title == "12 models were not promoted"
    assert all(f"umbrellas/model [2024-{month:02}] was not promoted. AUROC" in message for month in range(1, 13))
    assert len(message) < MESSAGE_LIMIT
