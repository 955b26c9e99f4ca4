"""S3's event notifications through SQS: a queue says which files landed, so that nobody has to list.

Each message is deleted only after what it says was kept elsewhere (see ``Watch.receipts``): after a crash it comes again.
Nothing depends on the queue: what it does not tell, a full look finds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from ml_assets.errors import StoreUnreachable, UsageError

AT_ONCE = 10  # messages per request; SQS's limit
REQUESTS = 10  # per tick
NOBODYS = 20  # a message for another prefix that was passed on so often belongs to nobody
SHOWN = 200


@dataclass(frozen=True)
class Told:
    """What a queue told.

    Attributes:
        names: of files below the prefix that was asked for, relative to it.
        receipts: of the messages; ``Queue.done`` deletes them, once it is kept what they say.
        faults: of messages that nobody understands, as sentences; their receipts are among ``receipts``.
    """

    names: tuple[str, ...] = ()
    receipts: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Queue:
    """An SQS queue that a bucket tells of new objects.

    Attributes:
        url: address of the queue.
        landing: address of the landing folder, ``s3://bucket/prefix``.
    """

    url: str
    landing: str

    def receive(self, prefix: str) -> Told:
        """What landed below ``prefix``. Messages about the rest of the landing folder are left for who asks for it.

        Raises:
            UsageError: if boto3 is not installed, or the landing folder is not in S3.
            StoreUnreachable: if the queue does not answer.
        """
        place = self._place(prefix)
        names: dict[str, None] = {}
        receipts, faults, others = [], [], []
        for message in self._messages():
            told = _read(message["Body"])
            if told is None:
                faults.append(f"A message in {self.url} is no S3 event and is deleted: {message['Body'][:SHOWN]!r}")
            elif self._is_for_another(told, place, message):
                others.append(message["ReceiptHandle"])
                continue
            else:
                names |= {key.removeprefix(place[1]): None for bucket, key in told if _is_in(place, bucket, key)}
            receipts.append(message["ReceiptHandle"])
        for receipt in others:  # not before: this would receive them again
            self._ask("change_message_visibility", ReceiptHandle=receipt, VisibilityTimeout=0)
        return Told(tuple(names), tuple(receipts), tuple(faults))

    def done(self, receipts: Sequence[str]) -> None:
        """Delete messages. One that was deleted before, or given to another since, is left alone.

        Raises:
            UsageError, StoreUnreachable: see ``receive``.
        """
        for start in range(0, len(receipts), AT_ONCE):
            some = receipts[start : start + AT_ONCE]
            entries = [{"Id": str(i), "ReceiptHandle": receipt} for i, receipt in enumerate(some)]
            self._ask("delete_message_batch", Entries=entries)

    def _messages(self) -> Iterator[Mapping[str, Any]]:
        for _ in range(REQUESTS):
            wanted = {"MaxNumberOfMessages": AT_ONCE, "AttributeNames": ["ApproximateReceiveCount"]}
            messages = self._ask("receive_message", **wanted).get("Messages", [])
            yield from messages
            if not messages:
                return

    def _is_for_another(self, told: list[tuple[str, str]], place: tuple[str, str], message: Mapping[str, Any]) -> bool:
        """Whether a message is about another part of the landing folder only, and somebody may still ask for it."""
        if int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1)) > NOBODYS:
            return False
        landing = self._place("")
        return any(_is_in(landing, *file) for file in told) and not any(_is_in(place, *file) for file in told)

    def _place(self, prefix: str) -> tuple[str, str]:
        """The bucket, and what the keys of files below a prefix of the landing folder begin with."""
        address = urlsplit(self.landing)
        if address.scheme not in ("s3", "s3a"):
            raise UsageError(
                f"The queue {self.url} tells of files in S3, but files land in {self.landing}: nothing would ever be found in "
                "it. Unset ML_ASSETS_LANDING_QUEUE, or let ML_ASSETS_LANDING be an s3:// address."
            )
        folder = f"{address.path.strip('/')}/{prefix}".strip("/")
        return address.netloc, f"{folder}/" if folder else ""

    def _ask(self, request: str, **fields: Any) -> dict[str, Any]:
        try:
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError as error:
            raise _no_boto3(self.url) from error
        try:
            reply: dict[str, Any] = getattr(self._client, request)(QueueUrl=self.url, **fields)
        except (BotoCoreError, ClientError) as error:
            raise StoreUnreachable(
                f"The queue {self.url} does not answer: {error}. Nothing was lost. "
                "Check its address, the credentials and the network; or unset ML_ASSETS_LANDING_QUEUE to list instead."
            ) from error
        return reply

    @cached_property
    def _client(self) -> Any:
        try:
            import boto3
        except ImportError as error:
            raise _no_boto3(self.url) from error
        return boto3.client("sqs")


def _no_boto3(url: str) -> UsageError:
    return UsageError(
        f"Reading the queue {url} needs boto3, which is not installed. Install ml_assets[deploy], "
        "or unset ML_ASSETS_LANDING_QUEUE to list the landing folder instead."
    )


def _is_in(place: tuple[str, str], bucket: str, key: str) -> bool:
    return bucket == place[0] and key.startswith(place[1]) and key != place[1]


def _read(body: str) -> list[tuple[str, str]] | None:
    """Bucket and key of each created object in a message; None if it is no S3 event. SNS wraps it once more."""
    try:
        event = json.loads(body)
        if "Records" not in event and "Message" in event:
            event = json.loads(event["Message"])
        if event.get("Event") == "s3:TestEvent":
            return []
        return [_created(record) for record in event["Records"] if record["eventName"].startswith("ObjectCreated:")]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _created(record: Any) -> tuple[str, str]:
    return str(record["s3"]["bucket"]["name"]), unquote_plus(record["s3"]["object"]["key"])
