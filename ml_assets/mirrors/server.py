"""JSON over HTTP. The address of a server may hold credentials: no part of it is in any message, log or repr."""

from __future__ import annotations

import base64
import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

from ml_assets.alerts.address import fault_of
from ml_assets.alerts.destination import OPENER, TRY_AGAIN, why_unreachable
from ml_assets.errors import MirrorRefused, MirrorUnreachable, UsageError

TIMEOUT_SECONDS = 10
LONGEST_ANSWER = 200  # letters of an answer that are repeated in a message


@dataclass(frozen=True)
class Server:
    """An address that takes and gives JSON.

    Attributes:
        name: how messages call it.
        setting: the variable that holds its address.
        url: without credentials, and without a slash at the end.
        headers: with them.
    """

    name: str
    setting: str
    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)

    @classmethod
    def at(cls, address: str, name: str, setting: str) -> Server:
        """The server at ``https://host``, ``https://user:password@host`` or, with a token, ``https://:token@host``.

        Raises:
            UsageError: if that is no address; the message does not repeat it.
        """
        fault = fault_of(address)
        if fault:
            raise UsageError(
                f"{setting} {fault}. It is not repeated here, for it may hold a password. Write it as https://host/path, or with "
                "credentials as https://user:password@host/path or https://:token@host/path, or write nothing for no mirror."
            )
        parts = urlsplit(address)
        host = parts.netloc.rpartition("@")[2]
        url = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), parts.query, ""))
        headers = {"Content-Type": "application/json", "User-Agent": "ml_assets"}
        return cls(name, setting, url, headers | _authorization(parts.username, parts.password))

    def post(self, path: str, body: Any) -> Any:
        """The answer to ``body``, sent as JSON. Errors as of ``get``."""
        return self._asked(urllib.request.Request(self.url + path, _json(body), self.headers, method="POST"))  # noqa: S310

    def get(self, path: str, **query: str | int) -> Any:
        """The answer to a question.

        Raises:
            MirrorUnreachable: if there is none now.
            MirrorRefused: if the server says no.
        """
        return self._asked(urllib.request.Request(f"{self.url}{path}?{urlencode(query)}", None, self.headers))  # noqa: S310

    def _asked(self, request: urllib.request.Request) -> Any:
        try:
            with OPENER.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return _read(answer.read())
        except urllib.error.HTTPError as answer:
            with answer:
                self._refused(answer.code, answer.read())
        except urllib.error.URLError as unreachable:
            raise self._unreachable(unreachable.reason) from None  # its text has the address
        except (OSError, http.client.HTTPException) as unreachable:
            raise self._unreachable(unreachable) from None

    def _unreachable(self, reason: Any) -> MirrorUnreachable:
        return MirrorUnreachable(
            f"{why_unreachable(self.name, reason, TIMEOUT_SECONDS)}. Nothing is lost: what it lacks is told when it answers."
        )

    def _refused(self, status: int, body: bytes) -> NoReturn:
        if status >= 500 or status in TRY_AGAIN:
            raise MirrorUnreachable(f"{self.name} answered {status}. Nothing is lost: what it lacks is told later.")
        answer = _read(body)
        code = str(answer.get("error_code", "")) if isinstance(answer, dict) else ""
        said = f": {code}, {str(answer.get('message', ''))[:LONGEST_ANSWER]}" if code else ""
        raise MirrorRefused(
            f"{self.name} refused what it was told, with {status}{said}. Nothing is lost. Look whether {self.setting} is the "
            "address of such a server, and whether its credentials may write there.",
            code,
            status,
        )


def _read(body: bytes) -> Any:
    """The JSON of an answer; None where it is none, as that of a server that only says that it took it."""
    try:
        return json.loads(body)
    except ValueError:
        return None


def _json(body: Any) -> bytes:
    return json.dumps(body, allow_nan=False).encode()


def _authorization(user: str | None, password: str | None) -> dict[str, str]:
    if user is None:
        return {}
    user, password = unquote(user), unquote(password or "")
    if not user:
        return {"Authorization": f"Bearer {password}"}
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}
