"""A step of a problem that is a program: its declaration, which is what it stands for in a ``Problem``.

It is called as the Python function that it stands for would be, so that everything around it stays as it is: reuse, lineage,
checks, reproduction. What it is made of (its line, files by digest, image, parameters) is among the ingredients of what it makes.
"""

from __future__ import annotations

import dataclasses
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, get_args

from ml_assets.commands import line, roles
from ml_assets.commands.parameter import Parameter, Value
from ml_assets.errors import CommandFailed, InvalidParams, InvalidProblem, Refused
from ml_assets.settings import Settings, container_beside, environ_for_command
from ml_assets.store import Folder, Form, digest

if TYPE_CHECKING:
    from ml_assets.problem import Problem

LIMITS = ("time_limit_seconds", "silence_limit_seconds")
GIVEN_AS = 1
"""How inputs are written and outputs are read. The code of this folder is not part of a code version: who changes what a command
sees, or what becomes of what it leaves, counts on, and everything that commands made is made again."""
_TYPE = re.compile(
    r"u?int(8|16|32|64)|U?Int(8|16|32|64)|float(32|64)|Float(32|64)|bool|boolean|str|datetime64\[(s|ms|us|ns)(, [\w/+-]+)?\]"
)


@dataclass(frozen=True)
class Command:
    """A program that makes a dataset, features, a model or predictions.

    Attributes:
        run: a line of the shell (bash), or a tuple of a program and its arguments; see ``line.py`` for what is put in.
        files: the program's own files, beside the module that declares it: paths relative to its folder. Their bytes are part of
            what it is, and copies of them are in the folder in which it runs.
        module: ``__name__`` of that module; needed where there are files.
        parameters: what it can be told. A training gets those of the problem's ``params`` that have the same name.
        tables: the form of the tables that it is given: ``parquet``, ``arrow`` or ``csv``.
        returns: of a table that it leaves as CSV column -> pandas type: ``{"clouds": "float64"}``; the others are text.
        reads: of a ``dataset`` the names of the problem's sources that it is given.
        inputs: an input's name -> the name of its folder, where that is another.
        environment: names of variables that it gets as they are here, besides ``PATH``, ``HOME`` and what limits threads.
        variables: variables of its own.
        image: the container image in which alone it runs, anybody's; empty: whatever runs here.
        time_limit_seconds, silence_limit_seconds: how long it may run, and say nothing; 0: for ever.
    """

    run: line.Line
    files: tuple[str, ...] = ()
    module: str = ""
    parameters: tuple[Parameter, ...] = ()
    tables: Form = "parquet"
    returns: Mapping[str, str] = field(default_factory=dict, hash=False)
    reads: tuple[str, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict, hash=False)
    environment: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict, hash=False)
    image: str = ""
    time_limit_seconds: float = 0.0
    silence_limit_seconds: float = 0.0
    digests: Mapping[str, str] = field(init=False, repr=False, hash=False)
    given_as: int = field(init=False, default=GIVEN_AS, repr=False)

    def __post_init__(self) -> None:
        for fault in _faults(self):
            raise InvalidProblem(f"Command {self}: {fault}")
        found = {name: digest(data) for name, data in self._read().items()}
        object.__setattr__(self, "digests", found)  # as the module is loaded, which its code is, too
        object.__setattr__(self, "__module__", self.module or __name__)  # where people look for it

    def counts(self) -> dict[str, Any]:
        """What makes it another command: everything but how long it may take, which changes nothing of what it makes."""
        declared = {one.name: getattr(self, one.name) for one in dataclasses.fields(self)}
        return {name: value for name, value in declared.items() if name not in LIMITS}

    def __str__(self) -> str:
        return self.run if isinstance(self.run, str) else " ".join(map(str, self.run))

    def __call__(self, *given: Any) -> Any:
        """What the function of a problem for which it stands returns for these arguments."""
        return roles.call(self, given)

    def faults_as(self, role: str, problem: Problem) -> Iterator[str]:
        """Why it cannot be this function of the problem, each as a sentence."""
        strange = [name for name in self.inputs if name not in (*roles.inputs_of(role), *self.reads)]
        if strange:
            yield f"its command for {role} names an input {strange[0]!r}; there are {', '.join(roles.inputs_of(role))}."
        if self.reads and role != "dataset":
            yield f"its command for {role} reads {self.reads[0]!r}; only that of a dataset reads sources."
        for name in self.reads:
            if role == "dataset" and name not in problem.sources:
                yield f"its command reads {name!r}, which is none of its sources."
        if role == "train" and problem.compute and max(problem.compute.gpus, problem.compute.nodes) > 1:
            yield "its command for train is one process, and its compute asks for several. Ask for one GPU of one node at most."
        if role == "train" and self.image and getattr(problem.predict, "image", "") not in ("", self.image):
            yield (
                f"its commands for train and predict have two images, {self.image} and {getattr(problem.predict, 'image', '')}, "
                "and a training asks its model before it ends. Give them one."
            )
        if role == "train" and dataclasses.is_dataclass(problem.params):
            yield from self._faults_of_params(problem.params)
        elif role != "train":
            yield from (
                f"its command for {role} has the parameter {one.name!r} without a default, and only a training is given any."
                for one in self.parameters
                if one.default is None and not one.optional
            )

    def values(self, given: Mapping[str, Any]) -> dict[str, Value]:
        """The value of each parameter: what is given, or its default.

        Raises:
            InvalidParams: if one is of another type, not among those allowed, or of no parameter.
        """
        known = {one.name: one for one in self.parameters}
        if strange := sorted(set(given) - set(known)):
            names = ", ".join(known) or "none"
            raise InvalidParams(f"Command {self} has no parameter {strange[0]!r}. It has {names}.")
        return {name: one.checked(given.get(name, one.default)) for name, one in known.items()}

    def environ(self, told: Mapping[str, str]) -> dict[str, str]:
        """The variables of its process.

        Raises:
            Refused: if one that it is to get is not set here.
        """
        is_beside = self.shared_folder is not None
        return environ_for_command(self.environment, {**self.variables, **told}, is_beside=is_beside)

    @property
    def shared_folder(self) -> Path | None:
        """That of this container and the one beside it, if that is of its image: it runs there. None: it runs here."""
        image, folder = container_beside()
        return folder if self.image == image else None

    def refuse_another_image(self) -> None:
        """Before anything is written.

        Raises:
            Refused: if this is another image than its own.
        """
        here = Settings.from_environment().image
        if self.image and not self.shared_folder and here != self.image:
            raise Refused(
                f"Command {self} runs in the image {self.image} alone, and this is {here or 'no image'}. On Kubernetes the pod "
                "of a step that runs it has a container of that image. To run it here, leave image out."
            )

    def refuse_no_program(self, program: str, environ: Mapping[str, str]) -> None:
        """Before anything is written.

        Raises:
            CommandFailed: if there is no such program.
        """
        is_own = program.removeprefix("./") in self.files
        if not is_own and shutil.which(program, path=environ.get("PATH")) is None:
            raise CommandFailed(
                f"Command {self}: there is no program {program!r} here. Install it, or name it in files if it is your own."
            )

    def own_files(self) -> dict[str, bytes]:
        """Its files, as they were when the module was loaded.

        Raises:
            CommandFailed: if one was edited since.
        """
        read = self._read()
        edited = [name for name, data in read.items() if digest(data) != self.digests[name]]
        if edited:
            raise CommandFailed(f"Command {self}: {edited[0]} was edited while this was running. Start it again.")
        return read

    def carry_out(
        self, given: Mapping[str, Any], params: Mapping[str, Any] | None = None, places: Mapping[str, str] | None = None
    ) -> Folder:
        """Run it by itself, as a step of one's own.

        Args:
            given: input -> a DataFrame, several by name, a ``Folder`` or the path of one.
            params: parameter -> value.
            places: what else its line names: ``seed``, ``partition``, ``start``, ``end``.
        Returns:
            what it left in its outputs.
        """
        return roles.carried_out(self, given, params or {}, places or {})

    def _read(self) -> dict[str, bytes]:
        return {name: (self._folder / name).read_bytes() for name in self.files}

    @property
    def _folder(self) -> Path:
        file = getattr(sys.modules.get(self.module), "__file__", None)
        return Path(file).parent if file else Path()

    def _faults_of_params(self, params: Any) -> Iterator[str]:
        names = [one.name for one in dataclasses.fields(params)]
        declared = {one.name for one in self.parameters}
        strange = [name for name in names if name not in declared]
        if strange:
            yield f"its command has no parameter {strange[0]!r}, which is one of params. Declare it, or take it out."
            return
        try:
            self.values({name: getattr(params, name) for name in names})
        except InvalidParams as fault:
            yield str(fault)


def _faults(command: Command) -> Iterator[str]:
    """What makes no sense in a command, each as a sentence that says what to do."""
    names = [one.name for one in command.parameters]
    yield from (f"two parameters are called {name!r}." for name in sorted({n for n in names if names.count(n) > 1}))
    yield from (fault for one in command.parameters for fault in one.faults())
    yield from line.faults(command.run, command.parameters)
    if command.tables not in get_args(Form):
        yield f"tables is {command.tables!r}; there are {', '.join(get_args(Form))}."
    if min(command.time_limit_seconds, command.silence_limit_seconds) < 0:
        yield "a limit is a number of seconds, and 0 is none."
    yield from (f"its input {name!r} is no name of a folder." for name in command.inputs.values() if not _is_name(name))
    yield from _faults_of_files(command)
    yield from _faults_of_types(command.returns)


def _faults_of_files(command: Command) -> Iterator[str]:
    if command.files and not getattr(sys.modules.get(command.module), "__file__", None):
        yield f"files lie beside a module, and {command.module!r} is none that has a file. Write module=__name__."
        return
    for name in command.files:
        if not _is_name(*PurePosixPath(name).parts) or name.startswith("/"):
            yield f"{name!r} in files leads out of the folder of its module."
        elif not (command._folder / name).is_file():
            yield f"{name!r} in files is not beside the module {command.module}."


def _faults_of_types(returns: Mapping[str, str]) -> Iterator[str]:
    for name, dtype in returns.items():
        if not _TYPE.fullmatch(dtype):
            yield f"returns gives {name!r} the type {dtype!r}; known are float64, int64, bool, str, datetime64[us, UTC] …"


def _is_name(*parts: str) -> bool:
    return bool(parts) and all(part not in ("", ".", "..") and not set(part) & set("/\\\0") for part in parts)
