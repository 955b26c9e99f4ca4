from __future__ import annotations

import base64
import traceback
from collections.abc import Iterator

import pytest

from ml_assets.errors import MirrorError, MirrorRefused, MirrorUnreachable, UsageError
from ml_assets.mirrors import server as module
from ml_assets.mirrors.server import Server
from ml_assets_tests.doubles.endpoint import SECRET, Endpoint, taking
from ml_assets_tests.doubles.ports import free_port


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with taking() as endpoint:
        yield endpoint


def at(address: str) -> Server:
    return Server.at(address, "the tracking server", "ML_ASSETS_MLFLOW")


def everything_said(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    ("credentials", "header"),
    [
        ("ada:p%40ss@", f"Basic {base64.b64encode(b'ada:p@ss').decode()}"),
        (":t0ken@", "Bearer t0ken"),
        ("", None),
    ],
    ids=["user and password", "a token", "none"],
)
def test_credentials_of_the_address_become_a_header_and_are_in_no_url(endpoint, credentials, header):
    server = at(endpoint.address.replace(f"ada:{SECRET}@", credentials) + "/prefix/")
    endpoint.answer = b'{"there": 1}'
    assert server.post("/runs", {"a": 1}) == {"there": 1}
    assert server.get("/runs", of="b c") == {"there": 1}
    assert endpoint.asked == [("/prefix/runs", header), ("/prefix/runs?of=b+c", header)]
    assert "@" not in server.url


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (503, MirrorUnreachable, "answered 503. Nothing is lost"),
        (429, MirrorUnreachable, "answered 429"),
        (
            403,
            MirrorRefused,
            "refused what it was told, with 403. Nothing is lost. Look whether ML_ASSETS_MLFLOW is the address",
        ),
        (302, MirrorRefused, "with 302"),
    ],
)
def test_an_answer_that_is_none_says_what_to_do_and_never_where(endpoint, status, error, said):
    endpoint.status, endpoint.headers = status, {"Location": "http://127.0.0.1:1/elsewhere"}
    with pytest.raises(error, match=said) as raised:
        at(endpoint.address).post("/runs", {})
    assert len(endpoint.asked) == 1, "no redirect is followed"
    assert SECRET not in everything_said(raised.value)


def test_the_reason_of_a_server_that_gives_one_is_said(endpoint):
    endpoint.status, endpoint.answer = 400, b'{"error_code": "INVALID_STATE", "message": "The run is deleted."}'
    with pytest.raises(MirrorRefused, match=r"with 400: INVALID_STATE, The run is deleted\.\. Nothing") as raised:
        at(endpoint.address).post("/runs", {})
    assert raised.value.code == "INVALID_STATE"


@pytest.mark.parametrize("address", ["http://ada:{}@127.0.0.1:{}", "http://ada:{}@no-such-host.invalid:{}"])
def test_a_server_that_is_not_there_is_unreachable_and_its_address_is_not_said(address):
    with pytest.raises(MirrorUnreachable, match="cannot be reached") as raised:
        at(address.format(SECRET, free_port())).get("/runs")
    assert SECRET not in everything_said(raised.value)
    assert "no-such-host" not in everything_said(raised.value)


def test_a_server_that_hangs_is_given_up(endpoint, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.2)
    endpoint.hangs = True
    with pytest.raises(MirrorUnreachable, match=r"did not answer within 0\.2 s"):
        at(endpoint.address).post("/runs", {})


@pytest.mark.parametrize(
    "address", ["mlflow.example", f"ftp://{SECRET}@host", f"https://{SECRET}:9999999@", "https://ho st", "http://[::1"]
)
def test_what_is_no_address_is_refused_and_not_repeated(address):
    with pytest.raises(UsageError, match="ML_ASSETS_MLFLOW") as refused:
        at(address)
    assert address not in str(refused.value)
    assert SECRET not in str(refused.value)


def test_neither_a_server_nor_the_settings_show_credentials(endpoint):
    from ml_assets.settings import Settings

    settings = Settings.from_environment(
        {"ML_ASSETS_MLFLOW": f" {endpoint.address}\n", "ML_ASSETS_OPENLINEAGE": endpoint.address}
    )
    assert settings.mlflow == settings.openlineage == endpoint.address
    assert SECRET not in repr(settings) + repr(at(endpoint.address))
    assert issubclass(MirrorRefused, MirrorError)
