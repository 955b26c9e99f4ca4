from __future__ import annotations

import base64

import pytest

from ml_assets.pages.guard import HEADERS
from ml_assets.pages.server import LOOPBACK_NAMES
from ml_assets_tests.pages.conftest import site

TOKEN = "correct horse battery staple"


def basic(password: str, user: str = "anybody") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"])
def test_only_reading_is_answered(get, method):
    reply = get("/", method=method)

    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")


def test_head_is_answered_as_get_is(get):
    assert get("/", method="HEAD").headers == get("/").headers


@pytest.mark.parametrize("address", ["/", "/nowhere", "/version/0000", "/style.css", "/favicon.ico"])
def test_every_answer_tells_the_browser_to_run_and_embed_nothing(get, address):
    headers = get(address).headers

    assert {name: headers[name.lower()] for name in HEADERS} == HEADERS
    assert headers["content-security-policy"].startswith("default-src 'none'; img-src 'self'; style-src 'self';")


@pytest.mark.parametrize("host", ["localhost", "localhost:3001", "127.0.0.1:9", "[::1]:3001", "LocalHost:3001"])
def test_our_own_names_are_answered(shared, host):
    assert site(shared, hosts=LOOPBACK_NAMES)("/", host=host).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example:3001", "127.0.0.1.nip.io", "", "[::1", "a@b:c"]
)
def test_a_name_that_is_not_ours_is_refused_so_that_no_web_site_reads_through_it(shared, host):
    reply = site(shared, hosts=LOOPBACK_NAMES)("/problem/umbrellas", host=host)

    assert reply.status == 400
    assert "ML_ASSETS_PAGES" in reply.text and "Champion" not in reply.text


@pytest.mark.parametrize("shown", [f"Bearer {TOKEN}", f"bearer {TOKEN}", basic(TOKEN), basic(TOKEN, user="")])
def test_the_token_opens_as_bearer_and_as_password(shared, shown):
    assert site(shared, token=TOKEN)("/", authorization=shown).status == 200


@pytest.mark.parametrize(
    "shown",
    ["", "Bearer", "Bearer x", f"Bearer {TOKEN}x", basic("wrong"), "Basic !!!", "Basic /w==", f"Digest {TOKEN}", TOKEN],
)
def test_without_the_token_nothing_is_shown_and_a_browser_asks_for_it(shared, shown):
    reply = site(shared, token=TOKEN)("/", authorization=shown)

    assert (reply.status, reply.headers["www-authenticate"]) == (401, 'Basic realm="ml-assets", charset="UTF-8"')
    assert "umbrellas" not in reply.text and TOKEN not in reply.text


def test_the_token_counts_in_no_address(shared):
    assert site(shared, token=TOKEN)("/?token=correct%20horse%20battery%20staple").status == 401
