"""A laptop on production's artifacts, with the keys of a reader: policies of deploy/aws.yaml, enforced before an S3 server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_assets.promotion.ledger import Ledger
from ml_assets.store import Store, open_store
from ml_assets_tests.deploy.cloud import ARN, BUCKET, Guarded, guarded_s3, policy

PRODUCTION, MARCH = f"s3://{BUCKET}/store", "2024-03"
KEYS = {"laptop": ["Reading"], "sharer": ["Reading", "Sharing"], "reviewer": ["Reading", "Writing"]}
IN_ORDER = ("blobs", "environments", "code", "sources", "versions", "traces", "computations", "runs", "refs", "")
JUDGED = 'key:"umbrellas/model" or key:"umbrellas/evaluation" or key:"umbrellas/champion"'


@pytest.fixture
def cloud(made, monkeypatch) -> Iterator[Guarded]:
    """Production's bucket, with what the tiny problems made, and who may do what with it."""
    import boto3

    with guarded_s3() as (url, guard):
        for name, value in {"SECRET_ACCESS_KEY": "x", "REGION": "us-east-1", "ENDPOINT_URL": url}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
        admin = boto3.client("s3", aws_access_key_id="admin", aws_secret_access_key="x", region_name="us-east-1")
        admin.create_bucket(Bucket=BUCKET)
        files = [path for path in (made / "store").rglob("*") if path.is_file()]
        files += [path for path in (made / "landing").rglob("*") if path.is_file()]
        for path in sorted(files, key=lambda path: _turn(path.relative_to(made))):
            admin.put_object(Bucket=BUCKET, Key=str(path.relative_to(made)), Body=path.read_bytes())
        admin.close()
        guard.callers |= {
            who: [statement for name in names for statement in policy(name)] for who, names in KEYS.items()
        }
        yield guard


def _turn(path: Path) -> int:
    """As the store writes: what is remembered is younger than its blobs."""
    return IN_ORDER.index(path.parts[1] if path.parts[1] in IN_ORDER else "")


@pytest.fixture
def act_as(cloud, monkeypatch):
    def act_as(who: str, user: str, **settings: str) -> None:
        for name in ("STORE", "UPSTREAM", "BRANCH"):
            monkeypatch.delenv(f"ML_ASSETS_{name}", raising=False)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", who)
        monkeypatch.setenv("ML_ASSETS_USER", user)
        for name, value in settings.items():
            monkeypatch.setenv(f"ML_ASSETS_{name}", value)
        cloud.asked.clear(), cloud.sent.clear(), cloud.refused.clear()

    return act_as


def actions(cloud: Guarded) -> Counter[str]:
    return Counter(action for action, _ in cloud.asked)


def bytes_of(cloud: Guarded, folder: str) -> int:
    return sum(size for name, size in cloud.sent.items() if name.startswith(f"{ARN}/store/{folder}"))


@pytest.mark.slow
def test_a_laptop_that_can_only_read_challenges_productions_champion_and_a_reviewer_publishes_it(
    project, cloud, act_as, call, refused, tmp_path, monkeypatch, capsys
):
    own = str(tmp_path / "own")
    monkeypatch.setenv("ML_ASSETS_LANDING", f"s3://{BUCKET}/landing")
    monkeypatch.setenv("ML_ASSETS_CACHE", str(tmp_path / "cache"))
    on_laptop = {"STORE": own, "UPSTREAM": PRODUCTION}
    act_as("laptop", "ada", **on_laptop)
    champion = call("champion", "umbrellas", "--json").json["version"]

    # what production has is not computed again, and nothing is read of its values
    assert {step["state"] for step in call("plan", "umbrellas", "--partition", MARCH, "--json").json} == {"current"}
    assert bytes_of(cloud, "blobs") == 0
    assert not Path(own).exists()

    # one asset with other parameters: only what it is made from and judged by is read
    ran = call("run", JUDGED, "--partition", MARCH, "--set", "params.c=0.5", "--json")
    assert ran.code == 0, ran
    assert set(actions(cloud)) == {"s3:GetObject", "s3:ListBucket"}
    assert cloud.refused == []
    read = bytes_of(cloud, "blobs")
    whole = sum(path.stat().st_size for path in (project.backend.root / "blobs").rglob("*") if path.is_file())
    with capsys.disabled():
        print(f"requests: {dict(actions(cloud))}; of values {read:,} of {whole:,} bytes read, nothing written")
    assert read < whole / 2

    # it was judged against production's champion
    verdict = call("show", f"umbrellas/champion@{MARCH}", "--json").json
    mine = call("show", f"umbrellas/model@{MARCH}", "--json").json["version"]
    assert {champion, mine} <= {read["key"]["version"] for read in verdict["inputs"]}
    listed = call("branch", "--json").json
    assert (listed["store"], listed["upstream"], listed["branch"]) == (own, PRODUCTION, "ada")

    # both can be made again here, what production made and what was made of it
    for version in (champion, mine):
        assert call("reproduce", version[:12], "--json").json[0]["state"] == "identical"
    assert cloud.refused == []

    # its own keys share nothing; those of somebody who may share do, and main stays as it is
    assert "403" in refused(3, "push")
    act_as("sharer", "ada", **on_laptop)
    announced = call("push", "umbrellas/model", "umbrellas/evaluation", "--dry-run", "--json").json
    assert actions(cloud)["s3:PutObject"] == 0
    shared = call("push", "umbrellas/model", "umbrellas/evaluation", "--json").json
    assert (shared["bytes"], len(shared["refs"]), shared["branch"]) == (announced["bytes"], 2, "ada")
    assert cloud.refused == []
    assert call("push", "umbrellas/model", "--json").json["bytes"] == 0

    # the reviewer merges: main names the model, and who is champion is not decided by that
    act_as("sharer", "ada", STORE=PRODUCTION, BRANCH="main")
    assert "403" in refused(3, "merge", "ada")
    act_as("reviewer", "rita", STORE=PRODUCTION)
    merged = call("merge", "ada", "--json")
    assert merged.code == 0, merged
    assert [entry["asset"] for entry in merged.json["entries"]] == ["umbrellas/model", "umbrellas/evaluation"]
    assert merged.json["next"][0].startswith(f"ml-assets run umbrellas/champion --partition {MARCH} ")
    assert cloud.refused == []
    production = open_store(PRODUCTION)
    head = production.head("umbrellas/model", MARCH)
    assert (head.target.version, head.by, head.details["merged"]["by"]) == (mine, "rita", "ada")
    assert production.verify(head.target) == []
    assert _champion(production) == champion
    act_as("laptop", "ada", **on_laptop)
    states = {one["asset"]: one["state"] for one in call("branch", "ada", "--json").json["refs"]}
    assert (states["umbrellas/model"], states["umbrellas/champion"]) == ("same", "ahead")


def _champion(store: Store) -> str:
    return Ledger(store, "umbrellas", None).current().model.version
