"""S3 servers for tests: moto in this process, and a real Ceph RGW where it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ml_assets_tests.doubles.ceph import missing_programs, running

BUCKET = "ml-assets"
SERVERS: list[Any] = ["moto", pytest.param("ceph", marks=pytest.mark.s3)]


@pytest.fixture(scope="session")
def moto() -> Iterator[dict[str, str]]:
    """An S3 server in this process; what a client needs to reach it."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ALLOW_HTTP": "true",
    }
    server.stop()


@pytest.fixture(scope="session")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    if missing := missing_programs():
        pytest.skip(f"Ceph is not installed: no {', '.join(missing)}. See ml_assets_tests/doubles/ceph.py.")
    with running(tmp_path_factory.mktemp("ceph")) as server:
        yield server.environment


def create_bucket(environment: dict[str, str]) -> None:
    """Make the bucket that a server of these environment variables may not have yet."""
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_REGION"],
    )
    if BUCKET not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
        client.create_bucket(Bucket=BUCKET)
    client.close()
