"""The application that serves a champion, asked in process, by a clock that is set."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
from starlette.testclient import TestClient

from ml_assets.problem import FeatureTable, Problem
from ml_assets.serving.app import Model, Serving, application
from ml_assets.serving.bodies import ARROW
from ml_assets.serving.lane import Lane
from ml_assets.serving.limits import Limits
from ml_assets.serving.line import Line
from ml_assets.serving.metrics import Metrics, Shared
from ml_assets.serving.raw import Raw
from ml_assets.serving.recording.recorder import Recorder, Recording
from ml_assets.store import Store

HEADERS = {"Content-Type": ARROW, "Accept": ARROW}


class Server:
    """A champion over HTTP, with every answer recorded.

    Answers are dated by when they are asked for.
    """

    def __init__(self, store: Store, problem: Problem, spool: Path) -> None:
        spool.mkdir(exist_ok=True)
        metrics, limits = Metrics(), Limits()
        self._problem, self._now = problem, datetime.now(UTC)
        self._line = Line(store, problem, None, problem.name, metrics)
        self._line.look()
        self._recorder = Recorder(store, Recording(spool), metrics, list, now=lambda: self._now)
        self._lane = Lane(limits.waiting, limits.seconds)
        models = {problem.name: Model(self._line, Raw(store, problem, None))}
        serving = Serving(models, self._lane, Shared(metrics), limits, self._recorder)
        self._client = TestClient(application(serving))

    def ask(self, rows: FeatureTable, at: datetime) -> str:
        """The version that answers these rows; fails unless it does, and says that they are recorded."""
        self._now, problem = at, self._problem
        of = rows.keys[[problem.entity, problem.event_time]]
        address = f"/problems/{problem.name}/predict?unknown_categories=missing"
        reply = self._client.post(address, content=_as_arrow(of.join(rows.features)), headers=HEADERS)
        assert reply.status_code == 200, reply.text
        assert reply.headers["X-Recorded"] == "true"
        answers = pa.ipc.open_stream(reply.content).read_all()
        assert len(answers) == len(rows)
        return str(answers["model_version"][0])

    def settle(self) -> None:
        """Enter what was answered in the store, and follow the champion."""
        self._recorder.look(at_last=True)
        self._line.look()

    def close(self) -> None:
        """Leave nothing behind."""
        self._recorder.stop()
        self._lane.close()


def _as_arrow(rows: pd.DataFrame) -> bytes:
    table = pa.Table.from_pandas(rows, preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())
