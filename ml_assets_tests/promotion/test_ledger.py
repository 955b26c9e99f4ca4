from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ml_assets.errors import RefMoved, Rejected, UnknownVersion, UsageError
from ml_assets.promotion.ledger import Kind, Ledger, Move, fate, standing, undone
from ml_assets.store import Check, Manifest, Store, VersionKey, open_store
from ml_assets_tests.doubles import ice_cream, umbrellas


@pytest.fixture
def store(tmp_path) -> Store:
    return open_store(str(tmp_path / "store"), user="ada")


@pytest.fixture
def ledger(store) -> Ledger:
    return Ledger.of(store, umbrellas.PROBLEM, "2024-03")


def model(store: Store, partition: str, asset: str = "umbrellas/model", **fields) -> VersionKey:
    """A version that stands for a model: the ledger never loads one."""
    manifest = Manifest(asset, partition, store.put({"model of": partition}), **fields)
    return store.publish(manifest, why="trained")[0]


def crown(ledger: Ledger, key: VersionKey, *, kind: Kind = "decision", as_of: str | None = None) -> Move:
    return ledger.enter(key, kind=kind, after=ledger.moves(), as_of=as_of or key.partition, why=f"{kind} of a test")


def test_a_problem_without_decisions_has_no_champion(ledger):
    assert ledger.champion() is None
    assert ledger.moves() == []
    with pytest.raises(UnknownVersion) as refused:
        ledger.current()
    assert str(refused.value) == (
        "umbrellas has no champion on branch main. Make one: ml-assets run umbrellas --partition P, "
        "or promote a model by hand: ml-assets promote umbrellas/model@P --why '…'"
    )


def test_a_move_records_who_made_whom_champion_as_of_when_and_why(store, ledger):
    key = model(store, "2024-01")
    move = ledger.enter(key, kind="decision", after=[], as_of="2024-01", why="The first model.", run="41aa")
    assert ledger.current() == move
    assert (move.number, move.branch, move.model, move.kind, move.as_of) == (1, "main", key, "decision", "2024-01")
    assert (move.by, move.why, move.run) == ("ada", "The first model.", "41aa")
    assert datetime.fromisoformat(move.at).utcoffset() == timedelta(0)


def test_moves_are_kept_in_their_order_and_the_newest_is_champion(store, ledger):
    keys = [model(store, month) for month in ("2024-01", "2024-02", "2024-03")]
    for key in keys:
        crown(ledger, key)
    assert [move.model for move in ledger.moves()] == keys
    assert [move.number for move in ledger.moves()] == [1, 2, 3]
    assert ledger.current().model == keys[-1]


def test_the_champion_known_before_a_partition_stays_the_same_after_later_moves_and_rollbacks(store, ledger):
    january, february, march = (model(store, month) for month in ("2024-01", "2024-02", "2024-03"))
    crown(ledger, january)
    crown(ledger, february)

    def known() -> list[VersionKey | None]:
        champions = [ledger.champion(before=month) for month in ("2024-01", "2024-02", "2024-03")]
        return [champion.model if champion else None for champion in champions]

    assert known() == [None, january, february]
    crown(ledger, march)
    crown(ledger, january, kind="rollback", as_of="2024-03")
    assert known() == [None, january, february]
    assert ledger.champion(before="2024-04").model == january
    assert ledger.champion().model == january


def test_deciding_an_old_partition_again_rewrites_its_history_and_not_the_present(store, ledger):
    """Moves may be made in any order; champions succeed each other in the order of their partitions."""
    january, april, february = (model(store, month) for month in ("2024-01", "2024-04", "2024-02"))
    for key in (january, april, february):
        crown(ledger, key)
    assert ledger.champion().model == april
    assert ledger.champion(before="2024-04").model == february
    assert ledger.champion(until="2024-02").model == february
    assert ledger.champion(before="2024-02").model == january


def test_what_a_rollback_undid_stays_undone_until_somebody_puts_it_back(store, ledger):
    january, february = model(store, "2024-01"), model(store, "2024-02")
    crown(ledger, january)
    crown(ledger, february)
    assert undone(ledger.moves()) == {}
    crown(ledger, january, kind="rollback", as_of="2024-02")
    assert list(undone(ledger.moves())) == [february]
    crown(ledger, february, kind="promotion", as_of="2024-02")
    assert undone(ledger.moves()) == {}


def test_with_static_partitions_each_is_a_world_with_a_champion_of_its_own(store):
    north, south = (Ledger.of(store, ice_cream.PROBLEM, beach) for beach in ice_cream.BEACHES)
    key = model(store, "north", "ice_cream/model")
    crown(north, key)
    assert north.current().model == key
    assert north.champion(before="north").model == key, "there is no time in which anything comes before"
    assert south.champion() is None


def test_on_calendar_partitions_every_partition_has_the_same_ledger(store):
    assert Ledger.of(store, umbrellas.PROBLEM, "2024-01") == Ledger.of(store, umbrellas.PROBLEM, None)


# ---------------------------------------------------------------- proposals


def test_a_proposal_and_a_refusal_are_in_the_log_and_move_nobody(store, ledger):
    january, february = model(store, "2024-01"), model(store, "2024-02")
    crown(ledger, january)
    proposal = crown(ledger, february, kind="proposal")
    assert (ledger.proposal(), ledger.current().model, ledger.at("2999-01-01").model) == (proposal, january, january)
    assert ledger.champion(before="2024-03").model == january
    refusal = crown(ledger, february, kind="refusal")
    assert (ledger.proposal(), ledger.current().model) == (None, january)
    assert [move.number for move in ledger.moves()] == [1, 2, 3]
    assert [move.model for move in standing(ledger.moves())] == [january]
    assert undone(ledger.moves()) == {february: refusal}
    crown(ledger, february, kind="promotion")
    assert undone(ledger.moves()) == {}


def test_without_a_champion_the_remedy_is_to_approve_what_is_proposed(store, ledger):
    key = model(store, "2024-01")
    crown(ledger, key, kind="proposal")
    with pytest.raises(UnknownVersion, match="umbrellas has no champion on branch main") as refused:
        ledger.current()
    assert f"Let it serve: ml-assets approve umbrellas/model@2024-01:{key.short} --why '…'" in str(refused.value)


@pytest.mark.parametrize(
    ("entries", "waits", "became"),
    [
        ([("proposal", 2)], True, ""),
        ([("proposal", 2), ("approval", 2)], False, "was approved by ada at"),
        ([("proposal", 2), ("refusal", 2)], False, "was refused by ada at"),
        ([("proposal", 2), ("proposal", 3)], False, "lapsed: umbrellas/model@2024-03"),
        ([("proposal", 2), ("proposal", 1)], True, ""),
        ([("proposal", 2), ("proposal", 3), ("refusal", 3)], False, "lapsed: umbrellas/model@2024-03"),
        ([("proposal", 2), ("promotion", 3)], False, "lapsed, for the champion moved: umbrellas/model@2024-03"),
        ([("proposal", 2), ("promotion", 2)], False, "lapsed, for the champion moved: umbrellas/model@2024-02"),
        ([("promotion", 1), ("proposal", 2), ("promotion", 1)], False, "lapsed, for the champion moved"),
        ([("promotion", 3), ("proposal", 2)], False, "is for 2024-02, and umbrellas/model@2024-03"),
    ],
    ids=str,
)
def test_a_proposal_waits_until_it_is_answered_or_lapses(store, ledger, entries, waits, became):
    keys = {month: model(store, f"2024-0{month}") for month in (1, 2, 3)}
    made = [crown(ledger, keys[month], kind=kind) for kind, month in entries]
    (proposal, *_) = [move for move in made if (move.kind, move.model) == ("proposal", keys[2])]
    assert (ledger.proposal() == proposal) is waits
    assert waits or fate(ledger.moves(), proposal).startswith(became)


def test_a_branch_may_approve_for_itself_what_is_proposed_on_main(store, ledger):
    key = model(store, "2024-01")
    proposal = crown(ledger, key, kind="proposal")
    branch = Ledger.of(store.on("ada/trial"), umbrellas.PROBLEM, None)
    assert branch.proposal() == proposal
    crown(branch, key, kind="approval")
    assert (branch.current().model, branch.proposal()) == (key, None)
    assert (ledger.champion(), ledger.proposal()) == (None, proposal)


# ---------------------------------------------------------------- races


def test_of_two_racing_crowns_one_wins_and_the_other_is_told(store, ledger):
    first, mine, theirs = (model(store, month) for month in ("2024-01", "2024-02", "2024-03"))
    crown(ledger, first)
    seen = ledger.moves()
    ledger.enter(theirs, kind="decision", after=seen, as_of="2024-03", why="theirs is better")
    with pytest.raises(RefMoved, match=r"expected entry 1: somebody moved it in between\. Nothing was changed\."):
        ledger.enter(mine, kind="decision", after=seen, as_of="2024-02", why="mine is better")
    assert [move.model for move in ledger.moves()] == [first, theirs]


def test_of_two_first_crowns_one_wins_too(store, ledger):
    mine, theirs = model(store, "2024-01"), model(store, "2024-02")
    crown(ledger, theirs)
    with pytest.raises(RefMoved):
        ledger.enter(mine, kind="decision", after=[], as_of="2024-01", why="I saw no champion")
    assert ledger.current().model == theirs


def test_a_model_that_was_refused_by_its_checks_never_becomes_champion(store, ledger):
    key = model(store, "2024-01", checks=(Check("reloads", passed=False, blocking=True, description="It does not."),))
    with pytest.raises(Rejected, match="failed a blocking check: no ref may name it"):
        crown(ledger, key)
    assert ledger.champion() is None


# ---------------------------------------------------------------- branches


def test_a_branch_starts_from_mains_champion_and_moves_only_its_own(store, ledger):
    january, february = model(store, "2024-01"), model(store, "2024-02")
    crown(ledger, january)
    branch = Ledger.of(store.on("ada/trial"), umbrellas.PROBLEM, None)
    assert branch.current() == ledger.current()

    moved = crown(branch, february)
    assert (moved.number, moved.branch) == (1, "ada/trial")
    assert branch.current().model == february
    assert [move.model for move in branch.moves()] == [january, february]
    assert ledger.current().model == january
    assert [move.model for move in ledger.moves()] == [january]

    crown(branch, january, kind="rollback", as_of="2024-02")
    assert [(move.branch, move.number) for move in branch.moves()] == [("main", 1), ("ada/trial", 1), ("ada/trial", 2)]


def test_a_branch_has_its_own_races(store, ledger):
    january, february = model(store, "2024-01"), model(store, "2024-02")
    crown(ledger, january)
    seen = ledger.moves()
    branch = Ledger.of(store.on("ada/trial"), umbrellas.PROBLEM, None)
    crown(branch, february)
    with pytest.raises(RefMoved):
        branch.enter(january, kind="promotion", after=seen, as_of="2024-02", why="I did not look")


# ---------------------------------------------------------------- who served when


def test_at_answers_who_was_champion_then(store, ledger):
    moves = [crown(ledger, model(store, month)) for month in ("2024-01", "2024-02")]
    times = [datetime.fromisoformat(move.at) for move in moves]
    moment = timedelta(microseconds=1)
    assert ledger.at(moves[0].at) == moves[0]
    assert ledger.at((times[1] - moment).isoformat()) == moves[0]
    assert ledger.at(moves[1].at) == moves[1]
    assert ledger.at("2999-01-01") == moves[1]
    with pytest.raises(UnknownVersion, match=r"umbrellas had no champion at .*\. See its moves: --log"):
        ledger.at((times[0] - moment).isoformat())


@pytest.mark.parametrize("zone", [0, 5.5, -8], ids=["UTC", "Kolkata", "Los Angeles"])
def test_a_time_means_the_same_in_every_zone(store, ledger, zone):
    move = crown(ledger, model(store, "2024-01"))
    there = datetime.fromisoformat(move.at) + timedelta(hours=zone)
    sign, hours, minutes = "-" if zone < 0 else "+", int(abs(zone)), int(abs(zone) % 1 * 60)
    assert ledger.at(f"{there:%Y-%m-%dT%H:%M:%S.%f}{sign}{hours:02}:{minutes:02}") == move


def test_a_time_without_zone_is_utc(store, ledger):
    move = crown(ledger, model(store, "2024-01"))
    assert ledger.at(datetime.now(UTC).replace(tzinfo=None).isoformat()) == move


def test_what_is_no_time_is_refused_with_an_example(ledger):
    with pytest.raises(UsageError, match=r"'yesterday' is no time\. Write it as 2026-11-21T03:00Z\."):
        ledger.at("yesterday")
