"""What a command is given and leaves, as each function of a problem that it may stand for.

    dataset    each source of ``reads``                        ->  dataset
    features   history, data                                   ->  features
    train      train, validation: keys, features, label each   ->  a model: everything that is left
    predict    model, features                                 ->  predictions

Rows that it leaves are in the order of those that it was given, or have their numbers, from 0 on, in a column ``row``.
"""

from __future__ import annotations

import csv
import dataclasses
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_assets.commands import line
from ml_assets.commands.kept import KeptFolder
from ml_assets.commands.place import Place, table_in
from ml_assets.commands.process import Ending, run
from ml_assets.commands.said import Said
from ml_assets.errors import CommandFailed, CommandLost, InvalidProblem
from ml_assets.partitions import Partition
from ml_assets.problem import FeatureTable, TrainingData, TrainingRun
from ml_assets.store import Folder
from ml_assets.training.hearing import listening

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from ml_assets.commands.command import Command
    from ml_assets.problem import Source

INPUTS = {
    "dataset": (),
    "features": ("history", "data"),
    "train": ("train", "validation"),
    "predict": ("model", "features"),
}
ROW = "row"
BY_MACHINE = (-9, -15)  # SIGKILL, as for want of memory, and SIGTERM: nobody of ours sent them


def inputs_of(role: str) -> tuple[str, ...]:
    """The names of a function's inputs."""
    return INPUTS[role]


def call(command: Command, given: tuple[Any, ...]) -> Any:
    """Stand for the function that gets these arguments."""
    first = given[0] if given else None
    if isinstance(first, Partition):
        return dataset(command, *given)
    if isinstance(first, TrainingData):
        return train(command, *given)
    if isinstance(first, Folder | Path):
        return predict(command, *given)
    if len(given) == 2 and type(first) is type(given[1]):
        return features(command, *given)
    raise InvalidProblem(
        f"Command {command} was asked to predict by a {type(first).__name__}. A command reads a model as a folder of files: let "
        "train be a command, too, or return the path of a folder."
    )


def dataset(command: Command, partition: Partition, source: Source) -> pd.DataFrame:
    """The rows of a partition."""
    given = {name: source.table(name) for name in command.reads}
    ends = {"start": partition.start, "end": partition.end}
    places = {"partition": partition.key, **{name: at.isoformat() if at else "" for name, at in ends.items()}}
    return _table(command, carried_out(command, given, {}, places), "dataset")


def features(command: Command, history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    """What is known of each row, with the index of ``data``."""
    table = _table(command, carried_out(command, {"history": history, "data": data}, {}, {}), "features")
    return _in_order(command, table, len(data)).set_axis(data.index)


def train(command: Command, data: TrainingData, params: Any, run: TrainingRun) -> Folder:
    """A model: the files that are left."""
    values = {one.name: getattr(params, one.name) for one in dataclasses.fields(params)}
    given = {"train": _tables(data.train), "validation": _tables(data.validation)}
    return carried_out(command, given, values, {"seed": str(run.seed)}, run)


def predict(command: Command, model: Folder | Path, rows: pd.DataFrame) -> np.ndarray:
    """The answer for each row: shape (n,), or (n, columns)."""
    table = _table(command, carried_out(command, {"model": model, "features": rows}, {}, {}), "predictions", "float64")
    answer: np.ndarray = _in_order(command, table, len(rows)).to_numpy()
    return answer[:, 0] if answer.shape[1] == 1 else answer


def carried_out(
    command: Command,
    given: Mapping[str, Any],
    params: Mapping[str, Any],
    places: Mapping[str, str],
    training: TrainingRun | None = None,
) -> Folder:
    """Run the command; what it left.

    Raises:
        InvalidParams, Refused: if it cannot be run; nothing was.
        CommandFailed: if it failed, or left nothing.
        CommandLost: if the machine ended it.
        Interrupted: if the training was asked to stop, and it has saved.
    """
    values = command.values(params)
    command.refuse_another_image()
    shared = command.shared_folder
    with Place.opened(shared) as place:
        filling = line.Filling({one.name: one for one in command.parameters}, values, {**place.folders, **places})
        words, environ = line.filled(command.run, filling), command.environ(_variables(place, places))
        if not shared:
            command.refuse_no_program(words[0], environ)
        place.put_own(command.own_files())
        place.put_parameters(values)
        for name, one in given.items():
            place.put_input(command.inputs.get(name, name), one, command.tables)
        _followed(command, words, place, environ, training)
        outputs = place.outputs()
    if not outputs:
        raise CommandFailed(f"Command {command} ended well and left nothing in its outputs: {{outputs}}, or $OUTPUTS.")
    return Folder.of(outputs)


@dataclass
class _Watch:
    """Looks after a command that runs.

    Attributes:
        training: whose metrics and checkpoints it has, if it is one.
    """

    command: Command
    said: Said
    kept: KeptFolder | None
    training: TrainingRun | None
    began: float = field(default_factory=time.monotonic)
    heard: float = field(default_factory=time.monotonic)

    def hear(self, stream: str, data: bytes) -> None:
        self.heard = time.monotonic()
        self.said.hear(stream, data)

    def look(self) -> str:
        """Keep its checkpoints; why it is to stop."""
        if self.kept:
            self.kept.keep(self.said.step)
        if self.training and self.training.should_stop:
            return "asked to stop"
        if not self.training and (listener := listening()):
            listener.meanwhile()
        now, limits = time.monotonic(), self.command
        if 0 < limits.time_limit_seconds < now - self.began:
            return f"it ran for longer than {limits.time_limit_seconds:g} s"
        if 0 < limits.silence_limit_seconds < now - self.heard:
            return f"it said nothing for longer than {limits.silence_limit_seconds:g} s"
        return ""

    def end(self, ending: Ending) -> None:
        """What becomes of how it ended."""
        if self.kept:
            self.kept.keep(self.said.step, is_last=True)
        if self.training and self.kept and ending.asked and self.training.should_stop:
            self.training.stop(self.kept.step)
        if ending.code or ending.asked:
            why = f"{ending}{f', because {ending.asked}' if ending.asked else ''}"
            error = CommandLost if ending.code in BY_MACHINE and not ending.asked else CommandFailed
            raise error(f"Command {self.command} {why}. It said last:\n{self.said.last_words or '(nothing)'}")


def _followed(
    command: Command, words: list[str], place: Place, environ: Mapping[str, str], training: TrainingRun | None
) -> None:
    kept = KeptFolder(place.root / "checkpoints", training.checkpoints) if training else None
    if training and kept:
        kept.restore()
        if training.should_stop:  # asked before the command is there, so that a signal finds a training that looks
            training.stop(kept.step)
    watch = _Watch(command, Said(_log, _metrics(training), kept.step if kept else 0), kept, training)
    watch.end(run(words, place.root / "work", environ, watch.hear, watch.look, shared=command.shared_folder))


def _metrics(training: TrainingRun | None) -> Callable[[int, dict[str, float]], None]:
    def tell(step: int, numbers: dict[str, float]) -> None:
        if training:
            training.log(step, **numbers)
        else:
            if listener := listening():
                listener.hear(step, numbers)
            _log(", ".join(f"{name} {value:.6g}" for name, value in numbers.items()))

    return tell


def _log(text: str) -> None:
    """To the log of the step, which keeps what its process prints."""
    sys.stderr.write(f"{text}\n")


def _variables(place: Place, places: Mapping[str, str]) -> dict[str, str]:
    """What its line could name, and the places where programs that were written for Valohai look."""
    root = place.root
    named = {name.upper(): text for name, text in {**place.folders, **places}.items()}
    valohai = {
        "VH_CONFIG_DIR": root / "config",
        "VH_INPUTS_DIR": root / "inputs",
        "VH_OUTPUTS_DIR": root / "outputs",
        "VH_REPOSITORY_DIR": root / "work",
    }
    return {**named, **{name: str(path) for name, path in valohai.items()}, "TMPDIR": str(root)}


def _tables(rows: FeatureTable) -> dict[str, pd.DataFrame]:
    import pandas as pd

    return {"keys": rows.keys, "features": rows.features, "label": pd.DataFrame({"label": rows.label})}


def _table(command: Command, left: Folder, name: str, otherwise: str = "") -> pd.DataFrame:
    """The table that was left.

    Args:
        otherwise: the type of a CSV's columns that have none in ``returns``; empty: text.
    """
    outputs = {file: left.read(file) for file in left.names}
    try:
        types = _types(command, outputs[f"{name}.csv"], otherwise) if f"{name}.csv" in outputs else {}
        return table_in(outputs, name, types)
    except CommandFailed as error:
        raise CommandFailed(f"Command {command}: {error}") from error


def _types(command: Command, data: bytes, otherwise: str) -> dict[str, str]:
    """The types of the columns that a CSV file has."""
    names = next(csv.reader([data.partition(b"\n")[0].decode("utf-8", "replace")]), [])
    if lacking := [name for name in command.returns if name not in names]:
        raise CommandFailed(
            f"It left a CSV without the column {lacking[0]!r} of its returns. It has {', '.join(names)}."
        )
    known = {ROW: "int64", **command.returns}
    return {name: known.get(name, otherwise) for name in names if name in known or otherwise}


def _in_order(command: Command, table: pd.DataFrame, rows: int) -> pd.DataFrame:
    """The rows by their numbers, where they have such."""
    numbered = table.sort_values(ROW, kind="stable") if ROW in table else table
    is_whole = ROW not in table or list(numbered[ROW]) == list(range(rows))
    if len(table) != rows or not is_whole:
        raise CommandFailed(
            f"Command {command} was given {rows} rows and left {len(table)}{'' if is_whole else ' with other numbers'}. "
            f"Leave one for each, in their order, or with their numbers 0 to {rows - 1} in a column {ROW!r}."
        )
    return numbered.drop(columns=ROW, errors="ignore").reset_index(drop=True)
