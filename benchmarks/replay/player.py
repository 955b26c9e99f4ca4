"""Plays months as they came: what is asked is answered over HTTP, files land, monitoring looks, its sensor has models trained.

    each day               the rows of the day are asked about, hour by hour; then the retraining sensor looks
    a month's last day     its rows land, no outcome is known: monitoring says what it estimates, and what moved
    the next month's first its outcomes land: monitoring says what came, the audit what came of the last decision

Runs, decisions and the server are the product's own; the clock is that of the events.
"""

from __future__ import annotations

import logging
import shutil
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg

from benchmarks.replay.server import Server
from benchmarks.replay.stream import Fault, Stream
from ml_assets import artifacts
from ml_assets.computation.chain import retrained, scored
from ml_assets.evaluation.audit import Outcome
from ml_assets.lineage.audits import audited
from ml_assets.lineage.monitored import monitored, report_of
from ml_assets.monitoring.finding import Finding
from ml_assets.monitoring.report import Report
from ml_assets.orchestration import build_definitions
from ml_assets.orchestration.retraining import look_at_findings
from ml_assets.problem import FeatureTable
from ml_assets.promotion.ledger import Ledger
from ml_assets.promotion.retraining import TRAINED, Retraining
from ml_assets.store import RefEntry, open_landing, open_store
from ml_assets_tests.doubles.world import World

NOTHING_KNOWN = datetime.min.replace(tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@dataclass(frozen=True)
class Training:
    """What monitoring had trained.

    Attributes:
        day: on which it was asked for.
        trains: the partition.
        why: what for.
        decision, because: what was decided about the model.
        model: the version.
    """

    day: date
    trains: str
    why: str
    decision: str
    because: str
    model: str


@dataclass(frozen=True)
class Looked:
    """What monitoring said of the rows of a month by the evening of a day."""

    day: date
    finding: Finding
    report: Report


@dataclass
class Month:
    """What happened about the rows of a month.

    Attributes:
        asked: how many rows were asked about.
        versions: who answered, in that order.
        daily: what was found on evenings of the month.
        early: what was found at its end, before outcomes.
        late: what was found once they had landed.
        trainings: those that were asked for in this month.
        held: what held others back, in this month: the day, and why.
        audits: what its outcomes say of the last decision.
    """

    month: str
    asked: int = 0
    versions: dict[str, None] = field(default_factory=dict)
    daily: list[Looked] = field(default_factory=list)
    early: Looked | None = None
    late: Looked | None = None
    trainings: list[Training] = field(default_factory=list)
    held: list[tuple[date, str]] = field(default_factory=list)
    audits: list[Outcome] = field(default_factory=list)


class Player:
    """A world in a folder that lives through months.

    Args:
        hours: rows are asked about in requests of so many hours each.
        fault: what a client does wrong.
        looks: the days on whose evening what is known by then lands, and is looked at.
    """

    def __init__(
        self, stream: Stream, world: World, *, hours: int = 1, fault: Fault | None = None, looks: Iterable[date] = ()
    ) -> None:
        self.stream, self.world, self.months = stream, world, dict[str, Month]()
        self._hours, self._fault, self._looks = hours, fault, frozenset(looks)
        self._waiting = ""  # the month whose outcomes are still to land
        self._started, self._trained_at = set[str](), None
        self._server: Server | None = None

    def forked(self, folder: Path, fault: Fault, looks: Iterable[date]) -> Player:
        """What would have come of the same past, had a client made a mistake from now on."""
        world = copied(self.stream, self.world, folder)
        other = Player(self.stream, world, hours=self._hours, fault=fault, looks=looks)
        other._waiting, other._started, other._trained_at = self._waiting, {*self._started}, self._trained_at
        other.months = {**self.months}
        return other

    # ------------------------------------------------------------ what happens

    def begin(self, month: str) -> None:
        """A month whose outcomes are known, and those before it, with a champion at its end."""
        every = self.stream.problem.partitions.keys()
        for key in every[: every.index(month) + 1]:
            end = self.stream.span(key)[1]
            self._land(key, end, end + DAY)
            self._run(key, () if key == month else ("dataset", "features"))
        assert Ledger.of(self.world.store, self.stream.problem, month).champion(), f"no model of {month} is champion"

    def live(self, month: str) -> Month:
        """A month, day after day."""
        now = self.months[month] = Month(month)
        for evening, rows in self.stream.days(month):
            self._ask(now, evening, rows)
            self._late_outcomes()
            day = (evening - HOUR).date()
            if day in self._looks:
                self._land(month, evening, evening)
                now.daily.append(self._monitored(day, month))
            self._look(now, evening)
        end = self.stream.span(month)[1]
        self._land(month, end, end if now.daily else NOTHING_KNOWN)
        now.early = self._monitored((end - HOUR).date(), month)
        self._look(now, end)
        self._waiting = month
        say(f"{month}: {now.asked:,} rows were asked about")
        return now

    def end(self) -> None:
        """The last outcomes land."""
        self._late_outcomes()
        if self._server is not None:
            self._server.close()

    def idle(self, month: str, days: int) -> Month:
        """What the sensor does while nothing happens, for so many days after a month."""
        after, end = Month(f"after {month}"), self.stream.span(month)[1]
        for n in range(days):
            self._look(after, end + (n + 1) * DAY)
        return after

    # ------------------------------------------------------------ over HTTP

    @property
    def server(self) -> Server:
        """Started when it is first asked: by then there is a champion."""
        if self._server is None:
            spool = Path(self.world.store.backend.url).parent / "spool"
            self._server = Server(self.world.store, self.stream.problem, spool)
        return self._server

    def _ask(self, now: Month, evening: datetime, rows: FeatureTable) -> None:
        day = (evening - HOUR).date()
        sent = self._fault.broken(rows, day) if self._fault else rows
        asked = rows.keys[self.stream.problem.event_time] - self.stream.asked_before
        together = (asked - asked.min()) // timedelta(hours=self._hours)
        for _, of in sorted(asked.groupby(together).indices.items()):
            now.versions[self.server.ask(sent.rows(of), asked.iloc[of].min().to_pydatetime())] = None
        now.asked += len(rows)
        self.server.settle()

    # ------------------------------------------------------------ files, and what is made of them

    def _land(self, partition: str, until: datetime, known: datetime) -> None:
        for name, frame in self.stream.files(partition, until, known).items():
            self.world.landing.write(name, frame)
        for group in self.stream.groups:
            self.world.must_run(group, partition)

    def _run(self, partition: str, nouns: Iterable[str]) -> None:
        began = time.perf_counter()
        self.world.must_run(self.stream.problem, partition, nouns)
        say(f"{partition}: {' '.join(nouns) or 'the whole chain'} in {time.perf_counter() - began:.0f} s")

    def _monitored(self, day: date, month: str) -> Looked:
        self._run(month, scored(self.stream.problem))
        ((key, finding),) = monitored(self.world.store, self.stream.problem.name, [month]).items()
        return Looked(day, finding, report_of(self.world.store, key))

    def _late_outcomes(self) -> None:
        """Those of the month before land a day late."""
        month, self._waiting = self._waiting, ""
        if not month:
            return
        end = self.stream.span(month)[1]
        self._land(month, end, end + DAY)
        now = self.months[month] = replace(self.months[month])
        now.late = self._monitored(end.date(), month)
        now.audits = [one for one in audited(self.world.store, self.stream.problem.name) if one.partition == month]

    # ------------------------------------------------------------ the retraining sensor

    def _look(self, now: Month, at: datetime) -> None:
        """As the sensor does each minute, and Dagster: a run key is started once."""
        problem, store, landing = self.stream.problem, self.world.store, self.world.landing
        before, day = len(self._log()), (at - HOUR).date()
        looked = look_at_findings(problem, store, landing, self._by_the_ledger(at))
        now.held.extend((day, entry.why) for entry in self._log()[before:] if entry.details["decision"] != TRAINED)
        for asked in [] if isinstance(looked, dg.SkipReason) else looked:
            if asked.run_key not in self._started:
                self._started.add(str(asked.run_key))
                self._trained_at = at
                now.trainings.append(self._train(day, str(asked.partition_key)))

    def _by_the_ledger(self, at: datetime) -> datetime:
        """Logs are dated by the real clock: as long after the last training as it is by the clock of the events."""
        return datetime.now(UTC) + (at - self._trained_at if self._trained_at else timedelta())

    def _log(self) -> list[RefEntry]:
        return Retraining(self.world.store, self.stream.problem.name, None).entries()

    def _train(self, day: date, partition: str) -> Training:
        name, why = self.stream.problem.name, self._log()[-1].why
        self._run(partition, retrained(self.stream.problem))
        notes = self.world.manifest(f"{name}/champion", partition).notes
        model = str(self.world.head(f"{name}/model", partition))
        return Training(day, partition, why, str(notes["decision"]), str(notes["why"]), model)


def opened(stream: Stream, folder: Path) -> World:
    """The world in a folder, which may be empty."""
    problems = [*stream.groups, stream.problem]
    artifacts.trust_all(problems)
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    folder.mkdir(parents=True, exist_ok=True)
    store, landing = open_store(str(folder / "store"), user="ada"), open_landing(str(folder / "landing"))
    instance = dg.DagsterInstance.ephemeral(tempdir=str(folder))
    return World(store, landing, instance, build_definitions(problems, store, landing))


def copied(stream: Stream, world: World, folder: Path) -> World:
    """The same world in another folder, where something else happens."""
    shutil.rmtree(folder, ignore_errors=True)
    return world.copied_to(folder, [*stream.groups, stream.problem])


def say(what: str) -> None:
    """Progress."""
    print(what, file=sys.stderr, flush=True)
