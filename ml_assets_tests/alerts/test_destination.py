"""Sending to a server on this machine that takes, refuses, redirects, is gone or speaks another protocol."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ml_assets.alerts import destination
from ml_assets.alerts.alert import Alert
from ml_assets.alerts.destination import Webhook, sender
from ml_assets.alerts.outbox import NotSent
from ml_assets.errors import UsageError
from ml_assets_tests.doubles.webhook import SECRET, listening, nobody_listens

ALERT = Alert("a", "failure", "a failed", "Boom & <bang>.")


@pytest.fixture
def webhook():
    with listening() as webhook:
        yield webhook


def test_an_alert_is_posted_as_slack_takes_it(webhook):
    assert Webhook(webhook.address).send(ALERT) is None
    assert webhook.texts == ["*a failed*\nBoom &amp; &lt;bang&gt;."]


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (400, "refused it with 400: its address is wrong or was revoked. Set ML_ASSETS_ALERTS"),
        (404, "refused it with 404"),
        (408, "answered 408"),
        (429, "answered 429"),
        (500, "answered 500"),
        (503, "answered 503"),
    ],
)
def test_what_is_not_taken_is_said_without_the_address(webhook, status, why):
    webhook.status = status
    answer = Webhook(webhook.address).send(ALERT)
    assert isinstance(answer, NotSent)
    assert why in answer.why
    assert SECRET not in repr(answer)


@pytest.mark.parametrize(("retry_after", "after"), [("17", 17.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0), ("-5", 0.0)])
def test_a_webhook_may_ask_for_patience(webhook, retry_after, after):
    webhook.status, webhook.headers = 429, {"Retry-After": retry_after}
    assert Webhook(webhook.address).send(ALERT) == NotSent("the webhook answered 429", after)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_because_what_was_to_be_sent_would_get_lost(webhook, status):
    webhook.status, webhook.headers = status, {"Location": f"{webhook.address}/elsewhere"}
    answer = Webhook(webhook.address).send(ALERT)
    assert answer is not None
    assert f"{status}, a redirect, which is not followed. Set ML_ASSETS_ALERTS" in answer.why
    assert webhook.asked == 1


def test_a_webhook_that_is_gone_can_not_be_reached():
    answer = Webhook(nobody_listens()).send(ALERT)
    assert answer == NotSent("the webhook cannot be reached (Connection refused)")


def test_a_webhook_that_never_answers_is_left(webhook, monkeypatch):
    monkeypatch.setattr(destination, "TIMEOUT_SECONDS", 0.5)
    webhook.hangs = True
    answer = Webhook(webhook.address).send(ALERT)
    assert answer == NotSent("the webhook did not answer within 0.5 s")


def test_an_unknown_host_is_said_without_its_name():
    answer = Webhook(f"http://{SECRET}.invalid/").send(ALERT)
    assert answer is not None
    assert SECRET not in answer.why
    assert "cannot be reached" in answer.why


def test_a_secure_address_is_not_spoken_to_in_the_clear(webhook):
    answer = Webhook(webhook.address.replace("http:", "https:")).send(ALERT)
    assert answer is not None
    assert "no secure connection to the webhook" in answer.why
    assert webhook.asked == 0


@contextmanager
def saying(reply: bytes) -> Iterator[str]:
    """A server that is none of HTTP; its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with server.accept()[0] as connection:
                connection.recv(65536)
                connection.sendall(reply)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/{SECRET}"
        thread.join()


@pytest.mark.parametrize(
    "reply", [b"", b"220 mail ready\r\n", b"HTTP/1.1 abc\r\n\r\n"], ids=["nothing", "mail", "no status"]
)
def test_a_server_of_another_protocol_is_no_delivery(reply):
    with saying(reply) as address:
        answer = Webhook(address).send(ALERT)
    assert answer is not None
    assert "cannot be reached" in answer.why
    assert SECRET not in answer.why


def test_an_address_is_never_shown():
    assert repr(Webhook(f"https://hooks/{SECRET}")) == "Webhook()"


def test_nowhere_sends_nothing_and_the_log_takes_everything():
    assert sender("") is None
    assert sender("  \n") is None
    log = sender("log")
    assert log is not None
    assert log(ALERT) is None


def test_a_line_end_after_the_address_as_in_a_file_of_secrets_does_not_matter(webhook):
    send = sender(f"{webhook.address}\n")
    assert send is not None
    assert send(ALERT) is None


@pytest.mark.parametrize(
    ("where", "fault"),
    [
        (f"ftp://hooks/{SECRET}", "nor an http"),
        (f"file:///{SECRET}", "nor an http"),
        (f"https:///{SECRET}", "nor an http"),
        (f"hooks.slack.com/{SECRET}", "nor an http"),
        (f"https://hooks:{SECRET}/", "host or port"),
        (f"https://[{SECRET}/", "host or port"),
        (f"https://ada:{SECRET}@hooks/", "user name or password"),
        (f"https://hooks/ {SECRET}", "a space"),
        (f"https://hooks/é{SECRET}", "a character"),
    ],
)
def test_what_is_no_address_of_a_webhook_is_refused_without_repeating_it(where, fault):
    with pytest.raises(UsageError, match=fault) as refused:
        sender(where)
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None
    assert "ML_ASSETS_ALERTS" in str(refused.value)
