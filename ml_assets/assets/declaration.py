"""What an asset of a problem is, said once: everything else that knows of assets is derived from it.

A declaration is data. It needs neither Dagster nor any library, so that a plan can be made, and nothing be done, at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ml_assets.problem import Problem


@dataclass(frozen=True)
class CheckSpec:
    """A check as it is announced before it runs. Whether a failure blocks (error) or informs (warning), its outcome says.

    Attributes:
        blocking: whether a failure can block; False for what only informs: automation does not wait for it.
        waivable: whether a problem may waive it: it judges what is likely, and valid data may be unlikely.
    """

    name: str
    description: str
    blocking: bool = True
    waivable: bool = False


@dataclass(frozen=True)
class Input:
    """An asset that another is made from.

    Attributes:
        asset: its name.
        span: how many partitions of its line are read, the last of them the one that is made; None: that one alone.
        when: the problems that have it.
        gives_params: it is asked for the best parameters only, which are among what the asset is given: a longer search that
            finds the same ones changes nothing.
        parameter: what the function that makes the asset calls it; the name of the asset if empty.
    """

    asset: str
    span: Callable[[Problem], int] | None = None
    when: Callable[[Problem], bool] = lambda problem: True
    gives_params: bool = False
    parameter: str = ""

    @property
    def name(self) -> str:
        """What the function that makes the asset calls it."""
        return self.parameter or self.asset

    def partitions(self, problem: Problem) -> int:
        """How many partitions are read."""
        return self.span(problem) if self.span else 1


@dataclass(frozen=True)
class Asset:
    """One asset of the chain of a problem.

    Attributes:
        name: the last part of its key, ``dataset`` of ``flight_delays/dataset``.
        made_by: the function ``(problem, context, **inputs) -> Made | Skip``, as ``module:function``.
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
        reads_landing: it is made from landed files, of which only making it tells which.
        serves_training: it is made for the sake of a training; the others are made where no model is trained, too.
        ledger: how it depends on the ledger of champions: it decides the next move, in order of time; or it is made by the
            champion of before its partition, for which no run waits.
        may_skip: it may turn out that there is nothing to make yet.
    """

    name: str
    made_by: str
    description: Callable[[Problem], str]
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
    reads_landing: bool = False
    serves_training: bool = False
    ledger: Literal["decides", "serves"] | None = None
    may_skip: bool = False

    def inputs_of(self, problem: Problem) -> tuple[Input, ...]:
        """The inputs that it has in this problem."""
        return tuple(read for read in self.inputs if read.when(problem))

    @property
    def code(self) -> tuple[str, ...]:
        """The functions at which its code begins."""
        return self.begins or (self.made_by,)

    @property
    def waivable(self) -> tuple[str, ...]:
        """The checks that a problem may waive."""
        return tuple(check.name for check in self.checks if check.waivable)

    def is_of_one_partition(self, problem: Problem) -> bool:
        """Whether it is made from its own partition alone."""
        return all(read.partitions(problem) == 1 for read in self.inputs_of(problem))
