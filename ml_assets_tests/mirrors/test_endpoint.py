from __future__ import annotations

import json
from pathlib import Path

import pytest

from ml_assets.errors import MirrorRefused, MirrorUnreachable, UsageError
from ml_assets.mirrors.endpoint import endpoint
from ml_assets_tests.doubles.endpoint import SECRET, taking


def event(number: int, state: str = "START") -> dict[str, object]:
    return {"eventType": state, "run": {"runId": f"run-{number}"}, "said": "Größe"}


def read(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_file_has_an_event_a_line_and_each_once(tmp_path):
    path = tmp_path / "not yet there" / "events.jsonl"
    for number in (1, 2, 1, 2, 3):
        endpoint(path.as_uri())(event(number))
    assert read(path) == [event(1), event(2), event(3)]


def test_a_line_that_somebody_was_killed_in_is_written_anew(tmp_path):
    path = tmp_path / "events.jsonl"
    tell = endpoint(path.as_uri())
    tell(event(1))
    whole = path.read_bytes()
    tell(event(2))
    for cut in range(len(whole) + 1, path.stat().st_size):
        path.write_bytes(path.read_bytes()[:cut])
        tell(event(2))
        assert read(path) == [event(1), event(2)]
    path.write_bytes(b'{"the very first')
    tell(event(1))
    assert read(path) == [event(1)]


def test_a_folder_has_a_file_per_event_and_each_once(tmp_path):
    for number in (1, 2, 1):
        endpoint(f"{tmp_path.as_uri()}/events/")(event(number))
    endpoint(f"{tmp_path.as_uri()}/events/")(event(1, "COMPLETE"))
    assert sorted(path.name for path in (tmp_path / "events").iterdir()) == [
        "run-1-COMPLETE.json",
        "run-1-START.json",
        "run-2-START.json",
    ]


@pytest.mark.parametrize("place", ["file", "file/", "file/events.jsonl"])
def test_a_place_that_cannot_be_written_is_refused_and_not_named(tmp_path, place):
    (tmp_path / "file").mkdir() if place == "file" else (tmp_path / "file").touch()
    with pytest.raises(MirrorRefused, match="cannot be written where ML_ASSETS_OPENLINEAGE says") as refused:
        endpoint(f"{tmp_path.as_uri()}/{place}")(event(1))
    assert str(tmp_path) not in str(refused.value)


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("", "/api/v1/lineage"),
        ("/", "/api/v1/lineage"),
        ("/v2/events?key=1", "/v2/events?key=1"),
        ("?key=1", "/api/v1/lineage?key=1"),
    ],
)
def test_an_address_gets_events_where_such_servers_take_them_or_where_it_says(path, asked):
    with taking() as server:
        endpoint(server.address + path)(event(1))
        assert server.taken == [event(1)]
        assert [where for where, _ in server.asked] == [asked]
        server.status = 500
        with pytest.raises(MirrorUnreachable, match="OpenLineage endpoint answered 500"):
            endpoint(server.address)(event(2))


@pytest.mark.parametrize("address", ["events.jsonl", "file:events.jsonl", f"kafka://{SECRET}"])
def test_what_is_no_place_is_refused_and_not_repeated(address):
    with pytest.raises(UsageError, match="ML_ASSETS_OPENLINEAGE") as refused:
        endpoint(address)
    assert SECRET not in str(refused.value)
