"""The policies allow what is done, to who does it, and nothing more."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from ml_assets.errors import StoreUnreachable
from ml_assets.orchestration import build_definitions
from ml_assets.store import open_landing, open_store
from ml_assets.store.backends.object_store import open_backend
from ml_assets.store.collecting.collection import Collector, Decision
from ml_assets.store.keys import blob_key
from ml_assets_tests.deploy.cloud import ARN, BUCKET, Guarded, allows, guarded_s3, policy, template
from ml_assets_tests.deploy.conftest import DEPLOY
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.world import build, land_all

PARTS = {
    "admin": None,
    "lander": ["Landing"],
    "runs": ["Reading", "Writing", "Logs"],
    "reader": ["Reading"],
    "sharer": ["Reading", "Sharing"],
    "collector": ["Reading", "Collecting"],
}

SHARING = ("sharing moves main", "sharing undoes main", "sharing deletes versions", "what is shared is used again")


@pytest.fixture(scope="module")
def cloud() -> Iterator[Guarded]:
    import boto3

    with guarded_s3() as (url, guard), pytest.MonkeyPatch.context() as patch:
        for name, value in {"SECRET_ACCESS_KEY": "x", "REGION": "us-east-1", "ENDPOINT_URL": url}.items():
            patch.setenv(f"AWS_{name}", value)
        admin = boto3.client("s3", aws_access_key_id="admin", aws_secret_access_key="x", region_name="us-east-1")
        admin.create_bucket(Bucket=BUCKET)
        admin.close()
        for part, names in PARTS.items():
            if names:
                guard.callers[part] = [statement for name in names for statement in policy(name)]
        yield guard


@pytest.fixture
def act_as(cloud, monkeypatch):
    return lambda part: monkeypatch.setenv("AWS_ACCESS_KEY_ID", part)


@pytest.mark.slow
def test_the_chain_runs_with_the_policies_of_its_parts_and_is_refused_nothing(cloud, act_as, tmp_path):
    place = f"s3://{BUCKET}"
    act_as("lander")
    land_all(open_landing(f"{place}/landing"))
    act_as("runs")
    store, landing = open_store(f"{place}/store"), open_landing(f"{place}/landing")
    definitions = build_definitions([umbrellas.PROBLEM], store, landing)
    world = dataclasses.replace(build(tmp_path), store=store, landing=landing, definitions=definitions)
    world.must_run(umbrellas.PROBLEM, "2024-01")
    act_as("reader")
    reading = open_store(f"{place}/store")

    assert reading.verify(world.head("umbrellas/model", "2024-01")) == []
    assert {action for action, _ in cloud.asked} >= {"s3:GetObject", "s3:PutObject", "s3:ListBucket"}
    assert cloud.refused == []


@pytest.mark.parametrize("key", ["refs/main/a/_/1.json", "versions/a/_/b.json", "blobs/aa/aa", "store.json"])
def test_who_only_reads_can_write_nothing(cloud, act_as, key):
    act_as("reader")
    with pytest.raises(StoreUnreachable, match="403"):
        open_backend(f"s3://{BUCKET}/store").put_new(key, b"{}")


@pytest.mark.parametrize("key", ["refs/main/a/_/1.json", "versions/a/_/b.json", "runs/r/a/_/1.json"])
def test_runs_can_write_history_once_and_neither_change_nor_delete_it(cloud, act_as, key):
    act_as("runs")
    backend = open_backend(f"s3://{BUCKET}/store")

    assert backend.put_new(key, b"first")
    assert not backend.put_new(key, b"second")
    with pytest.raises(StoreUnreachable, match="403"):
        backend.replace(key, b"second")
    with pytest.raises(StoreUnreachable, match=r"AccessDenied|Access Denied"):
        backend.delete(key)
    assert backend.get(key) == b"first"


@pytest.mark.parametrize("key", ["computations/k.json", "traces/k.json", "checkpoints/k/1-d"])
def test_runs_can_replace_what_the_store_repairs_or_lets_go(cloud, act_as, key):
    act_as("runs")
    backend = open_backend(f"s3://{BUCKET}/store")
    backend.put_new(key, b"damaged")
    backend.delete(key)

    assert backend.put_new(key, b"whole")
    assert backend.get(key) == b"whole"


def test_runs_mend_a_blob_and_only_who_collects_moves_one_away(cloud, act_as):
    act_as("runs")
    store = open_store(f"s3://{BUCKET}/store")
    content = store.put({"a": 1})
    key = blob_key(content.files[0].digest)
    store.backend.put_file(key, b"damaged")
    assert store.put({"a": 1}) == content and store.get(content) == {"a": 1}
    with pytest.raises(StoreUnreachable, match=r"AccessDenied|Access Denied"):
        store.backend.delete(key)

    act_as("collector")
    collecting = open_backend(f"s3://{BUCKET}/store")
    outcome = Collector(collecting, lambda now: Decision(set()), "carol", grace=-1.0).collect()
    assert outcome.moved.objects >= 1 and collecting.entry(key) is None
    assert Collector(collecting, lambda now: Decision(set()), "carol", grace=-1.0).undo() == outcome.moved
    assert open_store(f"s3://{BUCKET}/store").get(content) == {"a": 1}


def test_a_large_file_goes_up_in_parts(cloud, act_as, tmp_path):
    (tmp_path / "large").write_bytes(bytes(20 << 20))
    act_as("runs")
    open_backend(f"s3://{BUCKET}/store").put_file("blobs/bb/bb", tmp_path / "large")

    assert ("s3:PutObject", f"{ARN}/store/blobs/bb/bb") in cloud.asked


def test_a_missing_key_is_missing_and_not_forbidden():
    # S3 says 404 only to who may list the bucket without a condition on the prefix, which a GET does not have
    for name in ("Reading", "Logs", "Landing"):
        assert {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": ARN} in policy(name)


@pytest.mark.parametrize(
    ("part", "action", "key"),
    [
        ("runs", "s3:PutObject", "landing/flights/2013-01.parquet"),
        ("lander", "s3:PutObject", "store/refs/main/a/_/1.json"),
        ("lander", "s3:GetObject", "store/blobs/aa/aa"),
        ("reader", "s3:GetObject", "logs/run.err"),
        ("runs", "s3:DeleteObjectVersion", "store/blobs/aa/aa"),
        ("sharer", "s3:PutObject", "store/refs/main/a/_/1.json"),
        ("sharer", "s3:DeleteObject", "store/refs/main/a/_/1.json"),
        ("sharer", "s3:DeleteObject", "store/versions/a/_/b.json"),
        ("sharer", "s3:PutObject", "store/computations/k.json"),
        ("collector", "s3:DeleteObject", "store/versions/a/_/b.json"),
        ("collector", "s3:PutObject", "store/refs/main/a/_/1.json"),
        ("runs", "s3:DeleteObject", "store/blobs/aa/aa"),
        ("runs", "s3:PutBucketVersioning", ""),
    ],
    ids=[
        "runs land nothing",
        "landing writes no history",
        "landing reads no model",
        "logs",
        "versions",
        *SHARING,
        "collecting deletes versions",
        "collecting moves main",
        "runs delete blobs",
        "the bucket",
    ],
)
def test_nobody_may_do_what_is_not_theirs(part, action, key):
    statements = [statement for name in PARTS[part] for statement in policy(name)]

    assert not allows(statements, action, f"{ARN}/{key}".rstrip("/"), {"if-none-match": "*"})


def test_no_policy_allows_everything_of_anything():
    for name in ("Reading", "Writing", "Sharing", "Collecting", "Logs", "Landing"):
        for statement in policy(name):
            actions: Any = statement["Action"]
            assert "*" not in "".join([actions] if isinstance(actions, str) else actions)
            assert statement.get("Resource") != "*"


def test_the_bucket_is_closed_encrypted_versioned_and_kept():
    bucket = template()["Resources"]["Bucket"]
    properties = bucket["Properties"]

    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    assert all(properties["PublicAccessBlockConfiguration"].values())
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties["BucketEncryption"]


def test_only_checkpoints_and_logs_expire():
    rules = template()["Resources"]["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]

    assert {rule["Prefix"] for rule in rules if "ExpirationInDays" in rule} == {"store/checkpoints/", "logs/"}


@pytest.mark.slow
def test_the_template_is_one_that_cloudformation_takes():
    from cfnlint.api import lint_file  # comes with moto

    assert [str(each) for each in lint_file(DEPLOY / "aws.yaml")] == []
