"""The chain of a problem: its assets in order, which partitions of which asset each is made from, and what it reads of them.

Dagster's graph (``orchestration``) says the same to Dagster; a test holds the two against each other. Here it can be asked
without Dagster, which takes a second to load: that is what lets a plan be made, and nothing be done, at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

from ml_assets import assets
from ml_assets.assets import declared, every_name, noun_that
from ml_assets.computation.answered import heard, read_of_answers
from ml_assets.computation.outside import NOTHING_KNOWN
from ml_assets.errors import CorruptBlob, UnknownVersion, UnreadableContent
from ml_assets.problem import Problem
from ml_assets.promotion.audit import NOBODY, NOTHING, decided_before
from ml_assets.promotion.ledger import Ledger, Move, reigning, undone
from ml_assets.promotion.remembered import remembered
from ml_assets.store import Handle, LandingFolder, RefEntry, Store, digest

READERS = 16  # manifests that are read at the same time: on an object store each waits for some replies


def chain_of(problem: Problem) -> tuple[str, ...]:
    """The names of a problem's assets, in order."""
    return tuple(asset.name for asset in assets.chain_of(problem))


def retrained(problem: Problem) -> tuple[str, ...]:
    """Those that are made again where only the model is old."""
    return tuple(asset.name for asset in assets.chain_of(problem) if asset.serves_training)


def data_of(problem: Problem) -> tuple[str, ...]:
    """Those that come from outside: what was recorded of sources, and the dataset."""
    return tuple(asset.name for asset in assets.chain_of(problem) if asset.role in ("records", "lands"))


def scored(problem: Problem) -> tuple[str, ...]:
    """Those of a partition on which no model is trained."""
    return tuple(asset.name for asset in assets.chain_of(problem) if not asset.serves_training)


def inputs_of(problem: Problem, noun: str, partition: str) -> list[tuple[str, str]]:
    """What an asset's partition is made from: key and partition of each declared input, oldest first."""
    return [
        (read.key(problem), key) for read in declared(noun).inputs_of(problem) for key in read.keys(problem, partition)
    ]


def groups_read(problem: Problem, partitions: Iterable[str], known: Iterable[Problem]) -> dict[str, list[str]]:
    """The feature groups that partitions of a problem are made from, also by way of others -> which partitions of each.

    Args:
        known: all that there are, in order of sharing, which the groups keep.
    """
    groups = {one.name: one for one in known if one.is_group}
    wanted, waiting = dict[str, set[str]](), [(problem, set(partitions))]
    while waiting:
        reader, keys = waiting.pop()
        for asset, key in {place for one in keys for place in inputs_of(reader, noun_that("lands"), one)}:
            owner = asset.partition("/")[0]
            if owner in groups and key not in wanted.setdefault(owner, set()):
                wanted[owner].add(key)
                waiting.append((groups[owner], {key}))
    return {name: group.partitions.in_order(wanted[name]) for name, group in groups.items() if wanted.get(name)}


def named(selection: str) -> dict[str, list[str]] | None:
    """The assets that a selection names, by problem: ``p``, ``p/model``, ``p/model+`` (with what is below), ``+p/model`` (above).

    Several are separated by commas: ``p/dataset,p/features``. With the study, which not every problem has. None for anything
    else, which is Dagster's to understand.
    """
    found: dict[str, set[str]] = {}
    for part in selection.split(","):
        problem, slash, noun = part.strip().strip("+").partition("/")
        if not problem.isidentifier() or (slash and noun not in every_name()):
            return None
        nouns = [noun] if slash else every_name()
        up = _above(nouns) if part.strip().startswith("+") else set(nouns)
        down = _below(nouns) if part.strip().endswith("+") else set()
        found.setdefault(problem, set()).update(up | down)
    return {problem: [noun for noun in every_name() if noun in nouns] for problem, nouns in found.items()}


def _below(nouns: Sequence[str]) -> set[str]:
    found = set(nouns)
    for noun in every_name():
        if _parents(noun) & found:
            found.add(noun)
    return found


def _above(nouns: Sequence[str]) -> set[str]:
    found = set(nouns)
    for noun in reversed(every_name()):
        if noun in found:
            found |= _parents(noun)
    return found


def _parents(noun: str) -> set[str]:
    """What an asset is made from, in any problem; with the champion that it is made by."""
    asset = declared(noun)
    serving = {noun_that("decides")} if asset.looks_back else set()
    return {read.asset for read in asset.inputs} | serving


class DataSources:
    """Where a computation reads from: the store, the landing folder, and the ledger as it is when first asked for.

    Args:
        versions: source -> data version of other people's assets, where they are known.
    """

    def __init__(self, store: Store, landing: LandingFolder, versions: Mapping[str, str] = NOTHING_KNOWN) -> None:
        self.store, self.landing, self.versions = store, landing, versions
        self.moves = cache(self._moves)
        self.named = cache(store.named)

    def _moves(self, ledger: Ledger) -> Sequence[Move]:
        return ledger.moves()


def reads_of(
    problem: Problem, noun: str, partition: str, inputs: Sequence[Handle], sources: DataSources
) -> dict[str, str]:
    """Everything that an asset reads of the store when it is made from these inputs -> digest of what it says.

    Of a dataset, what it reads has landed, see ``landed.py``. (That its number of rows is compared with those of the
    partitions before is not among it: the comparison was made when the dataset was first made.)
    """
    asset = declared(noun)
    read = {f"{handle.key.asset}@{handle.key.partition}": handle.digest for handle in _followed(problem, noun, inputs)}
    ledger = Ledger.of(sources.store, problem, partition)
    if asset.role == "decides":
        (model,) = inputs[0].inputs(noun_that("trains"))
        held_to = remembered(problem, sources.store, sources.landing, partition).reads
        return {**read, **held_to, **read_of_ledger(sources.store, sources.moves(ledger), partition, model)}
    if asset.role == "serves":
        before = partition if ledger.in_time else None
        champion = reigning(sources.moves(ledger), before=before)
        return {**read, **read_of_champion(champion)}
    if asset.role == "audits":
        return {**read, **read_of_decisions(sources.store, problem, sources.moves(ledger), partition)}
    if asset.role == "watches":
        return {**read, **read_of_answers(heard(sources.store, problem, partition, sources.named))}
    return read


def rows_before(problem: Problem, store: Store, partition: str, most: int) -> dict[str, int]:
    """Partition -> how many rows landed for it, of those made among the ``most`` before it in its line, oldest first.

    By these an unusual number of rows is recognised. Only manifests are read; a damaged one tells nothing.
    """
    keys = problem.partitions.window(partition, most + 1)[:-1]
    heads = store.heads(f"{problem.name}/{noun_that('lands')}", keys)
    with ThreadPoolExecutor(READERS) as pool:
        rows = dict(zip(heads, pool.map(partial(_rows_of, store), heads.values()), strict=True))
    return {key: count for key in keys if (count := rows.get(key)) is not None}


def _rows_of(store: Store, entry: RefEntry) -> int | None:
    try:
        notes = store.manifest(entry.target).notes
        return int(notes.get("rows_landed", notes["rows"]))
    except (CorruptBlob, UnknownVersion, UnreadableContent):
        return None


def _followed(problem: Problem, noun: str, inputs: Sequence[Handle]) -> list[Handle]:
    """The inputs whose content counts, and the recorded inputs of theirs that the asset follows."""
    search, follows = search_among(problem, noun, inputs), declared(noun).follows
    counted = [handle for handle in inputs if handle is not search]
    return [*counted, *(found for handle in counted for name in follows for found in handle.inputs(name))]


def search_among(problem: Problem, noun: str, inputs: Iterable[Handle]) -> Handle | None:
    """The input that says what is best, parameters or a candidate, and counts for nothing else; None where there is none."""
    giving = {f"{problem.name}/{read.asset}" for read in declared(noun).inputs if read.gives_params}
    return next((handle for handle in inputs if handle.key.asset in giving), None)


def read_of_champion(champion: Move | None) -> dict[str, str]:
    """What predictions read of the ledger."""
    return {"champion": champion.model.version if champion else NOTHING}


def read_of_decisions(store: Store, problem: Problem, moves: Sequence[Move], partition: str) -> dict[str, str]:
    """What an audit reads of the ledger, and of the decision just before its partition."""
    decided = decided_before(store, problem, moves, partition)
    return decided.read if decided else NOBODY


def read_of_ledger(store: Store, moves: Sequence[Move], partition: str, model: Handle) -> dict[str, str]:
    """What the champion's decision depends on, and whether it was carried out: only then may it be repeated in words."""
    last = reigning(moves, until=partition)
    before = str(last.model) if last else None
    is_done = last is not None and was_decided(store, last, partition, model)
    if last is not None and is_done:
        before = last.details["before"]
    is_own_move = last is not None and is_done and last.kind == "decision"
    removed = sorted(store.manifest(gone).content.digest for gone in undone(moves))
    return {
        "champion before": before or NOTHING,
        "promoted": "yes" if is_own_move else "proposed" if proposed(store, moves, partition, model, before) else "no",
        "rolled back": digest("".join(removed).encode()) if removed else NOTHING,
    }


def was_decided(store: Store, move: Move, partition: str, model: Handle) -> bool:
    """Whether a move is the decision of this partition, or what somebody approved of it, that made this very model champion."""
    is_decision = move.kind in ("decision", "approval") and move.as_of == partition
    return is_decision and store.manifest(move.model).content.digest == model.digest


def proposed(store: Store, moves: Sequence[Move], partition: str, model: Handle, before: str | None) -> Move | None:
    """The entry by which this partition's decision proposed this very model against the champion ``before``, if there is one."""
    of_partition = (move for move in reversed(moves) if move.kind == "proposal" and move.as_of == partition)
    against = (move for move in of_partition if move.details["before"] == before)
    return next((move for move in against if store.manifest(move.model).content.digest == model.digest), None)
