"""What was answered is in the store: as it was answered, once, and what is not is counted."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ml_assets.computation.answered import ANSWERS, entered
from ml_assets.errors import StoreUnreachable, UsageError
from ml_assets.lineage.answers import answers_between, hashed, place
from ml_assets.monitoring.served import FEATURE
from ml_assets.serving.recording.choice import Choice
from ml_assets.serving.recording.recorder import Recorder, Recording
from ml_assets.store import Store
from ml_assets_tests.doubles import judged, parcels
from ml_assets_tests.doubles.backends import Counted
from ml_assets_tests.serving.conftest import PARCEL, Reply, Server, served

LINE, ODD = parcels.PARTITION, {"weight": None, "size": None, "stops": 2**53 + 1}
KEY = "correct horse battery staple"


def recording(store: Store, folder: Path, *names: str, **more: Any) -> Server:
    """A server that records; nothing is entered but where a test looks."""
    return served(store, *(names or (judged.NAME,)), recording=Recording(folder / "spool", **more))


def recorder(server: Server) -> Recorder:
    assert server.serving.recorder is not None
    return server.serving.recorder


def ask(server: Server, *rows: dict[str, Any], **headers: str) -> Reply:
    return server.predict({"rows": [PARCEL | row for row in rows or [{}]]}, name=judged.NAME, **headers)


def all_answers(store: Store, problem: str = "letters", line: str | None = LINE) -> list[pd.DataFrame]:
    now = datetime.now(UTC)
    return list(answers_between(store, problem, line, now - timedelta(days=1), now + timedelta(days=1)))


def requests(store: Store) -> list[str]:
    return [request for frame in all_answers(store) for request in frame["request_id"]]


def counted(server: Server, name: str) -> float:
    return sum(server.serving.shared.metrics.copy().get(name, {}).values())


def test_a_row_is_kept_as_it_was_asked_and_answered_bit_for_bit(store, champion, tmp_path):
    server = recording(store, tmp_path)
    replies = [
        ask(server, {"parcel": "p1"}, ODD | {"parcel": None}, x_request_id="one"),
        ask(server, {"parcel": "p2", "weight": 0.1 + 0.2}, x_request_id="two"),
        ask(server, {"city": "Nuuk"}, x_request_id="three"),
    ]
    server.predict({"rows": [PARCEL | {"size": "XXL"}], "unknown_categories": "missing"}, name=judged.NAME)
    recorder(server).look(at_last=True)

    assert {reply.headers["x-recorded"] for reply in replies} == {"true"}
    with_keys, without = all_answers(store)
    assert with_keys["request_id"].tolist() == ["one", "one", "two"] and with_keys["row"].tolist() == [0, 1, 0]
    assert with_keys["entity"].tolist()[::2] == ["p1", "p2"] and with_keys["entity"].isna().tolist()[1]
    assert with_keys["prediction"].tolist() == [v for reply in replies[:2] for v in reply.json["prediction"]]
    assert set(with_keys["model_version"]) == {champion.version} and not with_keys["raw"].any()
    assert with_keys["name"].unique().tolist() == [judged.NAME] and "entity" not in without

    trained = parcels.rows().features
    features = {name: with_keys[f"{FEATURE}{name}"] for name in trained}
    assert {n: c.dtype for n, c in features.items()} == {n: c.dtype for n, c in trained.items()}
    assert features["weight"].tolist()[2] == 0.1 + 0.2 and features["weight"].isna().tolist()[1]
    assert features["stops"].tolist() == [4, 2**53 + 1, 4] and features["fragile"].all()
    sizes = without[f"{FEATURE}size"]
    assert sizes.tolist() == ["M", "XXL"] and [*sizes.cat.categories] == ["S", "M", "L", "XXL"]

    (entry, _) = entered(store, "letters", place(datetime.now(UTC), LINE))
    assert [read.key for read in store.manifest(entry.target).inputs] == [champion]
    assert [counted(server, n) for n in ("recorded_rows", "published_rows", "spool_bytes")] == [5, 5, 0]


def test_what_a_row_says_of_itself_is_of_the_type_that_the_problem_has(store, champion, tmp_path):
    for server in (recording(store, tmp_path), served(store, judged.NAME)):
        refused = ask(server, {"parcel": 7})
        assert refused.status == 422 and "Column 'parcel', row 0: it is 7" in refused.json["error"]


def test_an_inference_is_recorded_too_and_one_that_is_refused_is_not(store, champion, tmp_path):
    server, kinds = recording(store, tmp_path), {float: "FP64", int: "INT64", bool: "BOOL", str: "BYTES"}
    row = PARCEL | {"parcel": "p1"}
    inputs = [{"name": n, "shape": [1], "datatype": kinds[type(v)], "data": [v]} for n, v in row.items()]
    kept = server.infer({"inputs": inputs}, judged.NAME, x_request_id="one")
    refused = server.infer({"inputs": inputs, "outputs": [{"name": "upper"}]}, judged.NAME)
    recorder(server).look(at_last=True)

    assert (kept.headers["x-recorded"], refused.status, "x-recorded" in refused.headers) == ("true", 422, False)
    assert [frame["entity"].tolist() for frame in all_answers(store)] == [["p1"]] and requests(store) == ["one"]


@pytest.mark.slow
def test_raw_rows_are_kept_with_the_features_that_the_batch_has_of_them(own, tmp_path):
    rows = own.load(own.head("umbrellas/dataset", "2024-03").target).head(3)
    stored = own.load(own.head("umbrellas/features", "2024-03").target).features.head(3)
    server = recording(own, tmp_path, "umbrellas")
    records = rows.assign(at=rows["at"].map(lambda at: at.isoformat())).to_dict("records")
    assert server.predict({"rows": records, "raw": True}).headers["x-recorded"] == "true"
    recorder(server).look(at_last=True)

    (kept,) = all_answers(own, "umbrellas", None)
    assert kept["entity"].tolist() == rows["visit"].tolist() and kept["raw"].all()
    pd.testing.assert_series_equal(kept["event_time"], rows["at"], check_names=False)
    pd.testing.assert_frame_equal(kept[[f"{FEATURE}{n}" for n in stored]].set_axis([*stored], axis=1), stored)


def test_a_store_that_is_down_delays_answers_and_each_is_entered_once_wherever_that_was_interrupted(
    store, champion, tmp_path, capsys
):
    calls_left = 0

    def down(n: int, key: str) -> None:
        nonlocal calls_left
        calls_left -= 1
        if calls_left < 0:
            raise StoreUnreachable("nobody is there")

    server = recording(store, tmp_path)
    of = recorder(server)
    of._store = Store(Counted(store.backend, down), user="ada")
    of._since, of._clock = 0, iter(range(0, 10**9, 100)).__next__  # each look is due, and so is what waits
    sent, attempts = list[str](), 0
    while len(requests(store)) < 3 or of._waiting:
        attempts += 1
        if len(sent) < 3:
            sent.append(f"request-{attempts}")
            assert ask(server, x_request_id=sent[-1]).headers["x-recorded"] == "true"
        calls_left = attempts  # each time it gets one call further
        of.look()

    assert attempts > 10 and requests(store) == sent
    said = capsys.readouterr().err
    assert said.count("answers wait in") == 1 and "StoreUnreachable: nobody is there" in said
    assert counted(server, "publish_failures") >= attempts - 2 and counted(server, "dropped_rows") == 0


def test_what_is_entered_again_by_who_takes_it_up_is_the_same_version(store, champion, tmp_path):
    server = recording(store, tmp_path)
    ask(server)
    of = recorder(server)
    of._close(at_last=True)
    (file,) = of._own.files()
    data = file.read_bytes()
    of.look(at_last=True)
    file.write_bytes(data)  # as if it had ended before it was deleted
    of.stop()
    log = store.log(f"letters/{ANSWERS}", place(datetime.now(UTC), LINE))

    again = recorder(recording(store, tmp_path))
    again.look()

    assert store.log(f"letters/{ANSWERS}", place(datetime.now(UTC), LINE)) == log and len(log) == 1
    assert [len(store.versions(f"letters/{ANSWERS}")), [*again._asked.folder.glob("*/*.spool")]] == [1, []]


def test_a_full_spool_drops_what_is_new_counts_it_and_answers_on(store, champion, tmp_path, capsys):
    server = recording(store, tmp_path, most_bytes=4_000)
    replies = [ask(server) for _ in range(30)]
    kept = [reply for reply in replies if "x-recorded" in reply.headers]

    assert {reply.status for reply in replies} == {200} and 0 < len(kept) < 30
    assert counted(server, "recorded_rows") == len(kept) and counted(server, "dropped_rows") == 30 - len(kept)
    assert counted(server, "spool_bytes") <= 4_000
    assert capsys.readouterr().err.count("answers are NOT recorded now: ") == 1

    recorder(server).look(at_last=True)
    assert "x-recorded" in ask(server).headers  # the store has taken what waited
    recorder(server).look(at_last=True)
    assert len(requests(store)) == len(kept) + 1


def test_a_disk_that_takes_nothing_is_counted_too(store, champion, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    server = recording(store, tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("ml_assets.serving.recording.spool.os.write", full)
        assert "x-recorded" not in ask(server).headers
    assert "x-recorded" in ask(server).headers
    assert 'dropped_rows_total{model="letters@2024-01",why="disk"} 1' in server.ask("/metrics").body.decode()


def test_columns_are_left_out_or_hashed_with_a_key(store, champion, tmp_path):
    choice = Choice(without=frozenset({"city"}), hashed=frozenset({"parcel", "stops"}), key=KEY)
    server = recording(store, tmp_path, choice=choice)
    ask(server, {"parcel": "p1"}, {"parcel": None})
    recorder(server).look(at_last=True)

    (kept,) = all_answers(store)
    assert f"{FEATURE}city" not in kept and kept[f"{FEATURE}stops"].tolist() == [hashed(KEY, 4)] * 2
    assert kept["entity"].tolist()[0] == hashed(KEY, "p1") and kept["entity"].isna().tolist() == [False, True]
    (entry,) = entered(store, "letters", place(datetime.now(UTC), LINE))
    notes = store.manifest(entry.target).notes
    assert (notes["without"], notes["hashed"]) == (["city"], ["parcel", "stops"])

    with pytest.raises(UsageError, match="ML_ASSETS_RECORD_KEY"):
        Choice(hashed=frozenset({"parcel"}))


def test_nothing_is_kept_while_a_column_that_is_to_be_left_out_is_none(store, champion, tmp_path, capsys):
    server = recording(store, tmp_path, choice=Choice(without=frozenset({"citty"})))

    assert "x-recorded" not in ask(server).headers
    assert "no model that is served has a column 'citty'" in capsys.readouterr().err
    assert [*(tmp_path / "spool").glob("*/*.spool")] == []


def test_a_share_of_the_requests_is_kept_and_whoever_asks_again_gets_the_same():
    choice, ids = Choice(share=0.1), [f"request-{n}" for n in range(10_000)]
    taken = [choice.takes(one) for one in ids]

    assert 900 < sum(taken) < 1_100 and taken == [choice.takes(one) for one in ids]
    assert all(map(Choice().takes, ids)) and not any(map(Choice(share=0).takes, ids))


def test_several_processes_enter_theirs_in_one_log(store, champion, tmp_path):
    servers = [recording(store, tmp_path, seconds=0) for _ in range(3)]

    def records(server: Server) -> None:
        for _ in range(5):
            ask(server)
            recorder(server).look(at_last=True)

    threads = [threading.Thread(target=records, args=(server,)) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(requests(store)) == len({*requests(store)}) == 15
    for server in servers:
        recorder(server).stop()
    assert [*(tmp_path / "spool").iterdir()] == []
