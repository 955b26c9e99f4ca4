"""How many challengers were tried on the same rows: the best of many looks better than it is.

Of ten variants that are no better than the champion, one in two times some variant looks better with a confidence of 0.95. So the
decisions about a partition are counted, and the more there were, the more is asked of the next one.
"""

from __future__ import annotations

from collections.abc import Iterator

from ml_assets.assets import noun_that
from ml_assets.errors import StoreError
from ml_assets.problem import Problem
from ml_assets.store import Handle, Manifest, Store


def earlier_challengers(
    store: Store, problem: Problem, partition: str, champion: Handle, challenger: Handle
) -> set[str]:
    """The digests of other models that were judged against this champion for this partition, on this branch and on main."""
    judged = (_challenger(made) for made in _decisions(store, problem, partition) if _champion(made) == champion.digest)
    return {digest for digest in judged if digest} - {challenger.digest}


def _decisions(store: Store, problem: Problem, partition: str) -> Iterator[Manifest]:
    asset = f"{problem.name}/{noun_that('decides')}"
    for decision in dict.fromkeys(entry.target for entry in store.full_log(asset, partition)):
        try:
            yield store.manifest(decision)
        except StoreError:  # one that is lost cannot be counted
            continue


def _challenger(made: Manifest) -> str:
    return next((read.digest for read in made.inputs if read.name == noun_that("trains")), "")


def _champion(made: Manifest) -> str:
    return next((read.digest for read in made.inputs if read.name == "champion"), "")
