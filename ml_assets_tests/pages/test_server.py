from __future__ import annotations

import re
import socket

import pytest

from ml_assets.errors import Refused, UsageError
from ml_assets.pages.server import LOOPBACK_NAMES, is_loopback, listen

TOKEN = "correct horse battery staple"


def hosts(host: str, *, token: str = "", pages: str = "") -> frozenset[str]:
    at = listen(host, 0, token=token, pages=pages)
    at.socket.close()
    return at.hosts


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.0.0.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("192.168.1.2", False), ("localhost.evil.example", False), ("", False)],
)  # fmt: skip
def test_what_only_this_machine_can_reach(host, expected):
    assert is_loopback(host) is expected


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
@pytest.mark.parametrize(("token", "state"), [("", "is not set"), ("short", "is too short")])
def test_other_machines_are_not_let_in_without_a_token_and_the_refusal_says_how_to_make_one(host, token, state):
    with pytest.raises(UsageError, match=state) as refused:
        listen(host, 0, token=token, pages="")

    assert "export ML_ASSETS_PAGES_TOKEN=" in str(refused.value) and "secrets.token_urlsafe" in str(refused.value)
    assert "short" not in str(refused.value).replace("too short", "")


def test_a_token_that_can_be_guessed_is_refused_on_the_loopback_address_too():
    with pytest.raises(UsageError, match="too short"):
        listen("127.0.0.1", 0, token="short", pages="")


def test_on_the_loopback_address_only_known_names_are_answered():
    assert hosts("127.0.0.1", pages="https://models.example:8443/x") == LOOPBACK_NAMES | {"models.example"}
    assert hosts("127.0.0.9") == LOOPBACK_NAMES | {"127.0.0.9"}


def test_elsewhere_any_name_is_answered_to_who_has_the_token():
    assert hosts("0.0.0.0", token=TOKEN) == frozenset()


def test_a_taken_port_is_refused_with_another_one():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Refused) as refused:
            listen("127.0.0.1", port, token="", pages="")

    assert re.fullmatch(
        rf"Port {port} of 127\.0\.0\.1 cannot be taken: Address already in use\. If the pages are open already, look at "
        rf"http://127\.0\.0\.1:{port}; else choose another port: ml-assets view --port {port + 1}",
        str(refused.value),
    )


def test_an_address_that_is_none_of_this_machine_is_refused():
    with pytest.raises((UsageError, Refused), match=r"203\.0\.113\.1|cannot be taken"):
        listen("203.0.113.1", 0, token=TOKEN, pages="")


def test_its_address_is_one_that_a_browser_takes():
    at = listen("127.0.0.1", 0, token="", pages="")
    with at.socket:
        assert at.url == f"http://127.0.0.1:{at.socket.getsockname()[1]}"
