"""Where alerts go. The address of a webhook is a secret: who knows it can write there. It is in no message, log or repr."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ml_assets.alerts.address import fault_of
from ml_assets.alerts.alert import Alert, slack
from ml_assets.alerts.outbox import NotSent, Send
from ml_assets.errors import UsageError

TIMEOUT_SECONDS = 5
TRY_AGAIN = (408, 425, 429)  # besides 5xx: not now, perhaps later
SETTING = "ML_ASSETS_ALERTS"


def sender(where: str) -> Send | None:
    """What sends an alert where the setting says: empty for nowhere (None), ``log``, or the address of a webhook.

    Raises:
        UsageError: if it is neither; the message does not repeat it.
    """
    where = where.strip()
    if not where:
        return None
    if where == "log":
        return lambda alert: None  # whoever finds an alert logs it, in any case
    fault = _fault(where)
    if fault:
        raise UsageError(
            f"{SETTING} {fault}. It is not repeated here: it is a secret. "
            "Write the address that the chat gave you (https://…), 'log' for the log alone, or nothing for no alerts."
        )
    return Webhook(where).send


@dataclass(frozen=True)
class Webhook:
    """An address that takes ``{"text": …}``, as Slack's incoming webhooks do (Mattermost and Rocket.Chat too)."""

    address: str = field(repr=False)

    def send(self, alert: Alert) -> NotSent | None:
        """Post one alert; None if it was taken."""
        body = json.dumps({"text": slack(alert)}).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "ml_assets"}
        request = urllib.request.Request(self.address, body, headers, method="POST")  # noqa: S310  (_fault knows the schemes)
        try:
            with OPENER.open(request, timeout=TIMEOUT_SECONDS):
                return None
        except urllib.error.HTTPError as answer:
            with answer:
                return _answered(answer.code, answer.headers.get("Retry-After", ""))
        except urllib.error.URLError as unreachable:
            return NotSent(why_unreachable("the webhook", unreachable.reason))
        except (OSError, http.client.HTTPException) as unreachable:
            return NotSent(why_unreachable("the webhook", unreachable))


class _StayHere(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: urllib would repeat the request without what was to be sent, and perhaps to somebody else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


OPENER = urllib.request.build_opener(_StayHere)  # verifies certificates, and uses the proxy that the environment names


def _fault(address: str) -> str:
    """Why this is no address of a webhook; empty if it is one."""
    if fault := fault_of(address, "is neither empty, nor 'log', nor an http(s) address"):
        return fault
    return "has a user name or password in it, which is not supported" if "@" in urlsplit(address).netloc else ""


def _answered(status: int, retry_after: str) -> NotSent:
    wish = float(retry_after) if retry_after.isdecimal() else 0.0
    if status >= 500 or status in TRY_AGAIN:
        return NotSent(f"the webhook answered {status}", wish)
    if 300 <= status < 400:
        return NotSent(
            f"the webhook answered {status}, a redirect, which is not followed. Set {SETTING} to where it leads"
        )
    return NotSent(
        f"the webhook refused it with {status}: its address is wrong or was revoked. Set {SETTING} to a valid one"
    )


def why_unreachable(who: str, reason: Any, seconds: float | None = None) -> str:
    """What went wrong, in words that cannot hold any part of the address; ``seconds`` is how long we waited."""
    if isinstance(reason, TimeoutError):
        return f"{who} did not answer within {seconds or TIMEOUT_SECONDS} s"
    if isinstance(reason, ssl.SSLError):
        return f"there is no secure connection to {who} ({reason.reason or type(reason).__name__})"
    said = reason.strerror if isinstance(reason, OSError) else None
    return f"{who} cannot be reached ({said or type(reason).__name__})"
