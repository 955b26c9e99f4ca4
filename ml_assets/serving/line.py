"""Who answers for one line of partitions, and how that changes: a move of the champion is noticed, tried, and only then swapped.

    ledger moves ─look─▶ load beside ─▶ tried on recorded rows ─▶ one assignment: the next request gets the new one
                                              └─ it fails: the old one goes on, and it is said

A request that began with the old model ends with it. Looking costs one request of the store, however long the ledger is. A
process that starts where the champion fails begins with the one before it: it, too, was champion once, and says which it is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ml_assets.errors import MlAssetsError, StoreUnreachable, UnknownVersion
from ml_assets.problem import Problem
from ml_assets.promotion.ledger import LEDGER, Ledger, Move, reigning, standing
from ml_assets.serving.alarm import Alarm
from ml_assets.serving.loaded import CODE_FAILS, Loaded
from ml_assets.serving.metrics import Metrics
from ml_assets.serving.trial import tried
from ml_assets.store import MAIN, Store, VersionKey

EARLIER = 3  # champions that are tried, where none answers yet and the present one fails
AGAIN_SECONDS = 60.0  # after which a champion that failed is tried again


@dataclass
class Line:
    """The champion of a problem, or of one line of its partitions, as it is served.

    Attributes:
        name: under which it is asked: ``umbrellas``, or ``ice_cream@south/east``.
        tolerance: see ``trial``.
        alarm: told who serves from now on, and once of each champion that cannot, and of a ledger that cannot be read.
        loaded: what answers now; None while nothing does.
        champion: the version that the ledger names; None if it names none yet.
        trouble: why ``loaded`` is not the champion; empty if it is.
    """

    store: Store
    problem: Problem
    line: str | None
    name: str
    metrics: Metrics
    tolerance: float = 0.0
    alarm: Alarm = field(default_factory=Alarm)
    loaded: Loaded | None = None
    champion: VersionKey | None = None
    trouble: str = ""
    clock: Callable[[], float] = time.monotonic
    _try_again_at: float = field(default=math.inf, repr=False)
    _seen: object = field(default=None, repr=False)
    _unreadable: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        self._ledger = Ledger(self.store, self.problem.name, self.line, self.problem.partitions.in_time)
        self._stores = (self.store,) if self.store.branch == MAIN else (self.store, self.store.on(MAIN))

    @property
    def is_ready(self) -> bool:
        """Whether it answers, if it is to: a line without a champion is not waited for."""
        return self.loaded is not None or (self.champion is None and not self._unreadable and self._seen is not None)

    def look(self) -> None:
        """Look whether the champion moved, and follow it. What goes wrong is said, and changes nothing."""
        try:
            ends = [store.head(self._ledger.asset, self.line) for store in self._stores]
            seen = tuple((end.n, end.at, end.target) if end else None for end in ends)
            if seen != self._seen or self.clock() >= self._try_again_at:
                self._follow(self._ledger.moves())
                self._seen = seen
            self._unreadable = False
        except MlAssetsError as error:
            self.metrics.add("ledger_failures", model=self.name)
            if not self._unreadable:
                self._unreadable = True
                self._tell(f"The ledger cannot be followed ({_said(error)}).")

    def _follow(self, moves: Sequence[Move]) -> None:
        move = reigning(moves)
        self.champion = move.model if move else None
        if move is None or (self.loaded is not None and self.loaded.key == move.model):
            self._is_well()
            return
        self._take(move.model)
        if self.loaded is None:
            self._begin_with_an_earlier_one(moves)

    def _take(self, key: VersionKey) -> None:
        """Have a model answer, if it can.

        Raises:
            StoreUnreachable: if the store does not answer: it is tried again.
        """
        self.alarm.say(f"{self.name}: {key} is champion; it is loaded, and tried before it serves")
        loaded = self._tried(key)
        if isinstance(loaded, str):
            self._fails(f"{key} is champion and cannot serve: {loaded}")
        else:
            self._swap(loaded)
            self._is_well()

    def _fails(self, trouble: str) -> None:
        """Tell it once; it is tried again after a while, for somebody may mend it, or judge it anew."""
        self._try_again_at = self.clock() + AGAIN_SECONDS
        if trouble != self.trouble:
            self.trouble = trouble
            self.metrics.add("swaps", model=self.name, outcome="failed")
            self.metrics.set("model_failing", 1, model=self.name)
            self._tell(trouble)

    def _tried(self, key: VersionKey) -> Loaded | str:
        try:
            return tried(self.store, self.problem, key, self.tolerance)
        except StoreUnreachable:
            raise
        except CODE_FAILS as error:
            return _said(error)

    def _swap(self, loaded: Loaded) -> None:
        before, self.loaded = self.loaded, loaded
        self.metrics.add("swaps", model=self.name, outcome="serves")
        self.metrics.forget("model", model=self.name)
        self.metrics.set("model", 1, model=self.name, version=loaded.key.version)
        was = f" instead of {before.key.short}" if before else ""
        self.alarm.say(f"{self.name}: {loaded.key} serves{was}; it {loaded.proof}")

    def _begin_with_an_earlier_one(self, moves: Sequence[Move]) -> None:
        earlier = [move.model for move in standing(moves)[-2::-1]]
        for key in [key for key in dict.fromkeys(earlier) if key != self.champion][:EARLIER]:
            loaded = self._tried(key)
            if not isinstance(loaded, str):
                self._swap(loaded)
                return

    def _is_well(self) -> None:
        self.trouble, self._try_again_at = "", math.inf
        self.metrics.set("model_failing", 0, model=self.name)

    def _tell(self, trouble: str) -> None:
        goes_on = f"{self.loaded.key} goes on." if self.loaded else "Nothing answers yet."
        self.alarm.tell(self.name, self.problem.name, f"{trouble} {goes_on}")


def lines_of(problem: Problem, store: Store, line: str | None) -> list[str | None]:
    """The lines of a problem that are served: the one that is named, or all that there are.

    Raises:
        UnknownVersion: if there is no such line.
    """
    partitions, listed = problem.partitions, problem.partitions.lines()
    has_one = partitions.in_time and not listed
    known = listed or ([] if has_one else [key for key in store.named(f"{problem.name}/{LEDGER}") if key is not None])
    if line is None and (has_one or known):
        return [*known] or [None]
    if line in known:
        return [line]
    if has_one:
        raise UnknownVersion(f"{problem.name} has no line {line!r}. It has one champion: leave the line out.")
    lines = (
        f"Its lines: {', '.join(known)}."
        if known
        else f"Make a champion first: ml-assets run {problem.name} --partition P"
    )
    raise UnknownVersion(f"{problem.name} has no {f'line {line!r}' if line else 'champion in any line'}. {lines}")


def crowned(problem: Problem, store: Store, line: str | None = None) -> list[str | None]:
    """The lines of a problem that have a champion: of the one that is named, or of all that there are.

    Raises:
        UnknownVersion: if none has, or there is no such line.
    """
    lines, in_time = lines_of(problem, store, line), problem.partitions.in_time
    found = [one for one in lines if Ledger(store, problem.name, one, in_time).champion() is not None]
    if not found:
        raise UnknownVersion(
            f"{problem.name} has no champion. Make one first: ml-assets run {problem.name} --partition P"
        )
    return found


def _said(error: BaseException) -> str:
    kind = "" if isinstance(error, MlAssetsError) else f"{type(error).__name__}: "
    return f"{kind}{error}"
