"""A step of a ``valohai.yaml`` as a command; see docs/COMMANDS.md for what of it counts here."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from ml_assets.commands.command import Command
from ml_assets.commands.valohai.reading import read
from ml_assets.commands.valohai.step import command_of
from ml_assets.errors import InvalidProblem
from ml_assets.store import Form

__all__ = ["valohai_step"]


def valohai_step(
    file: str,
    step: str,
    *,
    module: str = "",
    files: tuple[str, ...] = (),
    inputs: Mapping[str, str] | None = None,
    tables: Form = "parquet",
    returns: Mapping[str, str] | None = None,
    reads: tuple[str, ...] = (),
    in_image: bool = True,
) -> Command:
    """The step ``step`` of a file, which is checked as a whole.

    Args:
        file: its path, from the folder of the module.
        module: the module that it lies beside; empty: the one that calls this.
        files: the program's own files, likewise beside the module.
        inputs: an input here -> its name in the step: ``{"train": "training-data"}``.
        tables, returns, reads: see ``Command``.
        in_image: whether it runs in the step's image alone; else in whatever this runs in.
    Raises:
        InvalidProblem: if the file cannot be read, or anything in it makes no sense; all of that is said.
    """
    beside = module or str(sys._getframe(1).f_globals["__name__"])
    path = Path(str(getattr(sys.modules.get(beside), "__file__", ""))).parent / file
    found = read(path).steps.get(step)
    if found is None:
        raise InvalidProblem(f"{path} has no step {step!r}. It has {', '.join(read(path).steps) or 'none'}.")
    return command_of(
        found,
        where=f"{file}, step {step!r}",
        module=beside,
        files=files,
        inputs=inputs or {},
        tables=tables,
        returns=returns or {},
        reads=reads,
        in_image=in_image,
    )
