"""What several processes are to train, so that each finds it by itself: names and exact versions."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any, cast

from ml_assets.errors import InvalidProblem, Refused
from ml_assets.problem import Problem
from ml_assets.problems import PROBLEMS, elsewhere
from ml_assets.settings import Settings
from ml_assets.store import Backend, Overlay, Patience, Store, VersionKey, copies_of, open_backend, signed, trusted_by


@dataclass(frozen=True)
class Order:
    """One training.

    Attributes:
        problem: its name.
        candidate: which of its candidates; empty where it has none.
        modules: where it is defined, if it is none of those that ship; the first that has it counts.
        stores: address of the store to read from and write to; of an ``Overlay``, its own and then those below.
        split: which rows train.
        features: the tables of the window, oldest first.
        params: values by name.
        computation: what its checkpoints are found by.
        device: ``cpu``, or ``cuda`` for a GPU each.
    """

    problem: str
    candidate: str
    modules: tuple[str, ...]
    stores: tuple[str, ...]
    split: VersionKey
    features: tuple[VersionKey, ...]
    params: Mapping[str, Any]
    seed: int
    computation: str
    device: str

    def to_text(self) -> str:
        """One argument of a command. Without ``$``: in a pod's arguments, Kubernetes puts variables in its place."""
        return json.dumps(asdict(self)).replace("$", "\\u0024")

    @classmethod
    def from_text(cls, text: str) -> Order:
        """The inverse of ``to_text``."""
        order = cls(**json.loads(text))
        features = tuple(VersionKey(**key) for key in order.features)  # type: ignore[arg-type]  # as JSON has them
        split = VersionKey(**order.split)  # type: ignore[arg-type]
        modules, stores = tuple(order.modules), tuple(order.stores)
        return replace(order, modules=modules, stores=stores, split=split, features=features)

    def open_store(self) -> Store:
        """The store, in another process than ``addresses`` was asked in."""
        settings = Settings.from_environment()
        places = (open_backend(url, Patience(settings.patience_seconds)) for url in reversed(self.stores))
        backend, *above = (signed(place, settings.signing_key, settings.trusted_keys) for place in places)
        copies = copies_of(backend.url, Path(settings.cache) / "objects", settings.cache_gib, trusted_by(backend))
        return Store(reduce(Overlay, above, cast("Backend", backend)), copies=copies)

    def find_problem(self) -> Problem:
        """The problem, in a process that has not imported it yet.

        Raises:
            InvalidProblem: if it is not where it was.
        """
        shipped = next((problem for problem in PROBLEMS if problem.name == self.problem), None)
        found = elsewhere(self.problem, self.modules) if self.modules else shipped
        if found is None:
            raise InvalidProblem(
                f"The problem {self.problem} is not in {', '.join(self.modules) or 'ml_assets.problems'}. A training on "
                "several devices imports it again: give its module a PROBLEM at the top level."
            )
        return found.variants[self.candidate] if self.candidate else found


def addresses(store: Store) -> tuple[str, ...]:
    """Where other processes find the store.

    Raises:
        Refused: if they cannot: it is in the memory of this one.
    """
    urls = tuple(_urls(store.backend))
    for url in urls:
        if url.startswith("memory://"):
            raise Refused(
                f"The store {url} is in the memory of this process, and a training on several devices takes others. "
                "Use a folder or a bucket."
            )
    return urls


def _urls(backend: Backend) -> Iterator[str]:
    """Of a backend, and then of those below it."""
    if isinstance(backend, Overlay):
        yield from (*_urls(backend.own), *_urls(backend.base))
    else:
        yield backend.url


def modules_of(problem: Problem) -> tuple[str, ...]:
    """Where another process finds the problem: nowhere in particular if it ships, else in a module that has it.

    Raises:
        InvalidProblem: if no module has it: it was made inside a function, or by the script that runs.
    """
    if any(shipped is problem for shipped in PROBLEMS):
        return ()
    loaded = [(name, vars(module)) for name, module in list(sys.modules.items()) if hasattr(module, "__dict__")]
    having = [
        name
        for name, values in loaded
        if name != "__main__" and any(value is problem for value in list(values.values()))
    ]
    if not having:
        raise InvalidProblem(
            f"No module has the problem {problem.name} at its top level, where the processes of a training on several "
            "devices could import it. Write it into a file of a package of problems."
        )
    return tuple(sorted(having, key=lambda name: (name != problem.train.__module__, name)))[:1]
