"""Models that leave: as the framework's own files, as one ONNX file, or as an MLflow folder.

    a hidden folder beside the target    the export is written here
    the export answers the test rows     read back from the files, by what a stranger would use
    compared with the source's answers   too far: the folder is removed, and nothing was released
    export.json, then one rename         the target is complete, or not there; one that exists is refused

A file for each format (``native``, ``onnx_file``, ``mlflow_folder``); ``compare`` is pure.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ml_assets.errors import Refused
from ml_assets.exports import description, mlflow_folder, native, onnx_file
from ml_assets.exports.asked import Asked
from ml_assets.exports.compare import Comparison, Limit, compare
from ml_assets.problem import Problem
from ml_assets.store import Store, VersionKey

if TYPE_CHECKING:
    import numpy as np

Format = Literal["onnx", "mlflow", "native"]
EXACT = Limit(None)
LIMITS: Mapping[str, Limit] = {"native": EXACT, "mlflow": EXACT, "onnx": Limit(1e-5)}


class Writes(Protocol):
    """What a format is."""

    def write(self, asked: Asked, folder: Path) -> dict[str, Any]:
        """Write the model into an empty folder; what ``export.json`` says of it.

        Raises:
            Refused: if this format cannot hold the model, or its library is not installed.
        """
        ...

    def answers(self, asked: Asked, folder: Path, description: Mapping[str, Any]) -> np.ndarray:
        """What the written model answers for the test rows."""
        ...


FORMATS: Mapping[str, Writes] = {"native": native, "onnx": onnx_file, "mlflow": mlflow_folder}


@dataclass(frozen=True)
class Exported:
    """A released export."""

    folder: Path
    comparison: Comparison
    description: Mapping[str, Any]


def export(store: Store, problem: Problem, key: VersionKey, folder: Path, *, form: Format, limit: Limit) -> Exported:
    """Write a model into ``folder``, which is there afterwards and complete, or not there.

    Raises:
        Refused: if the folder exists, the format cannot hold the model, or it answers otherwise than its source.
    """
    _refuse_existing(folder)
    asked = Asked.of(store, problem, key)
    with _released(folder) as made:
        told = {**description.described(asked), "format": form, **FORMATS[form].write(asked, made)}
        comparison = compare(problem.task, asked.answers, FORMATS[form].answers(asked, made, told))
        _refuse_other_answers(key, form, comparison, limit)
        told |= description.compared(comparison, limit)
        description.write(told, made)
    return Exported(folder, comparison, told)


@contextmanager
def _released(folder: Path) -> Iterator[Path]:
    """An empty folder that becomes ``folder`` at the end; gone if it does not come to that."""
    target = folder.absolute()  # processes elsewhere are told of it
    unfinished = target.parent / f".{target.name}.{os.getpid()}.unfinished"
    try:
        unfinished.mkdir()
    except OSError as error:
        raise Refused(f"{folder} cannot be made: {error.strerror}. Nothing was written. Name another folder.") from None
    try:
        yield unfinished
        _refuse_existing(folder)
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _refuse_existing(folder: Path) -> None:
    if os.path.lexists(folder):
        raise Refused(
            f"{folder} exists, and an export never replaces anything. Nothing was written. Name another folder."
        )
    if not (parent := folder.absolute().parent).is_dir():
        raise Refused(
            f"There is no folder {parent}, in which {folder.name} is to be. Nothing was written. Make it first."
        )


def _refuse_other_answers(key: VersionKey, form: str, comparison: Comparison, limit: Limit) -> None:
    if comparison.is_within(limit):
        return
    raise Refused(
        f"{key} as {form} answers otherwise than its source. {comparison.in_words}; allowed: {limit.in_words}. "
        f"Nothing was released. {_what_to_do(limit)}"
    )


def _what_to_do(limit: Limit) -> str:
    if limit.apart is None:
        return "Its answers do not repeat themselves, or the libraries differ from those that stored it; see docs/EXPORT.md."
    return "Allow more, if that is good enough (--limit, --flips), or export it with --to native or --to mlflow."
