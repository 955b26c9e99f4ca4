"""The chain of a problem: its assets in order, which partitions of which asset each is made from, and what it reads of them.

Dagster's graph (``orchestration``) says the same to Dagster; a test holds the two against each other. Here it can be asked
without Dagster, which takes a second to load: that is what lets a plan be made, and nothing be done, at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

from ml_assets.errors import CorruptBlob, UnknownVersion, UnreadableContent
from ml_assets.problem import Problem
from ml_assets.promotion.ledger import Ledger, Move, reigning, undone
from ml_assets.store import Handle, LandingFolder, RefEntry, Store, digest

CHAIN = ("dataset", "features", "split", "model", "evaluation", "champion", "predictions")
SCORED = ("dataset", "features", "predictions")  # of a partition on which no model is trained
RETRAINED = ("split", "model", "evaluation", "champion")  # where only the model is old
STUDY = "study"  # comes before the model of a problem whose parameters are searched for
TRIAL = "trial"  # of a study: no asset of its own, and remembered like one
EVERY = ("dataset", "features", "split", STUDY, "model", "evaluation", "champion", "predictions")
_UPSTREAM = {
    "features": "dataset",
    "split": "features",
    STUDY: "split",
    "model": "split",
    "evaluation": "model",
    "champion": "evaluation",
    "predictions": "features",
}
_FURTHER = {"predictions": {"champion"}, "model": {STUDY}}
_PARENTS = {noun: {above} | _FURTHER.get(noun, set()) for noun, above in _UPSTREAM.items()}
NOTHING = "none"  # stands for a champion where there is none
READERS = 16  # manifests that are read at the same time: on an object store each waits for some replies


def chain_of(problem: Problem, nouns: Sequence[str] = CHAIN) -> tuple[str, ...]:
    """Those assets of a problem, in order; with its study before the model where its parameters are searched for."""
    found = [[STUDY, noun] if noun == "model" and problem.tuning else [noun] for noun in nouns]
    return tuple(noun for some in found for noun in some)


def inputs_of(problem: Problem, noun: str, partition: str) -> list[tuple[str, str]]:
    """What an asset's partition is made from: noun and partition of each declared input, oldest first."""
    if noun not in _UPSTREAM:
        return []
    sizes = {"features": problem.lookback + 1, "split": problem.window}
    keys = problem.partitions.window(partition, sizes.get(noun, 1))
    found = [(_UPSTREAM[noun], key) for key in keys]
    return [*found, (STUDY, partition)] if noun == "model" and problem.tuning else found


def named(selection: str) -> dict[str, list[str]] | None:
    """The assets that a selection names, by problem: ``p``, ``p/model``, ``p/model+`` (with what is below), ``+p/model`` (above).

    Several are separated by commas: ``p/dataset,p/features``. With the study, which not every problem has. None for anything
    else, which is Dagster's to understand.
    """
    found: dict[str, set[str]] = {}
    for part in selection.split(","):
        problem, slash, noun = part.strip().strip("+").partition("/")
        if not problem.isidentifier() or (slash and noun not in EVERY):
            return None
        nouns = [noun] if slash else list(EVERY)
        up = _above(nouns) if part.strip().startswith("+") else set(nouns)
        down = _below(nouns) if part.strip().endswith("+") else set()
        found.setdefault(problem, set()).update(up | down)
    return {problem: [noun for noun in EVERY if noun in nouns] for problem, nouns in found.items()}


def _below(nouns: Sequence[str]) -> set[str]:
    found = set(nouns)
    for noun in EVERY:
        if _PARENTS.get(noun, set()) & found:
            found.add(noun)
    return found


def _above(nouns: Sequence[str]) -> set[str]:
    found = set(nouns)
    for noun in reversed(EVERY):
        if noun in found:
            found |= _PARENTS.get(noun, set())
    return found


class DataSources:
    """Where a computation reads from: the store, the landing folder, and the ledger as it is when first asked for."""

    def __init__(self, store: Store, landing: LandingFolder) -> None:
        self.store, self.landing = store, landing
        self.moves = cache(self._moves)

    def _moves(self, ledger: Ledger) -> Sequence[Move]:
        return ledger.moves()


def reads_of(
    problem: Problem, noun: str, partition: str, inputs: Sequence[Handle], sources: DataSources
) -> dict[str, str]:
    """Everything that an asset reads of the store when it is made from these inputs -> digest of what it says.

    Of a dataset, what it reads has landed, see ``landed.py``. (That its number of rows is compared with those of the
    partitions before is not among it: the comparison was made when the dataset was first made.)
    """
    read = {f"{handle.key.asset}@{handle.key.partition}": handle.digest for handle in _followed(noun, inputs)}
    ledger = Ledger.of(sources.store, problem, partition)
    if noun == "champion":
        (model,) = inputs[0].inputs("model")
        return {**read, **read_of_ledger(sources.store, sources.moves(ledger), partition, model)}
    if noun == "predictions":
        before = partition if ledger.in_time else None
        champion = reigning(sources.moves(ledger), before=before)
        return {**read, **read_of_champion(champion)}
    return read


def rows_before(problem: Problem, store: Store, partition: str, most: int) -> dict[str, int]:
    """Partition -> how many rows landed for it, of those made among the ``most`` before it in its line, oldest first.

    By these an unusual number of rows is recognised. Only manifests are read; a damaged one tells nothing.
    """
    keys = problem.partitions.window(partition, most + 1)[:-1]
    heads = store.heads(f"{problem.name}/dataset", keys)
    with ThreadPoolExecutor(READERS) as pool:
        rows = dict(zip(heads, pool.map(partial(_rows_of, store), heads.values()), strict=True))
    return {key: count for key in keys if (count := rows.get(key)) is not None}


def _rows_of(store: Store, entry: RefEntry) -> int | None:
    try:
        notes = store.manifest(entry.target).notes
        return int(notes.get("rows_landed", notes["rows"]))
    except (CorruptBlob, UnknownVersion, UnreadableContent):
        return None


def _followed(noun: str, inputs: Sequence[Handle]) -> list[Handle]:
    """The inputs, and the recorded inputs of theirs that the asset follows.

    Of its study a model reads the best parameters alone, which are among what it is given: a longer search that finds the
    same ones changes no model.
    """
    inputs = [handle for handle in inputs if noun != "model" or not handle.key.asset.endswith(f"/{STUDY}")]
    of_split = dict.fromkeys(("model", STUDY, TRIAL), ("features",))
    follows = {**of_split, "evaluation": ("split", "features"), "champion": ("model", "split", "features")}
    return [*inputs, *(found for handle in inputs for name in follows.get(noun, ()) for found in handle.inputs(name))]


def read_of_champion(champion: Move | None) -> dict[str, str]:
    """What predictions read of the ledger."""
    return {"champion": champion.model.version if champion else NOTHING}


def read_of_ledger(store: Store, moves: Sequence[Move], partition: str, model: Handle) -> dict[str, str]:
    """What the champion's decision depends on, and whether it was carried out: only then may it be repeated in words."""
    last = reigning(moves, until=partition)
    before = str(last.model) if last else NOTHING
    is_done = last is not None and was_decided(store, last, partition, model)
    if last is not None and is_done:
        before = last.details["before"] or NOTHING
    removed = sorted(store.manifest(gone).content.digest for gone in undone(moves))
    return {
        "champion before": before,
        "promoted": "yes" if is_done else "no",
        "rolled back": digest("".join(removed).encode()) if removed else NOTHING,
    }


def was_decided(store: Store, move: Move, partition: str, model: Handle) -> bool:
    """Whether a move is the decision of this partition that made this very model champion."""
    is_decision = move.kind == "decision" and move.as_of == partition
    return is_decision and store.manifest(move.model).content.digest == model.digest
