from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from ml_assets.promotion.ledger import Ledger
from ml_assets.store import Store, VersionKey, open_store

MARCH = "2024-03"


def variant(store: Store, noun: str = "model", said: str = "by ada") -> VersionKey:
    """Another version, named by the branch, as a run with other parameters would."""
    made = store.manifest(store.on("main").head(f"umbrellas/{noun}", MARCH).target)
    return store.publish(replace(made, notes={**made.notes, "of": said}, run=None, by="ada"), why=said)[0]


@pytest.fixture
def ada(own) -> Store:
    """A branch with a model, a decision and a move of the ledger."""
    branch = own.on("ada")
    model = variant(branch)
    variant(branch, "champion")
    ledger = Ledger(branch, "umbrellas", None)
    ledger.enter(model, kind="promotion", after=ledger.moves(), as_of=MARCH, why="surely")
    return branch


def refs(store: Store) -> list[str]:
    return store.backend.list("refs")


def test_branches_are_listed_beside_main_and_what_to_do_next_is_said(own, ada, call):
    answer = call("branch")
    assert answer.lines[0] == f"you are ada on branch main of {own.url}"
    assert answer.lines[1].split() == ["branch", "refs", "ahead", "main", "moved", "last", "move", "by"]
    assert answer.lines[3].split()[:4] == ["ada", "3", "3", "0"]
    assert answer.lines[4].split()[0] == "main"
    assert answer.lines[5] == "next: ml-assets merge ada --dry-run"
    (listed, _) = call("branch", "--json").json["branches"]
    assert {"branch": "ada", "refs": 3, "ahead": 3, "main_moved": 0, "by": "ada"}.items() <= listed.items()
    shown = call("branch", "ada", "--json").json["refs"]
    assert {one["asset"]: one["state"] for one in shown} == dict.fromkeys(
        ["umbrellas/champion", "umbrellas/ledger", "umbrellas/model"], "ahead"
    )


def test_a_merge_publishes_what_was_made_and_leaves_who_is_champion_to_a_decision(own, ada, call):
    champion, before = call("champion", "umbrellas").out, refs(own)
    dry = call("merge", "ada", "--dry-run")
    assert (dry.code, refs(own)) == (0, before)
    assert dry.lines[-4] == "1 ref would be merged from ada"
    assert dry.lines[-1] == "next: ml-assets merge ada"
    answer = call("merge", "ada")
    assert answer.code == 0
    assert answer.lines[0] == "1 ref merged from ada"
    assert answer.lines[1].startswith("left alone: umbrellas/champion, umbrellas/ledger. Who is champion")
    assert answer.lines[2].startswith(f"next: ml-assets run umbrellas/champion --partition {MARCH} ")
    assert own.head("umbrellas/model", MARCH).target == ada.head("umbrellas/model", MARCH).target
    assert call("champion", "umbrellas").out == champion
    assert call("merge", "ada").lines[0] == "0 refs merged from ada"


def test_a_merge_is_refused_where_main_moved_and_goes_over_what_was_seen(own, ada, call, refused):
    theirs, before = variant(own, said="by bob"), refs(own)
    message = refused(3, "merge", "ada", "umbrellas")
    assert message.startswith(
        "RefMoved: main moved since ada began from it. Nothing was merged.\n    umbrellas/model 2024-03"
    )
    assert refs(own) == before
    _, _, command = message.rpartition("ml-assets ")
    assert command == f"merge ada umbrellas/model@{MARCH} --over {theirs.short}"
    assert call(*shlex.split(command)).lines[0] == "1 ref merged from ada"


def test_what_a_branch_does_not_name_cannot_be_merged(ada, refused):
    assert refused(2, "merge", "ada", "umbrellas/split").startswith(
        "ml-assets: The branch ada names no umbrellas/split."
    )
    assert refused(3, "merge", "bob").startswith("UnknownVersion: There is no branch bob")
    assert refused(3, "merge", "main").startswith("Refused: main is what branches begin from")


def test_a_removed_branch_is_had_back_by_the_command_that_is_printed(own, ada, call, refused):
    model = ada.head("umbrellas/model", MARCH).target
    answer = call("branch", "--remove", "ada")
    assert answer.lines[0] == "removed the branch ada: 3 refs, 2 of versions that main does not name"
    assert answer.lines[-1] == "gone for good, what the branch wrote in umbrellas/ledger"
    assert {key.split("/")[1] for key in refs(own)} == {"main"}
    assert call(*shlex.split(answer.lines[2])[1:]).code == 0
    assert own.on("ada").own_log("umbrellas/model", MARCH)[0].target == model
    assert refused(3, "branch", "--remove", "main").startswith("Refused: The branch main was not removed")


def test_over_an_upstream_productions_champion_is_seen_and_what_is_pushed_is_merged_there(
    own, call, refused, tmp_path, monkeypatch
):
    champion = call("champion", "umbrellas").out
    monkeypatch.setenv("ML_ASSETS_UPSTREAM", own.url)
    monkeypatch.setenv("ML_ASSETS_STORE", str(tmp_path / "mine"))
    assert call("champion", "umbrellas").out == champion
    mine = variant(open_store_as_set())
    before = own.backend.list("")
    answer = call("branch")
    assert answer.lines[0] == (
        f"you are ada on branch ada of {tmp_path / 'mine'} over {own.url}, whose main is read and never written"
    )
    assert answer.lines[-1] == "next: ml-assets push --dry-run"
    assert "nothing was merged. Share the branch" in refused(3, "merge", "ada")
    dry = call("push", "--dry-run")
    assert dry.lines[-2].startswith("would send 1 version, 0 files, ")
    assert dry.lines[-1] == "next: ml-assets push"
    assert own.backend.list("") == before
    sent = call("push")
    assert sent.lines[0].endswith(f" to {own.url}; its branch ada names 1 of them")
    assert open_store(str(tmp_path / "mine")).versions("umbrellas/model") == [mine]
    monkeypatch.delenv("ML_ASSETS_UPSTREAM")
    assert "Say where to" in refused(2, "push")
    monkeypatch.setenv("ML_ASSETS_STORE", own.url)
    assert call("merge", "ada").lines[0] == "1 ref merged from ada"
    assert own.head("umbrellas/model", MARCH).target == mine


def open_store_as_set() -> Store:
    import ml_assets

    return ml_assets.open_store()
