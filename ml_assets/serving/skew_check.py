"""Asks a server for stored rows and compares: the real application, in this process or at an address.

In this process it is seen what features the model gets, of whichever rows; at an address answers alone are. Nothing is
written, and who serves is not disturbed: the application of this process is one of its own.
"""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import quote, unquote, urlencode

from ml_assets.assets import asset_that, noun_that
from ml_assets.errors import Refused
from ml_assets.serving.alarm import Alarm
from ml_assets.serving.app import Model, Serving, application
from ml_assets.serving.bodies import ARROW, JSON
from ml_assets.serving.lane import Lane
from ml_assets.serving.limits import Limits
from ml_assets.serving.line import Line, crowned
from ml_assets.serving.loaded import Answer, Loaded, named_columns
from ml_assets.serving.metrics import Metrics, Shared
from ml_assets.serving.raw import Raw
from ml_assets.serving.skew import Difference, Skew, Way, differences
from ml_assets.store import Handle, Store, VersionKey
from ml_assets.training.model import answered_classes, predict
from ml_assets.training.sample import places

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from ml_assets.problem import FeatureTable, Problem
    from ml_assets.training.model import TrainedModel

ROWS = 500
ALONE = 20  # rows that are sent one by one
MOST_AS_JSON = 50_000  # rows: beyond, Arrow alone is asked
SECONDS = 300.0  # that an answer may take
UNLIMITED = Limits(body_bytes=1 << 40, rows=1 << 40, waiting=2, seconds=3_600.0)
AT_FAULT = (400, 415, 422)
TOO_MUCH = 413


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    body: bytes


class Server(Protocol):
    """Who is asked."""

    @property
    def seen(self) -> Sequence[pd.DataFrame]:
        """The features that the model got, one table per request; none where they cannot be seen."""

    def ask(self, path: str, body: bytes, kind: str) -> Reply:
        """Post a body of a kind, to be answered in the same."""


# ---------------------------------------------------------------- who is asked


@dataclass(frozen=True)
class _Heard(Loaded):
    """A model that remembers what it was asked."""

    seen: list[pd.DataFrame] = field(default_factory=list)

    def answer(self, features: pd.DataFrame, *, all_known: bool = False) -> Answer:
        self.seen.append(features)
        return super().answer(features, all_known=all_known)


class InProcess:
    """The application of `ml-assets serve`, asked without a network.

    Raises:
        Refused: if there is no champion, or none that can serve.
    """

    def __init__(self, store: Store, problem: Problem, line: str | None, name: str) -> None:
        metrics, said = Metrics(), list[str]()
        self.seen: list[pd.DataFrame] = []
        served = Line(store, problem, line, name, metrics, alarm=Alarm(say=said.append))
        served.look()
        if (loaded := served.loaded) is None:
            raise Refused(f"{name} is not served: {served.trouble or ' '.join(said) or 'it has no champion'}")
        served.loaded = _Heard(problem, loaded.key, loaded.model, loaded.probe, loaded.proof, loaded.keys, self.seen)
        self._lane = Lane(UNLIMITED.waiting, UNLIMITED.seconds)
        models = {name: Model(served, Raw(store, problem, line))}
        self._app = application(Serving(models, self._lane, Shared(metrics), UNLIMITED))

    def ask(self, path: str, body: bytes, kind: str) -> Reply:
        """One request, as a server would pass it on."""
        return asyncio.run(self._asked(path, body, kind))

    async def _asked(self, path: str, body: bytes, kind: str) -> Reply:
        address, _, query = path.partition("?")
        headers = [(b"content-type", kind.encode()), (b"accept", kind.encode())]
        scope = {"type": "http", "method": "POST", "path": unquote(address), "query_string": query.encode(),
                 "headers": headers, "root_path": "", "scheme": "http", "server": ("127.0.0.1", 80)}  # fmt: skip
        sent = list[Mapping[str, Any]]()

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        return Reply(int(sent[0]["status"]), b"".join(message.get("body", b"") for message in sent[1:]))

    def close(self) -> None:
        """End its thread."""
        self._lane.close()


@dataclass(frozen=True)
class AtAddress:
    """A server that runs somewhere; what its models are given is not seen."""

    url: str
    token: str = field(default="", repr=False)
    seen: Sequence[pd.DataFrame] = ()

    def ask(self, path: str, body: bytes, kind: str) -> Reply:
        """One request. Raises Refused if nobody answers there."""
        headers = {"Content-Type": kind, "Accept": kind}
        headers |= {"Authorization": f"Bearer {self.token}"} if self.token else {}
        request = urllib.request.Request(f"{self.url.rstrip('/')}{path}", body, headers)  # noqa: S310  # the caller's address
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as reply:  # noqa: S310
                return Reply(reply.status, reply.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return Reply(refused.code, refused.read())
        except (OSError, ValueError) as error:
            if isinstance(getattr(error, "reason", error), ConnectionResetError | BrokenPipeError):
                return Reply(TOO_MUCH, b"it ended the connection before the body was sent, as it does above --max-mib")
            raise Refused(
                f"{self.url} does not answer: {error}. Give the address that `ml-assets serve` said."
            ) from None


# ---------------------------------------------------------------- what is asked


@dataclass(frozen=True)
class Stored:
    """A partition as the batch chain has it.

    Attributes:
        data: the dataset that the features were made of, row for row.
        older: see ``Skew``.
    """

    problem: Problem
    partition: str
    data: pd.DataFrame
    table: FeatureTable
    older: tuple[str, ...]

    @cached_property
    def entities(self) -> Sequence[Any]:
        """Of each row."""
        return self.table.keys[self.problem.entity].tolist()


def stored(store: Store, problem: Problem, line: str | None, partition: str | None = None) -> Stored:
    """The newest partition of a line whose features are stored, or another one.

    Raises:
        Refused: if there is none, or it has no rows.
    """
    asset = f"{problem.name}/{noun_that('derives')}"
    made = [key for key in store.named(asset) if key is not None and problem.partitions.line(key) == line]
    wanted = partition or (made[-1] if made else None)
    entry = store.head(asset, wanted) if wanted in made else None
    if entry is None:
        known = (
            f"There are {', '.join(made)}." if made else f"Make some first: ml-assets run {problem.name} --partition P"
        )
        raise Refused(f"{asset} has no features{f' of {partition}' if partition else ''} to compare with. {known}")
    features = Handle(store, entry.target, noun_that("derives"))
    *history, data = features.inputs(asset_that("derives").inputs[0].name)
    table = features.load()
    if not len(table):
        raise Refused(f"{features.key} has no rows to compare. Name another partition.")
    return Stored(problem, str(wanted), data.load(), table, tuple(_older(store, history)))


def _older(store: Store, history: Sequence[Handle]) -> Iterator[str]:
    for past in history:
        now = store.head(past.key.asset, past.key.partition)
        if now is not None and now.target != past.key:
            yield str(now.target)


# ---------------------------------------------------------------- the comparison


def skews(
    store: Store,
    problem: Problem,
    line: str | None = None,
    *,
    partition: str | None = None,
    rows: int = ROWS,
    tolerance: float = 0.0,
    at: AtAddress | None = None,
) -> Iterator[Skew]:
    """Compare what a problem serves: of one line, or of each that has a champion.

    Args:
        partition: whose features are compared; None: the newest of each line.
        tolerance: how far apart numbers may be.
        at: who is asked; None: the application in this process.
    Raises:
        Refused: if there is nothing to compare with, or a champion cannot serve.
        UnknownVersion: if there is no champion, or no such line.
    """
    for one in crowned(problem, store, problem.partitions.line(partition) if partition and line is None else line):
        name = problem.name if one is None else f"{problem.name}@{one}"
        of = stored(store, problem, one, partition)
        if at is not None:
            yield skew(store, of, name, at, rows=rows, tolerance=tolerance)
            continue
        server = InProcess(store, problem, one, name)
        try:
            yield skew(store, of, name, server, rows=rows, tolerance=tolerance)
        finally:
            server.close()


def skew(store: Store, of: Stored, name: str, server: Server, *, rows: int = ROWS, tolerance: float = 0.0) -> Skew:
    """Ask for the rows in each way, and compare.

    Args:
        name: under which the server has the champion.
        rows: of the sample whose features are sent.
    Raises:
        Refused: if the server does not answer, or not for this name.
    """
    check = _Check(store, of, name, server, tolerance)
    sample = places(of.entities, rows)
    every = places(of.entities, len(of.table))
    features, raw = of.table.features, of.data
    ways = (
        check.way("features as JSON", features, sample, JSON),
        check.way("features as Arrow", features, sample, ARROW),
        check.way("raw rows as JSON", raw, every, JSON, raw=True),
        check.way("raw rows as Arrow", raw, every, ARROW, raw=True),
    )
    alone = check.one_by_one(sample[:: -(-len(sample) // ALONE)])
    if check.model is None:
        raise Refused(f"{name} answered for no rows: {'; '.join(dict.fromkeys(map(str, (*ways, alone))))}.")
    return Skew(name, of.partition, str(check.model), ways, alone, of.older)


@dataclass
class _Check:
    store: Store
    of: Stored
    name: str
    server: Server
    tolerance: float = 0.0
    model: VersionKey | None = None
    _loaded: dict[VersionKey, TrainedModel] = field(default_factory=dict)

    def way(self, name: str, rows: pd.DataFrame, at: np.ndarray, kind: str, *, raw: bool = False) -> Way:
        """Rows at some places, sent in one request."""
        if kind == JSON and len(at) > MOST_AS_JSON:
            return Way(name, len(at), refusal="too many to be written as JSON", is_asked=False)
        try:
            found = self._asked(rows.iloc[at], kind, raw=raw)
        except _NotTaken as refused:
            return Way(name, len(at), refusal=refused.said, is_asked=refused.is_asked)
        return Way(name, len(at), self._compared(found, at, every=raw))

    def one_by_one(self, at: np.ndarray) -> Way:
        """Raw rows at some places, each in a request of its own."""
        import pandas as pd

        name = "raw rows one by one"
        try:
            found = [self._asked(self.of.data.iloc[[place]], JSON, raw=True) for place in at]
        except _NotTaken as refused:
            return Way(name, len(at), refusal=refused.said, is_asked=refused.is_asked)
        answers, seen = (pd.concat(parts, ignore_index=True) for parts in zip(*found, strict=True))
        return Way(name, len(at), self._compared((answers, seen), at, every=True, alone=True))

    def _compared(
        self, found: tuple[pd.DataFrame, pd.DataFrame], at: np.ndarray, *, every: bool, alone: bool = False
    ) -> tuple[Difference, ...]:
        """Of rows whose features were made every feature counts, of others those that the model reads.

        Answers are held against those that the batch chain gives to the same rows, at once; of rows ``alone`` against those that
        it gives to the whole partition.
        """
        (answers, seen), far = found, self.tolerance
        entities, stored = [self.of.entities[place] for place in at], self.of.table.features
        names = list(stored) if every else [name for name in stored if name in seen]
        of_features = differences(stored[names].iloc[at], seen, entities, tolerance=far) if len(seen) else ()
        said = self._batch(stored).iloc[at] if alone else self._batch(stored.iloc[at])
        # As float64: the one width of JSON, which holds any float32.
        batch, served = said.astype("float64"), answers.astype("float64")
        return (*of_features, *differences(batch, served, entities, tolerance=far, are_answers=True))

    def _batch(self, features: pd.DataFrame) -> pd.DataFrame:
        """What the model that answered says of stored features."""
        key, problem = cast("VersionKey", self.model), self.of.problem
        model = self._loaded[key] = self._loaded.get(key) or self.store.load(key)
        return named_columns(predict(problem, model, features, name=str(key)), answered_classes(problem, model))

    def _asked(self, rows: pd.DataFrame, kind: str, *, raw: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The answers, and what the model was given (no rows where that is not seen)."""
        import pandas as pd

        options = {"rows": "raw", "partition": self.of.partition} if raw else {"unknown_categories": "missing"}
        path = f"/problems/{quote(self.name)}/predict?{urlencode(options)}"
        reply = self.server.ask(path, _body(rows, kind), kind)
        if reply.status != 200:
            raise self._refusal(reply)
        answers, version = _answers(reply.body, kind)
        if self.model is None or self.model.version != version:
            self.model = self.store.find(version)
        return answers, self.server.seen[-1] if self.server.seen else pd.DataFrame()

    def _refusal(self, reply: Reply) -> Exception:
        said = _error(reply.body)
        if reply.status in (*AT_FAULT, TOO_MUCH):
            return _NotTaken(said, is_asked=reply.status != TOO_MUCH)
        return Refused(f"The server answers {reply.status} for {self.name}: {said}")


class _NotTaken(Exception):
    """The server does not take these rows."""

    def __init__(self, said: str, *, is_asked: bool) -> None:
        super().__init__(said)
        self.said, self.is_asked = said, is_asked


# ---------------------------------------------------------------- bodies


def _body(rows: pd.DataFrame, kind: str) -> bytes:
    return _as_arrow(rows) if kind == ARROW else _as_json(rows)


def _as_arrow(rows: pd.DataFrame) -> bytes:
    import pyarrow as pa

    try:
        table, sink = pa.Table.from_pandas(rows, preserve_index=False), pa.BufferOutputStream()
    except pa.ArrowException as error:
        raise _NotTaken(f"Arrow has no column for this: {error}", is_asked=False) from None
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


def _as_json(rows: pd.DataFrame) -> bytes:
    plain = rows.astype(object).where(rows.notna(), None)
    return json.dumps({"columns": {str(name): plain[name].tolist() for name in plain}}, default=_text).encode()


def _text(value: Any) -> Any:
    """What JSON has no word for: numbers of NumPy, and times."""
    if not hasattr(value, "item") and not hasattr(value, "isoformat"):
        raise _NotTaken(f"JSON has no word for {type(value).__name__}", is_asked=False)
    return value.item() if hasattr(value, "item") else value.isoformat()


def _answers(body: bytes, kind: str) -> tuple[pd.DataFrame, str]:
    """The columns of an answer, and the version of the model that gave it."""
    import numpy as np
    import pyarrow as pa

    if kind == ARROW:
        frame = pa.ipc.open_stream(body).read_all().to_pandas()
        return frame, str(frame.pop("model_version").iloc[0])
    said = json.loads(body)
    values = np.array(said["prediction"], dtype=np.float64)
    if "interval" in said:
        values = np.column_stack([values, np.array(said["interval"], dtype=np.float64)])
    return named_columns(values, said.get("classes", ())), str(said["model_version"])


def _error(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode(errors="replace")
