"""Answered rows as bytes for the spool, and back as tables for the store, each value bit for bit.

A request is one Arrow record batch with what differs from row to row, and a line of JSON with what does not. What its columns
are is a frame of its own, written once per file. Categories travel as their values: the list that the model knows is put back
when a table is made of them, and behind it what the model does not know.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from ml_assets.errors import UnsupportedType
from ml_assets.evaluation.scored_rows import as_columns
from ml_assets.lineage.answers import hashed
from ml_assets.monitoring.served import FEATURE
from ml_assets.serving.answered import Answered
from ml_assets.serving.columns import Column
from ml_assets.serving.recording.choice import Choice
from ml_assets.serving.recording.spool import Frame
from ml_assets.store import VersionKey, frame_of
from ml_assets.values import as_type, with_missing

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

COLUMNS, ROWS = b"c", b"r"  # kinds of frames
LENGTH = struct.Struct("<I")
CATEGORY = "category"
ENTITY, EVENT_TIME = "entity", "event_time"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Packed(NamedTuple):
    """A request as it is kept.

    Attributes:
        kind: what its columns are; equal for requests that can share a frame of columns.
        constants: what is the same in all of its rows.
    """

    kind: tuple[Any, ...]
    batch: pa.RecordBatch
    types: Mapping[str, str]
    constants: Mapping[str, Any]


def packed(answered: Answered, choice: Choice, at: datetime) -> Packed:
    """What is kept of a request.

    Raises:
        UnsupportedType: if Arrow does not have the type of a column.
    """
    import pyarrow as pa

    arrays, types = list[Any](), dict[str, str]()
    for name, column, digests in _kept(answered, choice):
        arrays.append(_digests(column, choice.key) if digests else _array(name, column))
        types[name] = "str" if digests else _type(column)
    batch = pa.RecordBatch.from_arrays(arrays, names=list(types))
    key = answered.answer.key
    kind = (answered.name, key, *types.items(), *batch.schema.types)
    since = (at - EPOCH) // timedelta(microseconds=1)
    return Packed(kind, batch, types, {"request_id": answered.request_id, "at": since, "raw": answered.raw})


def _kept(answered: Answered, choice: Choice) -> Iterator[tuple[str, Any, bool]]:
    """Each column: its name in the log, its values, and whether only their digests are kept."""
    problem, answer = answered.loaded.problem, answered.answer
    of_keys = {problem.event_time: EVENT_TIME, problem.entity: ENTITY}
    named = [(of_keys[str(n)], str(n), c) for n, c in answered.keys.items()]
    read = answered.loaded.columns
    named += [(f"{FEATURE}{c.name}", c.name, _as_trained(answered.features[c.name], c)) for c in read]
    for name, called, column in named:
        if called not in choice.without:
            yield name, column, called in choice.hashed
    for name, values in as_columns("prediction", answer.values, problem.task, answer.classes).items():
        yield name, values, False


def _as_trained(given: pd.Series, column: Column) -> pd.Series:
    """In the type of training, as the model's own cast has it; features that were made of raw rows may have another one."""
    if column.dtype in (CATEGORY, given.dtype.name):
        return given
    typed = as_type(given, column.values_dtype)
    return given if typed is None else typed


def _array(name: str, column: Any) -> pa.Array:
    import pyarrow as pa

    try:
        return _converted(column)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise UnsupportedType(
            f"{name} is {column.dtype}, which Arrow does not have ({error}). Leave it out."
        ) from error


def _converted(column: Any) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    if isinstance(column, np.ndarray):
        return pa.array(np.ascontiguousarray(column))
    values, dtype = column.array, column.dtype
    if isinstance(dtype, np.dtype):
        return pa.array(values.to_numpy(), from_pandas=dtype.kind not in "fiub")
    return _values(values) if dtype.name == CATEGORY else pa.array(values, from_pandas=True)


def _values(column: Any) -> pa.Array:
    """The values of categories."""
    import pyarrow as pa

    codes, listed = column.codes, column.categories
    if not len(listed):
        return pa.nulls(len(codes), pa.string())
    return pa.array(listed).take(pa.array(codes, mask=codes < 0))


def _type(column: Any) -> str:
    name: str = column.dtype.name  # of categories no list
    return name


def _digests(column: pd.Series, key: str) -> pa.Array:
    import pyarrow as pa

    missing = column.isna().to_numpy()
    return pa.array(
        [None if no else hashed(key, v) for no, v in zip(missing, column.tolist(), strict=True)], pa.string()
    )


def columns_frame(answered: Answered, kept: Packed, choice: Choice) -> bytes:
    """What the columns of such requests are, and who answered."""
    problem, line = answered.loaded.problem.name, answered.name.partition("@")[2] or None
    known = {f"{FEATURE}{c.name}": c.known for c in answered.loaded.columns if c.known and c.dtype == CATEGORY}
    said = {
        "name": answered.name, "problem": problem, "line": line, "model": asdict(answered.answer.key), "types": kept.types,
        "known": {name: of for name, of in known.items() if kept.types.get(name) == CATEGORY},
        "without": sorted(choice.without), "hashed": sorted(choice.hashed), "share": choice.share,
    }  # fmt: skip
    return _two(said, kept.batch.schema.serialize())


def rows_frame(columns: int, kept: Packed) -> bytes:
    """The rows of a request.

    Args:
        columns: the number of the frame, in its file, that says what they are.
    """
    return _two({**kept.constants, "columns": columns}, kept.batch.serialize())


def _two(said: Mapping[str, Any], rest: Any) -> bytes:
    plain = json.dumps(said).encode()
    return b"".join([LENGTH.pack(len(plain)), plain, rest])


def _parted(body: bytes) -> tuple[dict[str, Any], bytes]:
    (size,) = LENGTH.unpack_from(body)
    return json.loads(body[LENGTH.size : LENGTH.size + size]), body[LENGTH.size + size :]


# ---------------------------------------------------------------- back


@dataclass
class Batch:
    """Answers of one day that have the same columns, as one table.

    Attributes:
        told: of the first columns frame: problem, line, name, what was left out.
        day: of the answers, UTC.
        models: who answered, in the order of their first answer.
    """

    told: Mapping[str, Any]
    day: datetime
    models: dict[VersionKey, None] = field(default_factory=dict)
    tables: list[pa.Table] = field(default_factory=list)
    types: dict[str, dict[str, None]] = field(default_factory=dict)
    known: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)

    def add(self, said: Mapping[str, Any], constants: Mapping[str, Any], rows: pa.RecordBatch) -> None:
        """One more request."""
        import pyarrow as pa

        model, count = VersionKey(**said["model"]), rows.num_rows
        self.models[model] = None
        same = {
            "request_id": constants["request_id"],
            "row": None,
            "name": said["name"],
            "answered_at": pa.scalar(constants["at"], pa.timestamp("us", "UTC")),
        }
        head = {n: pa.array(range(count)) if v is None else pa.repeat(v, count) for n, v in same.items()}
        tail = {"model_version": pa.repeat(model.version, count), "raw": pa.repeat(constants["raw"], count)}
        columns = dict(zip(rows.schema.names, rows.columns, strict=True))
        self.tables.append(pa.table({**head, **columns, **tail}))
        for name, dtype in said["types"].items():
            self.types.setdefault(name, {})[dtype] = None
        for name, of in said["known"].items():
            if of not in self.known.setdefault(name, []):
                self.known[name].append(of)

    @property
    def rows(self) -> int:
        """How many there are."""
        return sum(table.num_rows for table in self.tables)

    def frame(self) -> pd.DataFrame:
        """All rows, in the order of their answers."""
        import pyarrow as pa

        table = pa.concat_tables(self.tables)
        frame = frame_of(table)
        for name, types in self.types.items():
            is_category = CATEGORY in types
            frame[name] = self._category(frame[name], name) if is_category else _typed(frame[name], [*types])
        return frame

    def _category(self, values: pd.Series, name: str) -> pd.Series:
        """With the list that the models know, and behind it what they do not."""
        import pandas as pd

        from ml_assets.categories import restored

        lists = [restored(of) for of in self.known.get(name, [])]
        listed = [*dict.fromkeys(value for dtype in lists for value in dtype.categories)]
        of_type = lists[0].categories.dtype if lists else values.dtype
        typed = as_type(values, of_type)
        values = values if typed is None else typed
        strange = sorted(set(values.dropna().unique()) - {*listed})
        ordered = len(lists) == 1 and bool(lists[0].ordered) and not strange
        return values.astype(pd.CategoricalDtype(pd.Index([*listed, *strange], dtype=of_type), ordered=ordered))


def _typed(values: pd.Series, types: Sequence[str]) -> pd.Series:
    """In the type that all requests had, or the one that also holds what is missing."""
    for dtype in [types[0], with_missing(types[0])] if types[0] != "object" else []:
        typed = as_type(values, dtype)
        if typed is not None:
            return typed
    return values


def batches(frames: Iterable[Frame]) -> list[Batch]:
    """The tables of a file, in an order that depends on the file alone."""
    import pyarrow as pa

    columns, found = list[tuple[dict[str, Any], pa.Schema]](), dict[tuple[Any, ...], Batch]()
    for kind, body in frames:
        said, rest = _parted(body)
        if kind == COLUMNS:
            columns.append((said, pa.ipc.read_schema(pa.py_buffer(rest))))
            continue
        told, schema = columns[said["columns"]]
        rows = pa.ipc.read_record_batch(pa.py_buffer(rest), schema)
        day = (EPOCH + timedelta(microseconds=said["at"])).replace(hour=0, minute=0, second=0, microsecond=0)
        group = (told["name"], day, told["without"], told["hashed"], schema)
        found.setdefault(tuple(map(str, group)), Batch(told, day)).add(told, said, rows)
    return [*found.values()]
