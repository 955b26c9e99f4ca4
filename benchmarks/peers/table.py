"""The table: each measurement beside a named alternative, and what we claim of our own."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from benchmarks.peers.catalog import PEERS
from benchmarks.peers.scenarios import COLD, FAN, FRAME, IMPORT, NOTHING, PARAMETER, STEP, TRAINING, Seconds

LINE = "{:29} {:20} {:>9} {:>17}  {:30} {:>7} {:>8}"
NAMES = {peer.key: peer.name for peer in PEERS} | {"": ""}


@dataclass(frozen=True)
class Against:
    """What a row is compared with, and the largest ratio that we claim for ours.

    Attributes:
        row, peer: the alternative's.
        plus_seconds: what is allowed on top of the alternative.
    """

    row: str
    peer: str
    at_most: float
    plus_seconds: float = 0.0

    @property
    def name(self) -> str:
        plus = f" + {self.plus_seconds:g} s" if self.plus_seconds else ""
        return (NAMES[self.peer] or self.row.removeprefix("floor: ")) + plus


ALTERNATIVES = {
    COLD: Against(COLD, "plain", 1.3),
    NOTHING: Against(IMPORT, "", 1.5),
    PARAMETER: Against(TRAINING, "", 1.0, plus_seconds=1.5),
    STEP: Against(STEP, "inprocess", 0.46),  # 40 ms, where Dagster in one process took 87
    FAN: Against(FAN, "joblib", 1.1),
    FRAME: Against(FRAME, "plain", 1.25),  # 1.5 s, where pickle took 1.2; it verifies nothing
}


@dataclass(frozen=True)
class Row:
    """One line: what, who, how long in each round, against what."""

    what: str
    peer: str
    seconds: list[float]
    against: Against | None = None
    alternative: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def ratio(self) -> float | None:
        return self.median / self.alternative if self.alternative else None

    @property
    def claimed(self) -> float | None:
        return self.against.at_most if self.against and self.peer == "ours" and self.ratio is not None else None

    @property
    def holds(self) -> bool:
        """Whether what is claimed is so; where nothing is claimed, it is."""
        return self.claimed is None or self.ratio is None or self.ratio <= self.claimed


def rows(measurements: Iterable[Seconds]) -> list[Row]:
    """One row per measured thing and peer, in the order of the alternatives; floors last."""
    found: dict[tuple[str, str], list[float]] = {}
    for one in measurements:
        found.setdefault((one.row, one.peer), []).append(one.seconds)
    order = [*ALTERNATIVES, TRAINING, IMPORT]
    keys = sorted(found, key=lambda key: (order.index(key[0]), list(NAMES).index(key[1])))
    return [_row(*key, found) for key in keys]


def _row(what: str, peer: str, found: Mapping[tuple[str, str], list[float]]) -> Row:
    against = ALTERNATIVES.get(what)
    other = found.get((against.row, against.peer)) if against else None
    if against is None or other is None:
        return Row(what, peer, found[what, peer])
    return Row(what, peer, found[what, peer], against, statistics.median(other) + against.plus_seconds)


def lines(table: Iterable[Row]) -> Iterator[str]:
    """The table as text."""
    yield LINE.format("what", "who", "s", "min - max", "against", "ratio", "claimed")
    for row in table:
        span = f"{min(row.seconds):.3f} - {max(row.seconds):.3f}"
        ratio = "-" if row.ratio is None else f"{row.ratio:.2f}"
        claimed = "-" if row.claimed is None else f"<= {row.claimed:g}"
        named = row.against.name if row.against else "-"
        line = LINE.format(row.what, NAMES[row.peer], f"{row.median:.3f}", span, named, ratio, claimed)
        yield line.rstrip() + ("" if row.holds else "  does not hold")
