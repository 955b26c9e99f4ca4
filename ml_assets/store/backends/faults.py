"""What an error of obstore means: whether it may pass, in a sentence, and what to do about it.

obstore has few kinds of errors and puts the rest into their text: the server's status and code, the kind of a broken
connection. This is the only place that reads that text. What nobody knows is taken to pass: asking again for some minutes
costs less than a training.
"""

from __future__ import annotations

import re
from typing import NamedTuple

REFUSALS = {
    "NoSuchBucket": ("the bucket does not exist", "Make it, or mend the address."),
    "ContainerNotFound": ("the container does not exist", "Make it, or mend the address."),
    "InvalidBucketName": ("no bucket can have this name", "Mend the address."),
    "AccessDenied": ("access is denied", "Let these credentials do that, or use others; deploy/ has a policy."),
    "InvalidAccessKeyId": ("the access key is not known there", "Mend AWS_ACCESS_KEY_ID, or the endpoint."),
    "SignatureDoesNotMatch": ("the secret key is wrong", "Mend AWS_SECRET_ACCESS_KEY."),
    "AuthenticationFailed": ("the credentials are wrong", "Mend them."),
    "InvalidToken": ("the session token is not valid", "Mend AWS_SESSION_TOKEN, or get new credentials."),
    "ExpiredToken": ("the credentials have expired", "Get new ones and start again."),
    "RequestTimeTooSkewed": ("the clock of this machine is wrong", "Set it: servers allow 15 minutes."),
    "AuthorizationHeaderMalformed": ("the bucket is in another region", "Set AWS_REGION to it."),
    "PermanentRedirect": ("the bucket is in another region", "Set AWS_REGION to it."),
}
"""Codes of S3, GCS and Azure -> what they mean, and what to do."""

BY_STATUS = {401: "AuthenticationFailed", 403: "AccessDenied"}
PASSING_STATUS = frozenset((408, 409, 425, 429))
CONFLICTS = frozenset(("ConditionalRequestConflict", "OperationAborted"))  # two writers were in each other's way
PASSING_CODES = frozenset(("RequestTimeout", "SlowDown", *CONFLICTS))
ABSENT_PLACES = frozenset(("NoSuchBucket", "ContainerNotFound"))
CONNECTION = {
    "ConnectionRefused": "it refuses connections",
    "ConnectionReset": "the connection broke",
    "IncompleteMessage": "the connection broke",
    "dns error": "its name is not known",
    "TimedOut": "no reply came in time",
    "Timeout": "no reply came in time",
    "Decode": "the reply was cut short",
    "body error": "the reply was cut short",
}
"""What stands in the text of an error -> what happened."""

CREDENTIALS = {
    "Generic GCS": "Set GOOGLE_APPLICATION_CREDENTIALS.",
    "Generic MicrosoftAzure": "Set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or what its identity needs.",
    "": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.",
}
"""Which cloud an error is of -> how one says who one is there."""

_BOTO = "External AWS credential provider: "  # as obstore begins what a provider raised
PASSING_OF_BOTO = re.compile(r"(Endpoint|Connect|ReadTimeout|HTTPClient|Connection|ProxyConnection|Metadata)\w*Error")

SHORT = 160


class Unbelievable(Exception):  # as all of ours, named for the case
    """A server's reply contradicts what it says otherwise; it may be right the next time."""


class Meaning(NamedTuple):
    """What an error means.

    Attributes:
        passes: whether the same request may succeed later.
        what: happened, to stand after a colon.
        remedy: what to do; empty where waiting is all.
    """

    passes: bool
    what: str
    remedy: str = ""


def meaning(error: Exception) -> Meaning:
    """What an error that obstore raised means."""
    text = str(error)
    if isinstance(error, Unbelievable):
        return Meaning(True, text)
    if (unknown := _of_credentials(text)) is not None:
        return unknown
    if "redirect without LOCATION" in text:
        return _refusal("PermanentRedirect", "")
    status, code = _found(r"status code: (\d{3})", text), _code(text)
    is_refused = (
        int(status) < 500 and int(status) not in PASSING_STATUS if status else code in REFUSALS
    )  # of a bulk delete
    if is_refused and code not in PASSING_CODES:
        return _refusal(code or BY_STATUS.get(int(status), ""), f"{status} {code}".strip())
    if status:
        return Meaning(True, f"the server says {f'{status} {code}'.strip()}")
    happened = next((sentence for sign, sentence in CONNECTION.items() if sign in text), "")
    return Meaning(True, happened or _short(text))


def _of_credentials(text: str) -> Meaning | None:
    """That there are none: nobody said any, or boto cannot get them, from a network that may come back or without a login."""
    if _BOTO in text:
        kind, _, said = text.partition(_BOTO)[2].partition("\n")[0].partition(": ")
        remedy = "" if PASSING_OF_BOTO.fullmatch(kind) else "Log in again, or mend what AWS_PROFILE names."
        return Meaning(not remedy, f"boto has no credentials ({kind}: {_short(said)})", remedy)
    if "169.254.169.254" in text:
        remedy = next(said for sign, said in CREDENTIALS.items() if sign in text)
        return Meaning(True, "no credentials were found", remedy)
    return None


def may_pass(error: Exception) -> bool:
    """Whether the same request may succeed later: an error of obstore or the network that is no refusal."""
    from obstore.exceptions import BaseError, InvalidPathError

    is_network = isinstance(error, (BaseError, OSError, Unbelievable)) and not isinstance(error, InvalidPathError)
    return is_network and meaning(error).passes


def is_conflict(error: Exception) -> bool:
    """Whether writers were in each other's way, and perhaps none has written."""
    return _code(str(error)) in CONFLICTS


def is_absent(error: FileNotFoundError) -> bool:
    """Whether it is the key that does not exist, and not the bucket."""
    return _code(str(error)) not in ABSENT_PLACES


def is_beyond(error: Exception) -> bool:
    """Whether the object ends before the bytes that were asked for begin."""
    return any(sign in str(error) for sign in ("StartTooLarge", "InvalidRange", "status code: 416"))


def _code(text: str) -> str:
    return _found(r"<Code>(\w+)</Code>", text) or _found(r"\bcode: (\w+)\)", text)


def _refusal(code: str, said: str) -> Meaning:
    what, remedy = REFUSALS.get(code, ("the server refuses it", "Check the address and the credentials."))
    return Meaning(False, f"{what} ({said})" if said else what, remedy)


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match[1] if match else ""


def _short(text: str) -> str:
    """The first line, without markup."""
    return re.sub(r"<[^>]*>", " ", text.partition("\n")[0])[:SHORT].strip().rstrip(".")
