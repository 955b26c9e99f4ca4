"""S3's events through a real (moto) SQS: what is read, what is left, what is deleted and when."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ml_assets.errors import StoreUnreachable, UsageError
from ml_assets.store import Queue, Store, open_landing, watch
from ml_assets.store.landing.watch import Watch

LANDING = "s3://in/drop zone"
BILLS = ("bills/{partition}.parquet",)


class Sqs:
    """A queue to send to, and to look into."""

    def __init__(self, client: Any, url: str) -> None:
        self.client = client
        self.url = url

    def send(self, *bodies: object) -> None:
        for body in bodies:
            text = body if isinstance(body, str) else json.dumps(body)
            self.client.send_message(QueueUrl=self.url, MessageBody=text)

    @property
    def left(self) -> int:
        """Messages that were not deleted, those under way included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)


@pytest.fixture
def sqs(moto: dict[str, str], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Sqs]:
    import boto3

    for name, value in {**moto, "AWS_DEFAULT_REGION": moto["AWS_REGION"]}.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("sqs")
    url = client.create_queue(QueueName=f"landing-{abs(hash(request.node.name))}")["QueueUrl"]
    yield Sqs(client, url)
    client.delete_queue(QueueUrl=url)
    client.close()


def event(*keys: str, name: str = "ObjectCreated:Put", bucket: str = "in") -> dict[str, Any]:
    """As S3 sends it: keys are URL-encoded, a space is a plus."""
    record = {"eventName": name, "s3": {"bucket": {"name": bucket}}}
    return {"Records": [{**record, "s3": {**record["s3"], "object": {"key": key, "size": 1}}} for key in keys]}


def test_the_names_below_the_prefix_are_told_unquoted_and_once(sqs: Sqs) -> None:
    sqs.send(
        event("drop+zone/p/bills/2013-06.parquet", "drop+zone/p/bills/%C3%BC+%2B.parquet"),
        {"Type": "Notification", "Message": json.dumps(event("drop+zone/p/bills/2013-06.parquet"))},
        event("drop+zone/p/a%252Fb", name="ObjectCreated:CompleteMultipartUpload"),
    )
    told = Queue(sqs.url, LANDING).receive("p")
    assert set(told.names) == {"bills/2013-06.parquet", "bills/ü +.parquet", "a%2Fb"}
    assert (len(told.names), len(told.receipts), told.faults) == (3, 3, ())


IGNORED = {
    "a test": {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "in"},
    "a deletion": event("drop+zone/p/x", name="ObjectRemoved:Delete"),
    "another bucket": event("drop+zone/p/x", bucket="out"),
    "outside of the landing folder": event("elsewhere/p/x", "drop+zone2/p/x"),
    "nothing": {"Records": []},
}


@pytest.mark.parametrize("body", IGNORED.values(), ids=IGNORED)
def test_what_is_none_of_ours_is_taken_from_the_queue_in_silence(sqs: Sqs, body: dict[str, Any]) -> None:
    sqs.send(body)
    queue = Queue(sqs.url, LANDING)
    told = queue.receive("p")
    assert (told.names, told.faults) == ((), ())
    queue.done(told.receipts)
    assert sqs.left == 0


MALFORMED = [
    "no JSON\nat all",
    "[]",
    "7",
    "null",
    '{"Records": 3}',
    '{"Records": [{"eventName": "ObjectCreated:Put"}]}',
]


@pytest.mark.parametrize("body", MALFORMED)
def test_what_nobody_understands_is_told_of_and_does_not_come_again(sqs: Sqs, body: str) -> None:
    sqs.send(body)
    queue = Queue(sqs.url, LANDING)
    told = queue.receive("p")
    assert told.names == ()
    assert told.faults == (f"A message in {sqs.url} is no S3 event and is deleted: {body!r}",)
    queue.done(told.receipts)
    assert sqs.left == 0


def test_messages_for_another_problem_are_left_for_it(sqs: Sqs) -> None:
    sqs.send(*(event(f"drop+zone/{prefix}/x{number}") for number in range(12) for prefix in ("p", "q")))
    queue = Queue(sqs.url, LANDING)
    for prefix in ("p", "q"):
        told = queue.receive(prefix)
        assert set(told.names) == {f"x{number}" for number in range(12)}
        queue.done(told.receipts)
    assert sqs.left == 0


def test_messages_that_nobody_asks_for_do_not_go_round_for_ever(sqs: Sqs) -> None:
    sqs.send(event("drop+zone/nobody/x"))
    queue = Queue(sqs.url, LANDING)
    for _ in range(25):
        queue.done(queue.receive("p").receipts)
    assert sqs.left == 0


def test_a_queue_that_is_not_there_says_what_to_do(sqs: Sqs) -> None:
    with pytest.raises(StoreUnreachable, match=r"The queue .*/none does not answer: .*unset ML_ASSETS_LANDING_QUEUE"):
        Queue(f"{sqs.url}/none", LANDING).receive("p")


def test_a_queue_for_a_folder_that_is_not_in_s3_is_refused_before_anything_is_taken_from_it() -> None:
    with pytest.raises(UsageError, match=r"but files land in /data: .*Unset ML_ASSETS_LANDING_QUEUE"):
        Queue("http://127.0.0.1:9/q", "/data").receive("p")


def test_without_boto3_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.exceptions", None)
    with pytest.raises(UsageError, match=r"needs boto3, which is not installed\. Install ml_assets\[deploy\]"):
        Queue("http://127.0.0.1:9/q", LANDING).receive("p")


# ---------------------------------------------------------------- a watch with a queue


def test_a_watch_finds_what_a_queue_tells_and_deletes_it_when_it_was_kept(
    sqs: Sqs, tmp_path: Path, store: Store
) -> None:
    landing = open_landing(str(tmp_path))
    queue = Queue(sqs.url, LANDING)
    now = datetime.now(UTC) + timedelta(hours=1)
    for number in range(100):
        landing.backend.replace(f"p/bills/{number:03d}.parquet", b"x")
    kept = watch.look(landing, "p", BILLS, Watch(), store=store, now=now, queue=queue).watch

    landing.backend.replace("p/bills/000.parquet", b"late")
    sqs.send(event("drop+zone/p/bills/000.parquet"), event("drop+zone/p/bills/050.parquet"), event("drop+zone/p/gone"))
    lost = watch.look(landing, "p", BILLS, kept, store=store, now=now, queue=queue)
    assert lost.partitions == ("000",)
    assert sqs.left == 3

    for receipt in lost.watch.receipts:  # the process died: in time they come again
        sqs.client.change_message_visibility(QueueUrl=sqs.url, ReceiptHandle=receipt, VisibilityTimeout=0)
    found = watch.look(landing, "p", BILLS, kept, store=store, now=now, queue=queue)
    assert found.partitions == ("000",)
    assert sqs.left == 3

    after = watch.look(landing, "p", BILLS, Watch.from_json(found.watch.to_json()), store=store, now=now, queue=queue)
    assert (after.partitions, after.watch.receipts, sqs.left) == ((), (), 0)


def test_with_a_queue_a_quick_look_lists_nothing_and_a_full_one_finds_what_was_not_told(
    sqs: Sqs, tmp_path: Path, store: Store
) -> None:
    landing = open_landing(str(tmp_path))
    queue = Queue(sqs.url, LANDING)
    now = datetime.now(UTC) + timedelta(hours=1)
    kept = watch.look(landing, "p", BILLS, Watch(), store=store, now=now, queue=queue).watch
    landing.backend.replace("p/bills/1.parquet", b"x")
    assert watch.look(landing, "p", BILLS, kept, store=store, now=now, queue=queue).partitions == ()
    later = now + timedelta(seconds=31)
    assert watch.look(landing, "p", BILLS, kept, store=store, now=later, queue=queue).partitions == ("1",)


def test_what_a_queue_tells_of_a_file_that_is_still_written_is_not_lost(sqs: Sqs, tmp_path: Path, store: Store) -> None:
    landing = open_landing(str(tmp_path))
    queue = Queue(sqs.url, LANDING)
    kept = watch.look(landing, "p", BILLS, Watch(), store=store, now=datetime.now(UTC), queue=queue).watch
    landing.backend.replace("p/bills/1.parquet", b"x")
    entry = landing.entry("p/bills/1.parquet")
    assert entry is not None
    now = datetime.fromtimestamp(entry.modified, UTC) + timedelta(seconds=1)
    sqs.send(event("drop+zone/p/bills/1.parquet"))
    found = watch.look(landing, "p", BILLS, kept, store=store, now=now, queue=queue)
    assert found.partitions == ()
    later = now + timedelta(seconds=5)
    assert watch.look(landing, "p", BILLS, found.watch, store=store, now=later, queue=queue).partitions == ("1",)
