"""A real store that goes away for a minute while answers are recorded, and comes back: S3 over HTTP, with a server between."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from ml_assets.store import Store, VersionKey
from ml_assets.store.backends.object_store import open_backend
from ml_assets_tests.doubles.faulty import FOR_EVER, Fault, faulty, reset_after
from ml_assets_tests.doubles.hourglass import Hourglass
from ml_assets_tests.doubles.s3 import BUCKET, create_bucket
from ml_assets_tests.serving.recording.test_recorder import ask, counted, recorder, recording, requests

MINUTE = 60


def copied(store: Store, url: str, patience) -> Store:
    """The same store in a bucket."""
    bucket = open_backend(url, patience)
    for path in sorted(Path(store.backend.url).rglob("*")):
        if path.is_file():
            bucket.put_new(path.relative_to(store.backend.url).as_posix(), path.read_bytes())
    return Store(bucket, user="ada")


@pytest.mark.parametrize("away", ["refuses", "does as it is told and loses its replies"])
def test_answers_wait_while_the_store_is_away_and_each_that_was_acknowledged_is_in_it_once_it_is_back(
    away, store: Store, champion: VersionKey, tmp_path: Path, moto: dict[str, str], monkeypatch
):
    create_bucket(moto)
    glass = Hourglass()
    with faulty(moto["AWS_ENDPOINT_URL"]) as between:
        for name, value in {**moto, "AWS_ENDPOINT_URL": between.url}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("ml_assets.store.backends.object_store.PART_RETRIES", 0)
        bucket = copied(store, f"s3://{BUCKET}/{uuid.uuid4().hex}", glass.patience(10, 10))
        server = recording(bucket, tmp_path)
        of = recorder(server)
        of._clock, of._since = lambda: 1e6 + glass.now, 0.0
        sent = []

        def answer() -> None:
            sent.append(f"request-{len(sent)}")
            assert ask(server, x_request_id=sent[-1]).headers["x-recorded"] == "true"
            glass.now += of._asked.seconds

        answer()
        of.look()
        assert requests(bucket) == sent

        if away == "refuses":
            between.stop_listening()
        else:
            between.faults.append(Fault("PUT", reset_after, times=FOR_EVER))
        gone = glass.now
        while glass.now < gone + MINUTE:
            answer()
            of.look()
        assert of._waiting and counted(server, "publish_failures") > 0

        between.faults.clear()
        between.listen()
        answer()
        glass.now += MINUTE
        of.look(at_last=True)
        assert requests(bucket) == sent and not of._waiting
        assert counted(server, "published_rows") == len(sent) and counted(server, "dropped_rows") == 0
