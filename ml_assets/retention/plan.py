"""What is kept and why, and what goes and by which rule: a pure function of what there is.

Kept are the *roots*: what is young, pinned, named by the ledger of champions or another log that speaks of versions, what may not
be lost (decisions, audits, failures, answers), and the last versions that each branch named. And what it takes to make these
again: an input of a kept version goes only if it can be made again, from inputs of which the same holds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from ml_assets.assets import CHAIN
from ml_assets.problem import Keep, Problem
from ml_assets.retention.facts import Facts, Named, Version
from ml_assets.store import VersionKey

Kind = Literal["young", "pinned", "named", "whole", "recent", "needed"]
NEVER_COLLECTED = ("decides", "remembers", "audits")
"""Roles of assets that are small and are the memory of what was decided: each version that was named is kept."""
COLLECTED = frozenset(one.name for asset in CHAIN if asset.role not in NEVER_COLLECTED for one in (asset, *asset.parts))
DEFAULT = Keep()
NEVER_NAMED = "no branch ever named it"
REJECTED = "a blocking check rejected it"


class Reason(NamedTuple):
    """Why a version is kept: in a word, and as people read it."""

    kind: Kind
    why: str


@dataclass(frozen=True)
class Plan:
    """What becomes of each version.

    Attributes:
        kept: version -> why.
        goes: version -> by which rule.
        lost: kept version -> why it can no longer be made again, because a rule insists.
    """

    kept: Mapping[VersionKey, Reason]
    goes: Mapping[VersionKey, str]
    lost: Mapping[VersionKey, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Rules:
    """What the problems that are loaded say of their assets."""

    problems: Mapping[str, Problem]

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> Rules:
        """Those of some problems."""
        return cls({problem.name: problem for problem in problems})

    def stated(self, asset: str) -> Keep | None:
        """What is said of an asset by name."""
        problem, _, noun = asset.partition("/")
        return self.problems[problem].keep.get(noun) if problem in self.problems else None

    def keep(self, asset: str) -> Keep | None:
        """Of how much of it the content is kept; None: of all that was ever named."""
        problem, _, noun = asset.partition("/")
        stated = self.stated(asset)
        return stated or (DEFAULT if problem in self.problems and noun in COLLECTED else None)

    def line(self, asset: str, partition: str) -> str | None:
        """Which partitions follow each other with this one."""
        return self.problems[asset.partition("/")[0]].partitions.line(partition)

    def to_json(self) -> dict[str, str]:
        """What is stated, in words."""
        return {
            f"{name}/{noun}": str(keep)
            for name, problem in self.problems.items()
            for noun, keep in problem.keep.items()
        }


def decide(facts: Facts, rules: Rules, *, now: float, grace: float) -> Plan:
    """What becomes of each version.

    Args:
        now, grace: seconds.
    """
    kept: dict[VersionKey, Reason] = {}
    for key, reason in _roots(facts, rules, now - grace):
        if key in facts.versions:
            kept.setdefault(key, reason)
    ancestry = _Ancestry(facts, rules, kept)
    ancestry.keep_what_is_needed()
    named = {key for log in facts.logs for key in log.targets}
    goes = {key: _rule(version, rules, named) for key, version in facts.versions.items() if key not in kept}
    return Plan(kept, goes, ancestry.lost())


# ---------------------------------------------------------------- roots


def _roots(facts: Facts, rules: Rules, since: float) -> Iterator[tuple[VersionKey, Reason]]:
    for key, why in facts.pins.items():
        yield key, Reason("pinned", f"pinned: {why}")
    for log in facts.logs:
        yield from _whole(log, rules)
    older = _older_partitions(facts.logs, rules)
    for log in facts.logs:
        yield from _recent(log, rules, older)
    for key, version in facts.versions.items():
        if version.written > since:
            yield key, Reason("young", "younger than the grace period")


def _whole(log: Named, rules: Rules) -> Iterator[tuple[VersionKey, Reason]]:
    """What a log speaks of that is no asset's own, such as a ledger's; and all of an asset that is never collected."""
    for target in log.targets:
        if target.asset != log.asset:
            yield target, Reason("named", f"{log.asset} on {log.branch} names it")
        elif rules.keep(log.asset) is None:
            yield target, Reason("whole", f"all that was named of {log.asset} is kept")


def _recent(log: Named, rules: Rules, older: set[tuple[str, str]]) -> Iterator[tuple[VersionKey, Reason]]:
    keep = rules.keep(log.asset)
    if keep is None or (log.asset, log.partition) in older:
        return
    own = [target for target in log.targets if target.asset == log.asset]
    for n, target in enumerate(list(dict.fromkeys(reversed(own)))[: keep.versions]):
        why = f"among the last {keep.versions} of {log.branch}" if n else f"{log.branch} names it"
        yield target, Reason("recent", why)


def _older_partitions(logs: Sequence[Named], rules: Rules) -> set[tuple[str, str]]:
    """Partitions of assets that a rule leaves out because there are newer ones, on whatever branch."""
    of_line: dict[tuple[str, str | None], set[str]] = {}
    for log in logs:
        keep = rules.stated(log.asset)
        if keep is not None and keep.partitions is not None and log.partition is not None:
            of_line.setdefault((log.asset, rules.line(log.asset, log.partition)), set()).add(log.partition)
    found = set[tuple[str, str]]()
    for (asset, _), partitions in of_line.items():
        most = (rules.stated(asset) or DEFAULT).partitions or 0
        found |= {(asset, partition) for partition in sorted(partitions)[:-most]}
    return found


# ---------------------------------------------------------------- what they need


@dataclass(frozen=True)
class _Ancestry:
    """What kept versions were made of."""

    facts: Facts
    rules: Rules
    kept: dict[VersionKey, Reason]

    def keep_what_is_needed(self) -> None:
        """Keep what cannot be made again of all that recorded versions were made of, but for what a rule names."""
        waiting, seen = deque((key, key) for key in self.kept), set(self.kept)
        while waiting:
            key, of = waiting.popleft()
            for read in [] if not self.facts.versions[key].is_recorded else self._inputs(key):
                if read in seen:
                    continue
                seen.add(read)
                if self._can_be_made(read):
                    waiting.append((read, of))
                elif self.rules.stated(read.asset) is None:
                    self.kept[read] = Reason("needed", f"needed to make {of} again")
                    waiting.append((read, read))

    def lost(self) -> dict[VersionKey, str]:
        """The kept versions that can no longer be made again, each with what is in the way."""
        obstacle: dict[VersionKey, VersionKey | None] = {}  # the first that cannot be had of what a version was made of
        for key in self._inputs_first():
            inputs = (self._obstacle(read, obstacle) for read in self._inputs(key))
            obstacle[key] = next(filter(None, inputs), None)
        return {
            key: f"{gone} goes by its rule {self.rules.stated(gone.asset)}, and cannot be made again"
            for key in self.kept
            if self.facts.versions[key].is_recorded and (gone := obstacle[key]) is not None
        }

    def _obstacle(self, key: VersionKey, obstacle: Mapping[VersionKey, VersionKey | None]) -> VersionKey | None:
        if key in self.kept:
            return None
        return obstacle[key] if self._can_be_made(key) else key

    def _can_be_made(self, key: VersionKey) -> bool:
        """From its inputs, if these are there. Landed files are only counted on where the problem's owners do."""
        version = self.facts.versions[key]
        return version.is_recorded and (not version.reads_landed or self.rules.stated(key.asset) is not None)

    def _inputs(self, key: VersionKey) -> list[VersionKey]:
        return [read for read in self.facts.versions[key].inputs if read in self.facts.versions]

    def _inputs_first(self) -> Iterator[VersionKey]:
        """What is kept and all that it was made of, each after what it was made of itself."""
        done = set[VersionKey]()
        waiting = [(key, False) for key in self.kept]
        while waiting:
            key, is_ready = waiting.pop()
            if key in done:
                continue
            if is_ready:
                done.add(key)
                yield key
            else:
                waiting += [(key, True), *((read, False) for read in self._inputs(key))]


def _rule(version: Version, rules: Rules, named: set[VersionKey]) -> str:
    asset = version.key.asset
    if version.rejected:
        return REJECTED
    if version.key not in named:
        return NEVER_NAMED
    return f"{rules.keep(asset) or DEFAULT} of {asset}{'' if rules.stated(asset) else ', the default'}"
