"""Numbers about serving, as Prometheus reads them. Counted in this process; those of several are added up, see ``Shared``.

Labels are few: names of models, versions, routes and kinds of outcomes, never what a request brought.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]
Labels = tuple[tuple[str, str], ...]
Series = dict[str, dict[Labels, float]]

SECONDS = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
)  # upper bounds of the histogram
KNOWN: Mapping[str, tuple[Kind, str]] = {
    "requests": ("counter", "Requests, by route, model and status of HTTP."),
    "request_seconds": ("histogram", "How long a request took, from its first byte to its answer."),
    "rows": ("counter", "Rows that were answered."),
    "unseen_categories": ("counter", "Rows whose category the model did not know, answered as missing."),
    "waiting": ("gauge", "Requests that are being answered or wait for it."),
    "model": ("gauge", "1 for the version that answers."),
    "model_failing": ("gauge", "1 while the champion cannot serve and an earlier one goes on, or none."),
    "swaps": ("counter", "Moves of the champion that were noticed, by outcome: serves, failed."),
    "ledger_failures": ("counter", "Looks at the ledger that the store did not answer."),
    "recorded_rows": ("counter", "Rows whose answer was written down before it went out."),
    "dropped_rows": ("counter", "Rows that were to be recorded and are not, by why: full, disk, type, columns."),
    "published_rows": ("counter", "Rows that are in the store now."),
    "publish_failures": ("counter", "Times that the store did not take what is recorded: it waits."),
    "torn_tails": ("counter", "Files of answers whose last write was interrupted."),
    "spool_bytes": ("gauge", "Bytes of answers that wait to be in the store."),
    "shadow_rows": ("counter", "Rows that a shadow was asked about, by outcome: answered, failed, dropped."),
    "shadow_equal_rows": ("counter", "Rows for which a shadow said what the champion did, bit for bit."),
    "shadow_difference_sum": ("counter", "Sum over rows and columns of how far a shadow was from the champion."),
}  # fmt: skip


@dataclass
class Metrics:
    """Numbers by name and labels. Safe to be used by several threads."""

    series: Series = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, name: str, amount: float = 1.0, **labels: str) -> None:
        """Count."""
        key = tuple(sorted(labels.items()))
        with self._lock:
            of = self.series.setdefault(name, {})
            of[key] = of.get(key, 0.0) + amount

    def set(self, name: str, value: float, **labels: str) -> None:
        """What is so now."""
        with self._lock:
            self.series.setdefault(name, {})[tuple(sorted(labels.items()))] = value

    def forget(self, name: str, **labels: str) -> None:
        """What is not so any more: every series of the name that has these labels."""
        gone = set(labels.items())
        with self._lock:
            self.series[name] = {key: v for key, v in self.series.get(name, {}).items() if not gone <= set(key)}

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Add one to a histogram."""
        bucket = next((bound for bound in SECONDS if seconds <= bound), float("inf"))
        self.add(f"{name}_bucket", 1.0, le="+Inf" if bucket == float("inf") else f"{bucket:g}", **labels)
        self.add(f"{name}_sum", seconds, **labels)

    def copy(self) -> Series:
        """All numbers as they are now."""
        with self._lock:
            return {name: dict(of) for name, of in self.series.items()}


def added(all_series: Iterable[Series]) -> Series:
    """The numbers of several processes together; what is 1 where it is so stays 1."""
    together: Series = {}
    for series in all_series:
        for name, of in series.items():
            into = together.setdefault(name, {})
            for key, value in of.items():
                is_state = name in ("model", "model_failing")
                into[key] = max(into.get(key, 0.0), value) if is_state else into.get(key, 0.0) + value
    return together


def text(series: Series) -> str:
    """As Prometheus' text format 0.0.4 has it."""
    lines: list[str] = []
    for name, (kind, words) in KNOWN.items():
        written = _histogram(name, series) if kind == "histogram" else _plain(name, kind, series)
        if written:
            full = _full(name, kind)
            lines += [f"# HELP {full} {words}", f"# TYPE {full} {kind}", *written]
    return "\n".join([*lines, ""])


def _full(name: str, kind: Kind) -> str:
    return f"ml_assets_serving_{name}{'_total' if kind == 'counter' else ''}"


def _plain(name: str, kind: Kind, series: Series) -> list[str]:
    return [f"{_full(name, kind)}{_written(key)} {value:.17g}" for key, value in sorted(series.get(name, {}).items())]


def _histogram(name: str, series: Series) -> list[str]:
    """Buckets add up: each has what is below it, too."""
    counted: dict[Labels, dict[str, float]] = {}
    for key, count in series.get(f"{name}_bucket", {}).items():
        bound = dict(key)["le"]
        counted.setdefault(tuple(one for one in key if one[0] != "le"), {})[bound] = count
    full, lines = _full(name, "histogram"), list[str]()
    for key, buckets in sorted(counted.items()):
        so_far = 0.0
        for bound in [*(f"{one:g}" for one in SECONDS), "+Inf"]:
            so_far += buckets.get(bound, 0.0)
            lines.append(f"{full}_bucket{_written((*key, ('le', bound)))} {so_far:g}")
        lines.append(f"{full}_sum{_written(key)} {series.get(f'{name}_sum', {}).get(key, 0.0):.17g}")
        lines.append(f"{full}_count{_written(key)} {so_far:g}")
    return lines


def _written(labels: Labels) -> str:
    said = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{said}}}" if said else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


@dataclass(frozen=True)
class Shared:
    """The numbers of several processes on one port: each leaves its own in a folder, and any of them tells the sum.

    Attributes:
        folder: None where there is one process.
        number: of this process among them; one that is started again goes on counting where it left off.
    """

    metrics: Metrics
    folder: Path | None = None
    number: int = 0

    def take_up(self) -> None:
        """Go on from what a process of this number counted before it ended; what was so then is not so now."""
        if self.folder is not None:
            counters = {name for name, (kind, _) in KNOWN.items() if kind != "gauge"}
            kept = _read(self._file(self.number))
            self.metrics.series |= {n: of for n, of in kept.items() if n.removesuffix("_bucket").removesuffix("_sum") in counters
                                    or n in counters}  # fmt: skip

    def leave(self) -> Series:
        """Let the other processes know; returns what they are let know."""
        series = self.metrics.copy()
        if self.folder is not None:
            file = self._file(self.number)
            unfinished = file.with_suffix(f".{threading.get_ident()}")  # of a thread: two may leave at once
            plain = {name: [[list(key), value] for key, value in of.items()] for name, of in series.items()}
            unfinished.write_text(json.dumps(plain))
            unfinished.replace(file)
        return series

    def text(self) -> str:
        """Of all processes. What was told once is never told lower: it outlives this process."""
        own = self.leave()
        others = [] if self.folder is None else [f for f in self.folder.glob("*.json") if f != self._file(self.number)]
        return text(added([own, *map(_read, others)]))

    def _file(self, number: int) -> Path:
        return (self.folder or Path()) / f"{number}.json"


def _read(file: Path) -> Series:
    if not file.exists():
        return {}
    plain = json.loads(file.read_text())
    return {name: {tuple((a, b) for a, b in key): value for key, value in of} for name, of in plain.items()}
