"""An object store is asked as little as `benchmarks.requests` says; counted at the backend, without a server."""

from __future__ import annotations

import pytest

from benchmarks.requests import MONTHS, count
from ml_assets.store import glance
from ml_assets_tests.doubles import bucket

pytestmark = pytest.mark.slow  # two chains


def test_a_chain_a_plan_and_a_history_ask_an_object_store_as_little_as_we_say(monkeypatch):
    for counted in (
        glance,
        bucket,
    ):  # this project's sources alone are a thousand blobs: more of them are asked one by one
        monkeypatch.setattr(counted, "PAGE", 10_000)
    found = {each.what: each.requests for each in count(MONTHS[:2], measured=MONTHS[1])}
    claimed = {"chain of 10": 141, "nothing changed": 7, "plan of 20": 7, "history of 2": 3, "champion --log": 2}
    assert found.keys() == claimed.keys()
    assert {what: requests for what, requests in found.items() if requests > claimed[what]} == {}
