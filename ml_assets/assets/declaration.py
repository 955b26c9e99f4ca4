"""What an asset of a problem is, said once: everything else that knows of assets is derived from it.

A declaration is data. It needs neither Dagster nor any library, so that a plan can be made, and nothing be done, at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from ml_assets.sources import Shared, shared_sources
from ml_assets.sources.declared import SAME, parameter

if TYPE_CHECKING:
    from ml_assets.problem import Problem


Role = Literal[
    "records",
    "lands",
    "derives",
    "divides",
    "trains",
    "judges",
    "decides",
    "explains",
    "serves",
    "remembers",
    "audits",
    "watches",
]
"""What an asset is to a model, whatever it is called. Each role is that of one asset.

    records     what databases and other people's assets held: only reading them tells whether it is the same
    lands       the data, made from landed files, of which only making it tells which
    derives     what is known of each row of the data
    divides     which rows fit, choose and judge
    trains      the model
    judges      how good it is
    decides     whether it becomes champion: it moves the ledger of champions, in order of time
    explains    why the model answers as it does: for people alone, nothing waits for it
    serves      what the champion of before its partition answers; no run waits for a champion
    remembers   what that got badly wrong: later champions are held to it
    audits      whether what was decided before its partition came true; no run waits for a champion
    watches     how the model that served its partition does there
"""


@dataclass(frozen=True)
class CheckSpec:
    """A check as it is announced before it runs. Whether a failure blocks (error) or informs (warning), its outcome says.

    Attributes:
        blocking: whether a failure can block; False for what only informs: automation does not wait for it.
        waivable: whether a problem may waive it: it judges what is likely, and valid data may be unlikely.
        of_label: whether it is about labels, which a feature group has none of.
        of_group: whether it is about the groups of rows, which a problem may have none of.
    """

    name: str
    description: str
    blocking: bool = True
    waivable: bool = False
    of_label: bool = False
    of_group: bool = False


@dataclass(frozen=True)
class Input:
    """An asset that another is made from.

    Attributes:
        asset: its name; of what another problem makes its key, ``weather/dataset``.
        span: how many partitions of its line are read, the last of them the one that is made; None: that one alone.
        when: the problems that have it.
        gives_params: it is asked for what is best only, parameters or a candidate, which is among what the asset is given: a
            longer search that finds the same changes nothing.
        parameter: what the function that makes the asset calls it; the name of the asset if empty.
        partition: which partition is read, of the one that is made or those before it; see ``Shared``.
    """

    asset: str
    span: Callable[[Problem], int] | None = None
    when: Callable[[Problem], bool] = lambda problem: True
    gives_params: bool = False
    parameter: str = ""
    partition: str = SAME

    @property
    def name(self) -> str:
        """What the function that makes the asset calls it."""
        return self.parameter or self.asset

    def partitions(self, problem: Problem) -> int:
        """How many partitions are read."""
        return self.span(problem) if self.span else 1

    def keys(self, problem: Problem, partition: str) -> list[str]:
        """The partitions that are read for one, oldest first."""
        line = problem.partitions
        return [
            self.partition.format_map(line.in_places(key)) for key in line.window(partition, self.partitions(problem))
        ]

    def key(self, problem: Problem) -> str:
        """The key of the asset, ``flight_delays/dataset``."""
        return self.asset if "/" in self.asset else f"{problem.name}/{self.asset}"


@dataclass(frozen=True)
class Asset:
    """One asset of the chain of a problem.

    Attributes:
        name: the last part of its key, ``dataset`` of ``flight_delays/dataset``.
        made_by: the function ``(problem, context, **inputs) -> Made | Skip``, as ``module:function``.
        role: what others find it by, see ``Role``; None: nobody asks for it.
        description: what it is, for people.
        inputs: the assets that it is made from.
        follows: what those were made from, by name, where it is read as well.
        uses: the fields of the problem that change what comes out.
        begins: the functions that compute it, where that is not ``made_by`` alone: what trains runs behind plumbing.
        checks: what is looked into before it is published.
        kinds: the libraries and formats that Dagster shows beside it.
        shows: the fields of the problem whose code Dagster links to; none: the file that makes the problem.
        when: the problems that have it; None: every one.
        params: who says the parameters of a training: the launchpad, or the problem alone; None: a run gives it none.
        parts: what it makes on the way and remembers like an asset, and what is no asset of Dagster's.
        first_metric: of the problem's metrics the first counts alone.
        serves_training: it is made for the sake of a training; the others are made where no model is trained, too.
        may_skip: it may turn out that there is nothing to make yet.
    """

    name: str
    made_by: str
    description: Callable[[Problem], str]
    role: Role | None = None
    inputs: tuple[Input, ...] = ()
    follows: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    begins: tuple[str, ...] = ()
    checks: tuple[CheckSpec, ...] = ()
    kinds: tuple[str, ...] = ()
    shows: tuple[str, ...] = ()
    when: Callable[[Problem], bool] | None = None
    params: Literal["chosen", "written"] | None = None
    parts: tuple[Asset, ...] = ()
    first_metric: bool = False
    serves_training: bool = False
    may_skip: bool = False

    def is_of(self, problem: Problem) -> bool:
        """Whether a problem has it; a feature group has data alone."""
        is_had = self.when is None or self.when(problem)
        return is_had and (not problem.is_group or self.role in ("records", "lands"))

    def checks_of(self, problem: Problem) -> tuple[CheckSpec, ...]:
        """What is looked into in this problem."""
        return tuple(
            check
            for check in self.checks
            if not (check.of_label and problem.is_group) and not (check.of_group and problem.group is None)
        )

    def inputs_of(self, problem: Problem) -> tuple[Input, ...]:
        """The inputs that it has in this problem; what is made of sources has those that are shared."""
        own = tuple(read for read in self.inputs if read.when(problem))
        return (*own, *_shared(problem)) if self.role == "lands" else own

    @property
    def code(self) -> tuple[str, ...]:
        """The functions at which its code begins."""
        return self.begins or (self.made_by,)

    @property
    def reads_ledger(self) -> bool:
        """Whether it depends on the ledger of champions, which it moves or is made by."""
        return self.role == "decides" or self.looks_back

    @property
    def looks_back(self) -> bool:
        """Whether it is about champions of before its partition: its own run does not wait for any."""
        return self.role in ("serves", "audits")

    @property
    def waivable(self) -> tuple[str, ...]:
        """The checks that a problem may waive."""
        return tuple(check.name for check in self.checks if check.waivable)

    def is_of_one_partition(self, problem: Problem) -> bool:
        """Whether it is made from its own partition alone."""
        return all(read.partitions(problem) == 1 for read in self.inputs_of(problem))


def _shared(problem: Problem) -> tuple[Input, ...]:
    return tuple(
        Input(one.asset, partial(_partitions_of, one), parameter=parameter(name), partition=one.partition)
        for name, one in shared_sources(problem.sources).items()
    )


def _partitions_of(source: Shared, problem: Problem) -> int:
    return source.lookback + 1
