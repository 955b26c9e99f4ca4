"""How S3 is reached, as boto says it: profiles, SSO, roles, containers, machines, and the endpoint of ``~/.aws/config``.

    a session, client or ``S3Resource`` that was given ──▶ exactly that one's endpoint, region and credentials
    variables that say all by themselves               ──▶ obstore reads them; boto, which takes a second, is not loaded
    anything else                                      ──▶ boto's whole chain, once for each process and environment

obstore asks for credentials again when those it has expire within five minutes. Boto renews what expires a quarter of an hour
before, when it is asked; so it is asked every minute, and what is sent never has less than some minutes left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ml_assets.errors import UsageError
from ml_assets.settings import aws_variables, do_variables_reach_s3

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config, S3Credential

ASKED_AGAIN = timedelta(minutes=1)
RENEWED_BY_OBSTORE = timedelta(minutes=5)  # before they expire, as obstore is told
NO_REGION = ("aws-global", None)
FIRST_REGION = "us-east-1"


@dataclass(frozen=True)
class S3Access:
    """Where S3 is, and who asks.

    Attributes:
        is_virtual: whether the bucket is a part of the host's name.
        credentials: of botocore, which renews them; None: requests are not signed.
        verify: False: certificates are not verified; a path: of those that are trusted, besides the system's.
    """

    endpoint: str
    region: str
    is_virtual: bool = False
    credentials: Any = field(default=None, repr=False)
    verify: bool | str | None = None

    def config(self, bucket: str) -> S3Config:
        """For obstore. The endpoint goes by the name that no variable of the environment is stronger than."""
        address = urlsplit(self.endpoint)
        endpoint = f"{address.scheme}://{bucket}.{address.netloc}" if self.is_virtual else self.endpoint
        return {
            "aws_endpoint_url_s3": endpoint,
            "region": self.region,
            "virtual_hosted_style_request": self.is_virtual,
            "skip_signature": self.credentials is None,
        }

    @property
    def client_options(self) -> ClientConfig:
        """For obstore."""
        if self.verify is False:
            return {"allow_invalid_certificates": True}
        return {"root_certificate": Path(self.verify).read_bytes()} if isinstance(self.verify, str) else {}

    @property
    def provider(self) -> Callable[[], S3Credential] | None:
        """For obstore."""
        return None if self.credentials is None else self._credential

    def _credential(self) -> S3Credential:
        """Those of now. Boto renews them here if it is time, and its error says why it cannot."""
        frozen = self.credentials.get_frozen_credentials()
        may_expire = hasattr(self.credentials, "refresh_needed")
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": datetime.now(UTC) + RENEWED_BY_OBSTORE + ASKED_AGAIN if may_expire else None,
        }


def access_by(given: Any) -> S3Access:
    """The access that a boto3 or botocore session, an S3 client or a dagster-aws ``S3Resource`` has.

    Raises:
        UsageError: if it is none of them, or has no credentials.
    """
    resource = given.process_config_and_initialize() if hasattr(given, "process_config_and_initialize") else given
    if hasattr(resource, "get_client"):
        return _of_client(resource.get_client(), getattr(resource, "verify", None))
    for makes in ("create_client", "client"):
        if hasattr(given, makes):
            return _of_client(getattr(given, makes)("s3"))
    if hasattr(given, "meta"):
        return _of_client(given)
    raise UsageError(
        f"S3 cannot be reached by a {type(given).__name__}. Give a boto3 session, an S3 client or dagster-aws's S3Resource."
    )


def access_of_environment() -> S3Access | None:
    """What boto finds; None where obstore finds the same by itself, or boto finds nobody.

    Raises:
        UsageError: if a profile is named that does not exist, or that nobody here can read.
    """
    return None if do_variables_reach_s3() else _found_by_boto(aws_variables())


@lru_cache(maxsize=8)
def _found_by_boto(variables: tuple[tuple[str, str], ...]) -> S3Access | None:
    named: Mapping[str, str] = dict(variables)
    try:
        import botocore.session
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        if "AWS_PROFILE" not in named:
            return None
        raise UsageError(
            f"AWS_PROFILE is {named['AWS_PROFILE']}, and boto3, which reads profiles, is not installed. "
            "Install ml_assets[deploy], or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        ) from error
    session = botocore.session.get_session()
    try:
        if session.get_credentials() is None:
            return None
        client = session.create_client("s3", region_name=named.get("AWS_REGION"))
        return _of_client(client, session.get_config_variable("ca_bundle"))
    except (BotoCoreError, ValueError) as error:
        raise UsageError(
            f"The configuration of AWS cannot be used: {error}. Mend AWS_PROFILE, or the files that it is in."
        ) from error


def _of_client(client: Any, verify: bool | str | None = None) -> S3Access:
    credentials = None if _is_anonymous(client) else client._get_credentials()  # as boto3 itself asks
    if credentials is None and not _is_anonymous(client):
        raise UsageError("The session or resource that S3 is to be reached by has no credentials. Give it some.")
    region, style = client.meta.region_name, (client.meta.config.s3 or {}).get("addressing_style")
    return S3Access(
        client.meta.endpoint_url,
        FIRST_REGION if region in NO_REGION else region,
        style == "virtual",
        credentials,
        verify,
    )


def _is_anonymous(client: Any) -> bool:
    """Whether it does not sign, by its configuration or, as dagster-aws's does, by a handler."""
    from botocore import UNSIGNED

    meta = client.meta
    _, said = meta.events.emit_until_response(
        "choose-signer.s3.GetObject",
        signing_name="s3",
        region_name=meta.region_name,
        signature_version=meta.config.signature_version,
        context={},
    )
    return UNSIGNED in (said, meta.config.signature_version)
