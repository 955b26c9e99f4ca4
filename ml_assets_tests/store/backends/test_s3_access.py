"""Profiles, roles and processes that give credentials reach S3 as they do in AWS's own tools, and so does a given resource."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import dagster as dg
import pytest
from botocore.config import Config
from dagster_aws.s3 import S3Resource

from ml_assets.errors import StoreUnreachable, UsageError
from ml_assets.settings import do_variables_reach_s3
from ml_assets.store import open_backend
from ml_assets.store.backends import s3_access
from ml_assets_tests.doubles.faulty import Faulty, faulty
from ml_assets_tests.doubles.hourglass import Hourglass
from ml_assets_tests.doubles.s3 import BUCKET, create_bucket
from ml_assets_tests.doubles.serving import serving

URL = f"s3://{BUCKET}/access"
ALL = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK"}
PLACED = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_REGION": "r"}

Files = Callable[[str], None]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    """Writes ``~/.aws/config`` of somebody who has nothing else."""
    for name, _ in s3_access.aws_variables():
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    def write(text: str) -> None:
        (tmp_path / ".aws").mkdir(exist_ok=True)
        (tmp_path / ".aws/config").write_text(text)

    return write


@pytest.fixture
def server(moto: dict[str, str]) -> Iterator[Faulty]:
    create_bucket(moto)
    with faulty(moto["AWS_ENDPOINT_URL"]) as server:
        yield server


def program(folder: Path, *answers: dict[str, Any]) -> str:
    """A command that gives one of these credentials at each call, the last one for ever; it leaves a file per call."""
    (folder / "answers.json").write_text(json.dumps(answers))
    (folder / "give.py").write_text(
        "import json, pathlib\n"
        f"folder = pathlib.Path({str(folder)!r})\n"
        "calls = len(list(folder.glob('call-*')))\n"
        "(folder / f'call-{calls}').touch()\n"
        "answers = json.loads((folder / 'answers.json').read_text())\n"
        "print(json.dumps({'Version': 1, **answers[min(calls, len(answers) - 1)]}))\n"
    )
    return f"{sys.executable} {folder / 'give.py'}"


def keys(name: str, minutes: float | None = None) -> dict[str, Any]:
    given = {"AccessKeyId": name, "SecretAccessKey": "T0PSECRET"}
    if minutes is None:
        return given
    expires = datetime.now(UTC) + timedelta(minutes=minutes)
    return {**given, "SessionToken": "t", "Expiration": expires.isoformat()}


def test_a_profile_has_a_process_that_gives_credentials_an_endpoint_and_a_region(
    config: Files, server: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config(f"[profile ml]\nregion = eu-west-1\nendpoint_url = {server.url}\n"
           f"credential_process = {program(tmp_path, keys('AKPROCESS'))}\n")  # fmt: skip
    monkeypatch.setenv("AWS_PROFILE", "ml")
    backend = open_backend(URL)

    assert backend.put_new("profile/a", b"x")
    assert backend.get("profile/a") == b"x"
    assert {*server.signers} == {"AKPROCESS"}
    assert s3_access.access_of_environment().region == "eu-west-1"  # type: ignore[union-attr]


def test_an_endpoint_may_be_that_of_one_service(
    config: Files, server: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config(f"[default]\nservices = here\nendpoint_url = http://127.0.0.1:1\n"
           f"credential_process = {program(tmp_path, keys('AKSERVICE'))}\n"
           f"[services here]\ns3 =\n  endpoint_url = {server.url}\n")  # fmt: skip

    assert open_backend(URL).put_new("service/a", b"x")
    assert server.signers[-1] == "AKSERVICE"


def test_a_role_is_assumed_with_the_keys_of_another_profile(
    config: Files, server: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    config(f"[profile base]\naws_access_key_id = AKBASE\naws_secret_access_key = T0PSECRET\n"
           f"[profile role]\nrole_arn = arn:aws:iam::123456789012:role/ml\nsource_profile = base\n"
           f"region = us-east-1\nendpoint_url = {server.url}\n")  # fmt: skip
    monkeypatch.setenv("AWS_PROFILE", "role")
    backend = open_backend(URL)

    assert backend.put_new("role/a", b"x")
    assert backend.get("role/a") == b"x"
    sts, *s3 = server.signers
    assert sts == "AKBASE"
    assert len({*s3}) == 1 and s3[0].startswith("ASIA"), "the role's own keys, asked for once"


def test_credentials_are_renewed_once_before_they_expire(
    config: Files, server: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_access, "ASKED_AGAIN", timedelta(0))
    config(f"[default]\nregion = r\nendpoint_url = {server.url}\n"
           f"credential_process = {program(tmp_path, keys('AKFIRST', 12), keys('AKSECOND', 60))}\n")  # fmt: skip
    backend = open_backend(URL)
    backend.replace("expiring", b"x")
    for _ in range(5):
        assert backend.get("expiring") == b"x"

    assert {*server.signers} == {"AKSECOND"}, "the first had less than boto's quarter of an hour left"
    assert len(list(tmp_path.glob("call-*"))) == 2


def test_obstore_is_to_ask_again_before_what_boto_gave_can_have_expired(config: Files, tmp_path: Path) -> None:
    config(f"[default]\ncredential_process = {program(tmp_path, keys('AK', 60))}\n")
    access = s3_access.access_of_environment()
    until = access.provider()["expires_at"]  # type: ignore[union-attr, misc]

    assert until < datetime.now(UTC) + timedelta(minutes=6.1), "obstore renews five minutes before"


def test_who_has_to_log_in_again_is_told_at_once(
    config: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config("[sso-session work]\nsso_start_url = https://work.example/start\nsso_region = eu-west-1\n"
           "[profile work]\nsso_session = work\nsso_account_id = 1\nsso_role_name = ml\nregion = eu-west-1\n")  # fmt: skip
    monkeypatch.setenv("AWS_PROFILE", "work")
    glass = Hourglass()

    with pytest.raises(
        StoreUnreachable, match=r"^Cannot read s3://\S+: boto has no credentials \(\w+: .*\. Log in again"
    ):
        open_backend(URL, glass.patience()).get("k")
    assert glass.slept == []


def test_a_profile_that_is_not_there_is_named(config: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    config("[default]\nregion = r\n")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(UsageError, match=r"cannot be used: The config profile \(nobody\) could not be found"):
        open_backend(URL).get("k")


def test_a_profile_needs_boto(config: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    config("[profile lean]\nregion = r\n")
    monkeypatch.setenv("AWS_PROFILE", "lean")
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(UsageError, match=r"AWS_PROFILE is lean, and boto3, .* is not installed\. Install ml_assets\["):
        open_backend(URL).get("k")


@pytest.mark.parametrize(
    ("variables", "files", "enough"),
    [
        ({**ALL}, [], True),
        ({**ALL}, ["config"], False),
        ({**ALL}, ["credentials"], False),
        ({**ALL, **PLACED}, ["config"], True),
        ({**ALL, **PLACED, "AWS_PROFILE": "p"}, [], True),
        ({**ALL, "AWS_PROFILE": "p"}, [], False),
        ({"AWS_ACCESS_KEY_ID": "AK"}, [], False),
        ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/t", "AWS_ROLE_ARN": "arn"}, [], True),
        (
            {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1/", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/t"},
            [],
            True,
        ),
        ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1/"}, [], False),
        ({"AWS_PROFILE": ""}, [], False),
        ({}, [], False),
    ],
)
def test_when_variables_say_all(variables: dict[str, str], files: list[str], enough: bool, tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    for name in files:
        (tmp_path / ".aws" / name).touch()
    assert do_variables_reach_s3({"HOME": str(tmp_path), **variables}) == enough


def test_where_they_do_boto_is_not_loaded(moto: dict[str, str], tmp_path: Path) -> None:
    create_bucket(moto)
    code = (
        "import sys; from ml_assets.store import open_backend\n"
        f"assert open_backend({URL!r}).get('nothing') is None\n"
        "print([name for name in sys.modules if name.startswith('boto')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"HOME": str(tmp_path), **moto}, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("by", ["obstore", "boto"])
def test_a_pod_has_the_role_that_its_agent_gives_it(
    by: str, config: Files, server: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Agent(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = {**keys(f"AK{self.headers['Authorization']}", 60), "Token": "t"}
            body = json.dumps(given).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    (tmp_path / "token").write_text("POD")
    with serving(agent := ThreadingHTTPServer(("127.0.0.1", 0), Agent)):
        said = {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{agent.server_port}/v1",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "token"),
            "AWS_ENDPOINT_URL": server.url,
            "AWS_REGION": "us-east-1",
        }
        for name, value in said.items():
            monkeypatch.setenv(name, value)
        if by == "boto":
            config("[default]\nregion = us-east-1\n")
        assert open_backend(URL).put_new(f"pod/{by}", b"x")
    assert {*server.signers} == {"AKPOD"}


class Mine(S3Resource):
    """Somebody's own, whose client another thing makes."""

    def get_client(self) -> Any:
        return boto3.Session("AKMINE", "T0PSECRET").client("s3", "us-east-1", endpoint_url=self.endpoint_url)


GIVEN: dict[str, Callable[[str], Any]] = {
    "AKRESOURCE": lambda url: S3Resource(
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=dg.EnvVar("MY_KEY"),
        aws_secret_access_key="T0PSECRET",
    ),
    "AKMINE": lambda url: Mine(endpoint_url=url),
    "AKCLIENT": lambda url: boto3.Session("AKCLIENT", "T0PSECRET").client("s3", "us-east-1", endpoint_url=url),
    "AKSESSION": lambda url: boto3.Session("AKSESSION", "T0PSECRET", region_name="us-east-1"),
    "AKCORE": lambda url: _core_session(),
}


def _core_session() -> Any:
    session = botocore.session.get_session()
    session.set_credentials("AKCORE", "T0PSECRET")
    return session


@pytest.mark.parametrize("key", GIVEN, ids=["resource", "own resource", "client", "session", "botocore"])
def test_what_is_given_counts_and_the_environment_does_not(
    key: str, config: Files, server: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_session = key in ("AKSESSION", "AKCORE")  # which has the environment's endpoint
    for name, value in {
        **ALL,
        **PLACED,
        "AWS_ENDPOINT_URL_S3": server.url if is_session else "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MY_KEY", "AKRESOURCE")
    backend = open_backend(URL, s3=GIVEN[key](server.url))

    backend.replace("given", b"x")
    assert backend.get("given") == b"x"
    assert {*server.signers} == {key}


def test_a_resource_without_a_signature_signs_nothing(config: Files, server: Faulty) -> None:
    anonymous = S3Resource(endpoint_url=server.url, region_name="us-east-1", use_unsigned_session=True)
    with pytest.raises(StoreUnreachable, match="access is denied"):  # so the server of the tests
        open_backend(URL, s3=anonymous).replace("given", b"x")
    assert server.signers == [""]


def test_what_cannot_reach_s3_is_refused(config: Files) -> None:
    with pytest.raises(UsageError, match=r"cannot be reached by a str\. Give a boto3 session"):
        open_backend(URL, s3="http://127.0.0.1").get("k")
    with pytest.raises(UsageError, match=r"has no credentials\. Give it some"):
        open_backend(URL, s3=boto3.Session()).get("k")


def test_an_access_shows_no_secret(config: Files) -> None:
    access = s3_access.access_by(boto3.Session("AK", "T0PSECRET"))
    assert "T0PSECRET" not in repr(access) + str(access.config(BUCKET))
    assert (access.endpoint, access.region) == ("https://s3.amazonaws.com", "us-east-1")


def test_addresses_and_certificates_are_as_the_client_has_them(config: Files, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("certificates")
    session, virtual = boto3.Session("AK", "SK"), Config(s3={"addressing_style": "virtual"})
    access = s3_access.access_by(session.client("s3", "eu-west-1", config=virtual))
    assert access.config("b")["aws_endpoint_url_s3"] == "https://b.s3.eu-west-1.amazonaws.com"
    keys = {"aws_access_key_id": "AK", "aws_secret_access_key": "SK"}
    assert s3_access.access_by(S3Resource(verify=False, **keys)).client_options == {"allow_invalid_certificates": True}

    config(f"[default]\nca_bundle = {tmp_path}/ca.pem\naws_access_key_id = AK\naws_secret_access_key = SK\n")
    assert s3_access.access_of_environment().client_options == {"root_certificate": b"certificates"}  # type: ignore[union-attr]


def test_a_dagster_project_hands_its_resource_over(
    config: Files, server: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ml_assets import definitions_for
    from ml_assets.orchestration.io_manager import IO_MANAGER
    from ml_assets.orchestration.step import LANDING_FOLDER
    from ml_assets.settings import Settings
    from ml_assets_tests.doubles import umbrellas

    monkeypatch.setenv("MY_KEY", "AKRESOURCE")
    settings = Settings(store=f"{URL}/store", landing=f"{URL}/landing")
    defs = definitions_for([umbrellas.PROBLEM], settings, s3=GIVEN["AKRESOURCE"](server.url))
    resources = defs.resources or {}
    resources[IO_MANAGER].store.put({"a": 1})
    resources[LANDING_FOLDER].write("umbrellas/visits/2024-01.parquet", b"x")

    assert {*server.signers} == {"AKRESOURCE"}
    assert any("access/landing/umbrellas" in line for line in server.requests)


@pytest.mark.s3
def test_a_profile_reaches_ceph(
    config: Files, ceph: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which verifies signatures."""
    create_bucket(ceph)
    real = {"AccessKeyId": ceph["AWS_ACCESS_KEY_ID"], "SecretAccessKey": ceph["AWS_SECRET_ACCESS_KEY"]}
    config(f"[profile ceph]\nregion = us-east-1\nendpoint_url = {ceph['AWS_ENDPOINT_URL']}\n"
           f"credential_process = {program(tmp_path, real)}\n")  # fmt: skip
    monkeypatch.setenv("AWS_PROFILE", "ceph")

    assert open_backend(URL).put_new("ceph/a", b"x")
    assert open_backend(URL, s3=boto3.Session()).get("ceph/a") == b"x"
    with pytest.raises(StoreUnreachable, match="the access key is not known there"):
        open_backend(URL, s3=boto3.Session("AKNOBODY", "T0PSECRET", profile_name="ceph")).get("ceph/a")
