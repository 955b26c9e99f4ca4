"""Keeps answers: in the spool before they go out, in the store soon after. What it cannot keep it counts, and says once.

answers' thread    keep ─▶ the open file                                 full, or a disk that takes nothing: dropped, counted
its own thread     closes files, enters them in the log, deletes them    a store that is down: they wait
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ml_assets.errors import MlAssetsError, StoreUnreachable, UnsupportedType
from ml_assets.serving.alarm import on_stderr
from ml_assets.serving.answered import Answered
from ml_assets.serving.metrics import Metrics
from ml_assets.serving.recording.choice import Choice
from ml_assets.serving.recording.publishing import Published, publish
from ml_assets.serving.recording.rows import COLUMNS, ROWS, columns_frame, packed, rows_frame
from ml_assets.serving.recording.spool import Place, Writer, framed
from ml_assets.store import Store

LOOK_SECONDS = 1.0  # between looks at what is to be closed, entered, or taken up
SHORTEST_SECONDS = 0.01
AGAIN_SECONDS = 10.0  # after which a store that did not take a file is tried again
STOP_SECONDS = 10.0  # that a server which stops waits for the rest to be entered
FULL, DISK, STRANGE, TYPE = "full", "disk", "columns", "type"
"""Why rows are dropped."""
STORE, FOLDER = "store", "folder"
"""Why they wait."""
OVER = {FULL, DISK, STRANGE, FOLDER}  # once something could be written


@dataclass(frozen=True)
class Recording:
    """What is asked of a recorder.

    Attributes:
        folder: of the spool; several processes may share it.
        most_bytes: that may wait there, of this process.
        rows, bytes, seconds: after which a file is closed, and becomes batches.
    """

    folder: Path
    choice: Choice = field(default_factory=Choice)
    most_bytes: int = 256 << 20
    rows: int = 50_000
    bytes: int = 32 << 20
    seconds: float = 60.0


class Recorder:
    """The answers of one process.

    Args:
        columns: of all that is served, as far as it is known by now: of what is to be left out or hashed, each must be one.
        clock: seconds, for what is due.
        now: the time that is written down.
    """

    def __init__(
        self,
        store: Store,
        recording: Recording,
        metrics: Metrics,
        columns: Callable[[], Iterable[str]],
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._asked, self._metrics, self._columns = store, recording, metrics, columns
        self._clock, self._now = clock, now
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._ends = f"{store.url} {store.branch}"
        self._own = Place.new(recording.folder, self._ends)
        self._writer, self._numbers = Writer(self._own), dict[object, int]()
        self._rows, self._since = 0, clock()
        self._others: list[Place] = []
        self._waiting: dict[Path, int] = {}  # closed files, and their sizes
        self._tried: set[Path] = set()
        self._try_again_at, self._said = 0.0, set[str]()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    # ------------------------------------------------------------ answers

    def keep(self, answered: Answered) -> bool:
        """Whether it is kept: then it is in a file by now."""
        choice = self._asked.choice
        if not choice.takes(answered.request_id):
            return False
        why = self._write(answered)
        rows = len(answered.features)
        if why:
            self._metrics.add("dropped_rows", rows, model=answered.name, why=why)
        else:
            self._metrics.add("recorded_rows", rows, model=answered.name)
        return not why

    def _write(self, answered: Answered) -> str:
        """Why it is not kept; empty if it is."""
        choice = self._asked.choice
        try:
            kept = packed(answered, choice, self._now())
        except UnsupportedType as error:
            return self._drops(TYPE, f"of {answered.name}, {error}")
        with self._lock:
            number = self._numbers.get(kept.kind, len(self._numbers))
            data, is_first = framed(ROWS, rows_frame(number, kept)), kept.kind not in self._numbers
            if is_first and (unknown := choice.unknown(self._columns())):
                return self._drops(STRANGE, f"no model that is served has a column {unknown[0]!r}: mend the option.")
            if is_first:
                data = framed(COLUMNS, columns_frame(answered, kept, choice)) + data
            why = self._append(data)
            if not why:
                self._numbers[kept.kind] = number
                self._rows += len(answered.features)
            return why

    def _append(self, data: bytes) -> str:
        if self._held() + len(data) > self._asked.most_bytes:
            return self._drops(FULL, f"{self._asked.folder} holds as much as it may: the store takes too little.")
        try:
            self._writer.append(data)
        except OSError as error:
            return self._drops(DISK, f"{self._asked.folder} takes nothing: {error}.")
        self._said -= OVER
        self._tell()
        return ""

    def _drops(self, why: str, said: str) -> str:
        self._say(why, f"answers are NOT recorded now: {said} They are counted as dropped_rows.")
        return why

    def _held(self) -> int:
        """Bytes that wait to be in the store."""
        return self._writer.size + sum(self._waiting.values())

    def _tell(self) -> None:
        self._metrics.set("spool_bytes", self._held())

    def _say(self, about: str, said: str) -> None:
        """Once, until it is over."""
        if about not in self._said:
            self._said.add(about)
            on_stderr(said)

    # ------------------------------------------------------------ its own thread

    def start(self) -> None:
        """Begin to enter what is closed, and what others left behind."""
        self._thread.start()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Enter the rest, for as long; what is left then waits for the next process that has this folder."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(seconds)
        if not self._thread.is_alive():
            for place in [self._own, *self._others]:
                place.let_go()

    def _run(self) -> None:
        while not self._stop.wait(min(LOOK_SECONDS, max(self._asked.seconds, SHORTEST_SECONDS))):
            self._look_again()
        self._look_again(at_last=True)

    def _look_again(self, *, at_last: bool = False) -> None:
        """A folder that somebody removed is no reason to end."""
        try:
            self.look(at_last=at_last)
        except OSError as error:
            self._say(FOLDER, f"answers wait: {self._asked.folder} cannot be read ({error})")

    def look(self, *, at_last: bool = False) -> None:
        """Close what is due, and enter what is closed."""
        self._close(at_last=at_last)
        self._take_up()
        if at_last or self._clock() >= self._try_again_at:
            self._enter_all()

    def _close(self, *, at_last: bool) -> None:
        """The open file is due by its rows, bytes or age."""
        with self._lock:
            old = self._clock() - self._since >= self._asked.seconds
            full = self._rows >= self._asked.rows or self._writer.size >= self._asked.bytes
            opened = self._writer.opened
            if opened is not None and (old or full or at_last):
                self._waiting[opened] = self._writer.size
                self._writer.close()
                self._numbers, self._rows, opened = {}, 0, None
            if opened is None:
                self._since = self._clock()

    def _take_up(self) -> None:
        for place in Place.left_behind(self._asked.folder, self._ends):
            self._others.append(place)
            files = {file: file.stat().st_size for file in place.files()}
            self._tried.update(files)  # by whoever left them, perhaps
            with self._lock:
                self._waiting.update(files)
        for place in [place for place in self._others if not place.files()]:
            self._others.remove(place)
            place.let_go()

    def _enter_all(self) -> None:
        failed: Exception | None = None
        for file in list(self._waiting):
            failed = self._enter(file) or failed
            if isinstance(failed, StoreUnreachable | OSError):
                break
        if failed is None:
            self._said.discard(STORE)
        else:
            self._try_again_at = self._clock() + AGAIN_SECONDS
            self._metrics.add("publish_failures")
            self._say(STORE, f"answers wait in {self._asked.folder} ({type(failed).__name__}: {failed})")

    def _enter(self, file: Path) -> Exception | None:
        """Why the store does not take a file now; None if it has it."""
        is_new = file not in self._tried
        self._tried.add(file)
        try:
            done = publish(self._store, file, is_new=is_new)
        except (
            MlAssetsError,
            OSError,
            ValueError,
            TypeError,
        ) as error:  # the last two: of what Arrow or pandas cannot make
            return error
        self._forget(file, done)
        return None

    def _forget(self, file: Path, done: Published) -> None:
        for name, rows in done.rows.items():
            self._metrics.add("published_rows", rows, model=name)
        if done.torn:
            self._metrics.add("torn_tails")
            lost = f"{done.torn:,} bytes at the end of {file}: a write was interrupted"
            self._say(str(file), f"what was not recorded as a whole is dropped, {lost}")
        with self._lock:
            file.unlink()
            self._waiting.pop(file)
            self._tried.discard(file)
            self._tell()
