"""The rounds: each peer in its turn, in a new folder; what a row is, see the package's docstring."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.catalog import Peer
from benchmarks.peers.programs import steps
from benchmarks.peers.workplace import CommandFailed, Workplace, timed

COLD, NOTHING, PARAMETER = "cold", "nothing changed", "one parameter changed"
STEP, FAN, FRAME = "one more trivial step", "eight trainings", "500 MB frame handed on"
TRAINING, IMPORT = "floor: the training itself", "floor: import dagster"
MEGABYTES = 500
OTHER_RATE = 0.05
ENOUGH_SECONDS = 20.0  # who takes longer is measured once
DIGITS = 9  # of the metric, which must be the same for all

NewPlace = Callable[[], Workplace]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Seconds:
    """One measurement: who took how long for which row."""

    row: str
    peer: str
    seconds: float


class OtherAnswer(RuntimeError):
    """A peer came to another metric than the others: what they do is not the same."""


def measured(
    places: Mapping[Peer, Path], shared: Path, rounds: int, say: Say, scenarios: Iterable[str]
) -> Iterator[Seconds]:
    """Everything asked for, as it is measured. A peer whose command fails is left out of that scenario, with a word."""
    chosen = {name: SCENARIOS[name] for name in scenarios}
    done_with: set[tuple[str, Peer]] = set()
    answers: dict[float, object] = {}
    for _ in range(rounds):
        yield Seconds(IMPORT, "", timed([sys.executable, "-c", "import dagster"]))
        for name, scenario in chosen.items():
            for peer, binaries in places.items():
                if (name, peer) in done_with:
                    continue
                try:
                    found = list(scenario(Workplace.new(peer, binaries, shared), answers))
                except (CommandFailed, subprocess.TimeoutExpired) as error:
                    say(f"{peer.name} is left out of {name}: {error}")
                    done_with.add((name, peer))
                    continue
                for one in found:
                    say(f"{one.row:30} {peer.name:20} {one.seconds:8.3f} s")
                yield from found
                if max(one.seconds for one in found) > ENOUGH_SECONDS:
                    done_with.add((name, peer))


def six_steps(place: Workplace, answers: dict[float, object]) -> Iterator[Seconds]:
    for row, rate in ((COLD, steps.RATE), (NOTHING, steps.RATE), (PARAMETER, OTHER_RATE)):
        (place.folder / "answer.json").unlink(missing_ok=True)
        yield Seconds(row, place.peer.key, place.seconds("six", str(rate)))
        metric = round(float(place.answer()), DIGITS)  # type: ignore[arg-type]
        if metric != answers.setdefault(rate, metric):
            raise OtherAnswer(f"{place.peer.name} came to {metric} with rate {rate}, the others to {answers[rate]}.")
    if place.peer.key == "plain":
        yield Seconds(TRAINING, "", place.noted_seconds("training"))


def one_more_step(place: Workplace, answers: dict[float, object]) -> Iterator[Seconds]:
    short, long = place.peer.chains
    first = place.seconds("chain", str(short))  # before the long one: who remembers, remembers the links of both
    took = place.seconds("chain", str(long)) - first
    if place.answer() != long:
        raise OtherAnswer(f"{place.peer.name} came to {place.answer()} after {long} steps that each add one.")
    yield Seconds(STEP, place.peer.key, took / (long - short))


def eight_trainings(place: Workplace, answers: dict[float, object]) -> Iterator[Seconds]:
    place.seconds("prepare")
    yield Seconds(FAN, place.peer.key, place.seconds("fan"))


def frame_handed_on(place: Workplace, answers: dict[float, object]) -> Iterator[Seconds]:
    small = place.seconds("frame", "1") - place.noted_seconds("making")
    large = place.seconds("frame", str(MEGABYTES)) - place.noted_seconds("making")
    yield Seconds(FRAME, place.peer.key, large - small)


SCENARIOS = {"six": six_steps, "step": one_more_step, "fan": eight_trainings, "frame": frame_handed_on}
