"""What an asset is computed by: its own code, the problem's functions that it calls, and what else the problem tells it.

Which fields of a problem an asset uses is declared with it, and held by a test that watches it being made. Left out on
purpose: what says where partitions begin and end (more partitions change none that is there; a partition's own span is
among the settings), and what only says how many inputs there are (they are among what is read). A model does not depend on
``predict``: its check that it answers the same after it was stored is about the storing.

Code is followed through this package up to the plumbing: what stores, names and shows a result does not change it.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from ml_assets.assets import CHAIN, Asset, declared
from ml_assets.computation.code import Code, code_of, edited_while_running, is_all_text, package_versions, snapshot
from ml_assets.computation.ingredients import Ingredients, Parts
from ml_assets.problem import Gate, Problem
from ml_assets.sources import recorded_sources
from ml_assets.store import Store

PLUMBING = (
    "ml_assets.assets",
    "ml_assets.commands",  # a command says by itself what it is, see Command.given_as
    "ml_assets.store",
    "ml_assets.errors",
    "ml_assets.settings",
    "ml_assets.figures.draw",
    "ml_assets.figures.svg",
    "ml_assets.lineage",
    "ml_assets.computation",
    "ml_assets.promotion.ledger",
    "ml_assets.problem:Problem",
    "ml_assets.orchestration.asset",
    "ml_assets.orchestration.code_references",
    "ml_assets.orchestration.distributed",
    "ml_assets.orchestration.executor",
    "ml_assets.orchestration.io_manager",
    "ml_assets.orchestration.messages",
    "ml_assets.orchestration.params",
    "ml_assets.orchestration.partitions",
    "ml_assets.orchestration.remembered",
    "ml_assets.orchestration.step",
    "ml_assets.orchestration.tables",
    "ml_assets.orchestration.training",
    "ml_assets.training.checkpoints",
    "ml_assets.training.run",
    "ml_assets.training.stopping",
    "ml_assets.worker",
)
DAGSTER = "dagster"  # runs the code; it computes nothing
ONE_LOOKS = threading.Lock()  # of the threads that plan: 16 would look 16 times, by turns


@dataclass(frozen=True)
class Recipe:
    """How an asset of a problem is computed, as the code stands on the disk."""

    problem: Problem
    noun: str

    @property
    def asset(self) -> Asset:
        """Its declaration."""
        return declared(self.noun)

    @property
    def code(self) -> Code:
        """The code that computes it: the asset's own, and the problem's functions that it uses.

        Looked at once per process, which does not run what is written later; see ``unknown``. So is what a problem with
        other settings shares with this one: functions whose text says all.
        """
        with ONE_LOOKS:
            return _code(self.noun, _roots((*_functions(self._used), *self._types), self.problem))

    @cached_property
    def packages(self) -> dict[str, str]:
        """The third-party packages that this code imports, with their versions."""
        return package_versions(sorted(self.code.packages - {DAGSTER}))

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What the problem tells it, besides functions."""
        return {name: value for field, used in self._used.items() for name, value in _flat(field, used)}

    def ingredients(
        self,
        partition: str,
        reads: Mapping[str, str],
        *,
        params: Mapping[str, Any] | None = None,
        seed: int | None = None,
        threads: int | None = None,
        device: str | None = None,
    ) -> Ingredients:
        """The ingredients of one partition."""
        span = self.problem.partitions.partition(partition)
        ends = {"partition": [at.isoformat() for at in (span.start, span.end) if at is not None]}
        return Ingredients(
            asset=f"{self.problem.name}/{self.noun}",
            partition=partition,
            code=self.code.version,
            packages=self.packages,
            settings={**self.settings, **ends},
            reads=dict(reads),
            params=dict(params or {}),
            seed=seed,
            threads=threads,
            device=device,
        )

    def parts(self, stored: Parts) -> Parts:
        """The parts of code versions, also of this one, which may not be stored yet."""
        now = self.code
        return lambda version: now.parts if version == now.version else stored(version)

    @property
    def unknown(self) -> str:
        """Why what this computes cannot be recognised again, as a sentence; empty if it can."""
        if self.code.unidentified:
            return " ".join(self.code.unidentified)
        edited = edited_while_running(self.code.files)
        return f"{edited[0].name} was edited while this was running." if edited else ""

    @property
    def source(self) -> Source:
        """What is kept of the code. Looked at here, not where it is stored: Python 3.11 cannot parse in two threads at once."""
        of = self.problem.declared
        every = [*sorted({name for asset in CHAIN for name in asset.uses}), "params", "artifact_types"]
        return Source(self.code.parts, _source(_roots(_functions([getattr(of, name) for name in every]), of)))

    def store_source(self, store: Store) -> str:
        """See ``Source.put``."""
        return self.source.put(store)

    @property
    def _used(self) -> dict[str, Any]:
        used = {name: getattr(self.problem, name) for name in self.asset.uses}
        if self.asset.first_metric:
            used["metrics"] = used["metrics"][:1]
        if "gates" in used:  # an evaluation is held to metrics, a champion to rows
            judges = self.asset.role == "judges"
            used["gates"] = tuple(gate for gate in used["gates"] if isinstance(gate, Gate) == judges)
        if "sources" in used:  # of what was recorded, the version is read
            recorded = recorded_sources(used["sources"])
            others = {name: one for name, one in used["sources"].items() if name not in recorded}
            used["sources"] = recorded if self.asset.role == "records" else others
        if "waive" in used:  # another asset's checks do not concern it
            used["waive"] = {name: used["waive"][name] for name in self.asset.waivable if name in used["waive"]}
        return used

    @property
    def _types(self) -> tuple[type, ...]:
        """Types whose methods the problem's functions may call, though they need not name them: of parameters and models."""
        params = (type(self.problem.params),) if "train" in self.asset.uses else ()
        return (*params, *(self.problem.artifact_types if "predict" in self.asset.uses else ()))


@dataclass(frozen=True)
class Source:
    """The code version's parts, and the source files of the whole problem by their paths.

    Of the whole problem: from them it is computed again, and a problem can only be imported as a whole.
    """

    parts: Mapping[str, str]
    files: Mapping[str, bytes]

    def put(self, store: Store) -> str:
        """Store each once; the digest of the files."""
        store.put_code(self.parts)
        return store.put_source(self.files)


@dataclass(frozen=True, eq=False)
class _Same:
    """Something that is the same only as itself: equal ones may differ, 1 equals True."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)


@dataclass(frozen=True)
class _Roots:
    """What code is looked for from; and the problem, if what the functions hold in memory may have changed since another's."""

    functions: tuple[_Same, ...]
    holder: _Same | None


def _roots(functions: Iterable[Any], problem: Problem) -> _Roots:
    found = tuple(map(_Same, functions))
    return _Roots(found, None if all(is_all_text(one.value) for one in found) else _Same(problem))


@lru_cache(maxsize=128)
def _code(noun: str, roots: _Roots) -> Code:
    return code_of(*declared(noun).code, *(one.value for one in roots.functions), cut=PLUMBING)


@lru_cache(maxsize=8)
def _source(roots: _Roots) -> dict[str, bytes]:
    """The files of the whole problem, as its code was looked at: 50 ms, which each step would take."""
    return snapshot(*(one.value for one in roots.functions))


def _functions(value: Any) -> Iterator[Any]:
    """The functions in a value, however deep, in order."""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _functions(item)
    elif _has_fields(value):
        yield type(value)
        for field in dataclasses.fields(value):
            yield from _functions(getattr(value, field.name))
    elif callable(value):
        yield value


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A value's plain leaves by the path that leads to them, ``gates[auroc].at_least``; functions and None are left out."""
    if isinstance(value, list | tuple) and any(map(_has_fields, value)):
        yield name, [_called(item, n) for n, item in enumerate(value)]
        for n, item in enumerate(value):
            yield from _flat(f"{name}[{_called(item, n)}]", item)
    elif _has_fields(value):
        if name.isidentifier():  # a choice between types, such as that of the split
            yield name, type(value).__qualname__
        for field, of in _counting(value).items():
            yield from _flat(f"{name}.{field}", of)
    elif isinstance(value, Mapping):
        for key in sorted(value):
            yield from _flat(f"{name}[{key}]", value[key])
    elif value is not None and not callable(value):
        yield name, list(value) if isinstance(value, tuple) else value


def _counting(value: Any) -> dict[str, Any]:
    """What counts of a value: what it says itself, such as a query without its comments, or all of its fields."""
    says = getattr(value, "counts", None)
    return says() if says else {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _has_fields(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _called(item: Any, n: int) -> str:
    """How people tell it from others: by the name of a metric, by the metric of a gate and its place."""
    metric = getattr(item, "metric", None)
    return str(getattr(item, "name", "")) or (f"{n} {metric.name}" if metric is not None else str(n))
