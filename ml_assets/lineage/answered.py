"""What was answered about one entity, over HTTP or in a batch, and what stands behind an answer.

A model's answer is found where it was given: in the log of what `ml-assets serve` recorded, and in the predictions of every
partition that a branch ever named. What stands behind it is what its model was made from, and the move that let it serve.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from ml_assets.assets import noun_that
from ml_assets.computation.answered import log_of_answers
from ml_assets.errors import UnknownVersion, UsageError
from ml_assets.lineage.answers import FIRST, HASHED, batches_of, day_and_line, hashed
from ml_assets.lineage.graph import Nodes, ancestors
from ml_assets.lineage.reading import beside
from ml_assets.monitoring.served import FEATURE
from ml_assets.problem import Problem
from ml_assets.promotion.ledger import Ledger, Move
from ml_assets.store import Manifest, Store, VersionKey

if TYPE_CHECKING:
    import pandas as pd

MODEL, PREDICTIONS = noun_that("trains"), noun_that("serves")
How = Literal["http", "batch"]


@dataclass(frozen=True)
class Given:
    """An answer about an entity.

    Attributes:
        at: when it was given; in a batch: when that was published.
        how: over HTTP, or in a batch.
        where: the request and its row, or the version of the predictions and the row.
        line: of the partitions, where each has a champion of its own.
        event_time: of the row, where it is known.
        prediction: the columns of the prediction.
        features: as the model was given them; empty where only the batch of the partition has them.
    """

    at: datetime
    how: How
    where: str
    line: str | None
    event_time: str | None
    prediction: Mapping[str, float]
    model: VersionKey
    features: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Behind:
    """What stands behind an answer.

    Attributes:
        move: of the ledger, that let the model serve; None if there is none, as of a model that was only tried.
        data: the versions that the model was made from: its split first, then features, then datasets.
    """

    model: VersionKey
    manifest: Manifest
    move: Move | None
    data: tuple[VersionKey, ...]

    @property
    def code(self) -> str | None:
        """The version of the code that trained it."""
        found: str | None = self.manifest.code.get("computation", {}).get("code")
        return found


@dataclass
class Asked:
    """A question about an entity.

    Attributes:
        entity: as text; whole numbers are compared as such.
        line: only of this one; None: of all.
        until: what was answered by then; None: ever.
        key: of hashed columns; empty: none is known.
        looked_at: what was looked through, for who finds nothing.
    """

    store: Store
    problem: Problem
    entity: str
    line: str | None = None
    until: datetime | None = None
    key: str = field(default="", repr=False)
    looked_at: list[str] = field(default_factory=list)

    def answers(self) -> list[Given]:
        """All answers, newest first.

        Raises:
            UnknownVersion: if there is none.
            UsageError: if entities are whole numbers, and this is none.
        """
        found = sorted([*self._over_http(), *self._in_batches()], key=lambda given: given.at, reverse=True)
        if not found:
            raise UnknownVersion(self._nothing())
        return found

    def last(self) -> list[Given]:
        """The last answer of each kind."""
        newest: dict[How, Given] = {}
        for given in self.answers():
            newest.setdefault(given.how, given)
        return [*newest.values()]

    # ------------------------------------------------------------ over HTTP

    def _over_http(self) -> Iterator[Given]:
        places = [
            place for place in self.store.named(log_of_answers(self.problem.name)) if place and self._wants(place)
        ]
        batches = [batch for place in places for batch in batches_of(self.store, self.problem.name, place)]
        batches = [batch for batch in batches if self._is_known(datetime.fromisoformat(batch.notes[FIRST]))]
        self.looked_at.append(f"{len(batches)} batches of answers over HTTP, of {len(places)} days and lines")
        rows = self._matching(batches, "entity", self._wanted)
        for batch, frame in rows:
            _, line = day_and_line(str(batch.partition))
            models = {read.key.version: read.key for read in batch.inputs}
            for row in frame.to_dict("records"):
                given = _over_http(row, line, models)
                if self._is_known(given.at):
                    yield given

    def _wants(self, place: str) -> bool:
        day, line = day_and_line(place)
        is_by_then = self.until is None or day <= self.until.astimezone(UTC).date().isoformat()
        return is_by_then and self.line in (None, line)

    def _wanted(self, batch: Manifest) -> str | None:
        """How a batch writes the entity; None if nobody can say."""
        if self.problem.entity not in batch.notes[HASHED]:
            return self.entity
        return hashed(self.key, self.entity) if self.key else None

    # ------------------------------------------------------------ in batches

    def _in_batches(self) -> Iterator[Given]:
        asset, line_of = f"{self.problem.name}/{PREDICTIONS}", self.problem.partitions.line
        partitions = [at for at in self.store.named(asset) if at and self.line in (None, line_of(at))]
        self.looked_at.append(f"the predictions of {len(partitions)} partitions")
        published = {key: at for partition in partitions for key, at in self._published(asset, partition)}
        manifests = [self.store.manifest(key) for key in published]
        for batch, frame in self._matching(manifests, self.problem.entity, lambda batch: self.entity):
            models = {read.key.version: read.key for read in batch.inputs}
            for at, row in zip(frame.index, frame.to_dict("records"), strict=True):
                yield Given(
                    at=published[batch.key],
                    how="batch",
                    where=f"{batch.key}, row {at}",
                    line=line_of(str(batch.partition)),
                    event_time=_text(row.get(self.problem.event_time)),
                    prediction=_prediction(row),
                    model=models[row["model_version"]],
                )

    def _published(self, asset: str, partition: str) -> list[tuple[VersionKey, datetime]]:
        """The predictions that the branch named, each since when; with a time: those that it named then."""
        named = [(entry.target, datetime.fromisoformat(entry.at)) for entry in self.store.log(asset, partition)]
        known = [one for one in named if self._is_known(one[1])]
        return known if self.until is None else known[-1:]

    # ------------------------------------------------------------ inside

    def _is_known(self, at: datetime) -> bool:
        return self.until is None or at <= self.until

    def _matching(
        self, batches: Iterable[Manifest], column: str, wanted: Callable[[Manifest], str | None]
    ) -> list[tuple[Manifest, pd.DataFrame]]:
        """The rows of each batch that are about the entity; batches are read a few at the same time."""
        found: dict[VersionKey, tuple[Manifest, pd.DataFrame]] = {}

        def read(batch: Manifest) -> None:
            frame, entity = self.store.get(batch.content, of=str(batch.key)), wanted(batch)
            if entity is not None and column in frame:
                about = frame[rows_about(frame[column], entity, self.problem.entity)]
                if len(about):
                    found[batch.key] = batch, about

        listed = list(batches)
        beside(read, listed)
        return [found[batch.key] for batch in listed if batch.key in found]

    def _nothing(self) -> str:
        by = f" by {self.until.isoformat()}" if self.until else ""
        needs_key = "" if self.key else " Where entities are hashed, ML_ASSETS_RECORD_KEY must be that of the server."
        return (
            f"Nothing that {self.problem.name} answered about {self.problem.entity} {self.entity!r}{by} is known on branch "
            f"{self.store.branch}. Looked at: {'; '.join(self.looked_at)}. Over HTTP only what was recorded is known, of "
            f"requests that said {self.problem.entity!r}: ml-assets serve --record.{needs_key}"
        )


@dataclass
class Background:
    """What stands behind the answers of a problem; each ledger and model is looked up once."""

    store: Store
    problem: Problem
    _moves: dict[str | None, list[Move]] = field(default_factory=dict)
    _nodes: dict[VersionKey, Nodes] = field(default_factory=dict)

    def of(self, given: Given) -> Behind:
        """What stands behind an answer."""
        moves = [move for move in self._all_moves(given.line) if move.crowns and move.model == given.model]
        before = [move for move in moves if datetime.fromisoformat(move.at) <= given.at]
        if given.model not in self._nodes:
            self._nodes[given.model] = ancestors(self.store, given.model)
        nodes = self._nodes[given.model]
        data = tuple(key for key in nodes if not key.asset.endswith(f"/{MODEL}"))
        return Behind(given.model, nodes[given.model], next(iter(reversed(before or moves)), None), data)

    def _all_moves(self, line: str | None) -> list[Move]:
        if line not in self._moves:
            self._moves[line] = Ledger(self.store, self.problem.name, line).moves()
        return self._moves[line]


def _over_http(row: Mapping[Any, Any], line: str | None, models: Mapping[str, VersionKey]) -> Given:
    features = {str(name).removeprefix(FEATURE): _plain(v) for name, v in row.items() if str(name).startswith(FEATURE)}
    where = f"request {row['request_id']}, row {row['row']}"
    at, time = row["answered_at"].to_pydatetime(), row.get("event_time")
    return Given(at, "http", where, line, _text(time), _prediction(row), models[row["model_version"]], features)


def _prediction(row: Mapping[Any, Any]) -> dict[str, float]:
    return {str(name): float(value) for name, value in row.items() if str(name).startswith("prediction")}


def _plain(value: Any) -> Any:
    """As JSON has it: numbers and truths as they are, what is missing null, all else text."""
    if str(value) in ("None", "nan", "<NA>", "NaT"):
        return None
    return value if isinstance(value, bool | int | float | str) else str(value)


def _text(time: Any) -> str | None:
    return None if _plain(time) is None else str(time)


def rows_about(column: pd.Series, entity: str, name: str) -> Any:
    """Which rows are about the entity, as the column's type has it: 1 and 1.0 are one number, 007 and 7 are two texts."""
    import numpy as np
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        of_category = rows_about(pd.Series(column.cat.categories), entity, name)
        return np.append(of_category, False)[column.cat.codes]
    wanted = _of_type(column.dtype, entity, name)
    text = column if not isinstance(wanted, str) else column.astype("str")
    return (text == wanted).fillna(False).to_numpy(dtype=bool)


def _of_type(dtype: Any, entity: str, name: str) -> Any:
    """An entity as a value of a column.

    Raises:
        UsageError: if it is none.
    """
    from pandas.api import types

    kinds: tuple[tuple[Callable[[Any], bool], Callable[[str], Any], str], ...] = (
        (types.is_bool_dtype, str, ""),
        (types.is_integer_dtype, int, "whole numbers"),
        (types.is_float_dtype, float, "numbers"),
        (types.is_datetime64_any_dtype, lambda text: _instant_like(dtype, text), "times"),
    )
    read, what = next(((read, what) for is_one, read, what in kinds if is_one(dtype)), (str, ""))
    try:
        return read(entity)
    except ValueError:
        raise UsageError(f"{entity!r} is no {name}: these are {what} ({dtype}). Give one.") from None


def _instant_like(dtype: Any, text: str) -> Any:
    """A time as a column with or without a zone has it; one that is given without a zone is of the column's."""
    import pandas as pd

    at, zone = pd.Timestamp(text), getattr(dtype, "tz", None)
    if at.tzinfo is None:
        return at.tz_localize(zone)
    return at.tz_convert(zone) if zone else at.tz_convert("UTC").tz_localize(None)
