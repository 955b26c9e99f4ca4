"""What problems share of each other: in which order they come, and what cannot be shared."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from graphlib import TopologicalSorter

from ml_assets.errors import InvalidProblem
from ml_assets.problem import Problem, Shared, Upstream


def in_order_of_sharing(problems: Iterable[Problem]) -> list[Problem]:
    """Each after those of which it shares something."""
    listed = {problem.name: problem for problem in problems}
    reads = {name: [one for one in _read(problem) if one in listed] for name, problem in listed.items()}
    return [listed[name] for name in TopologicalSorter(reads).static_order()]


def refuse_odd_links(problem: Problem, problems: Iterable[Problem], broken: Collection[str] = ()) -> None:
    """See that what a problem shares is there to be shared.

    Args:
        problems: all that there are.
        broken: names of those that cannot be used; what they made before can still be read.
    Raises:
        InvalidProblem: if it is not.
    """
    known = {one.name: one for one in problems}
    for name, source in problem.sources.items():
        if isinstance(source, Upstream) and source.query is None and source.path[0] in known:
            raise InvalidProblem(
                f"Problem {problem.name!r}: the source {name!r} is of {source.path[0]}, which is made here: no copy of it is "
                f"needed. Write {name}=Shared({source.asset!r})."
            )
        if isinstance(source, Shared) and source.owner not in broken:
            _refuse(problem, name, source, known)
    circle = [name for name in _above(problem, known) if problem.name in _above(known[name], known)]
    if circle:
        raise InvalidProblem(
            f"Problem {problem.name!r}: {' and '.join(sorted(circle))} share what is made of what they share: a circle, of which "
            "nothing can be made first. Take one of these sources out."
        )


def _refuse(problem: Problem, name: str, source: Shared, known: Mapping[str, Problem]) -> None:
    owner = known.get(source.owner)
    if owner is None:
        raise InvalidProblem(
            f"Problem {problem.name!r}: the source {name!r} shares {source.asset}, and there is no {source.owner!r}. "
            f"There are {', '.join(known)}."
        )
    if owner.is_group and source.noun != "dataset":
        raise InvalidProblem(
            f"Problem {problem.name!r}: the source {name!r} shares {source.asset}; a feature group has a dataset alone: write "
            f"Shared('{source.owner}/dataset')."
        )
    first = problem.partitions.keys()[:1]
    wanted = [source.partition.format_map(problem.partitions.in_places(key)) for key in first]
    lacking = [key for key in wanted if not owner.partitions.has(key)]
    if lacking:
        raise InvalidProblem(
            f"Problem {problem.name!r}: the source {name!r} shares {source.asset}, which has no partition {lacking[0]!r}. "
            "Cut both alike, from the same start on, or say which partition is read: Shared(…, partition='{month}')."
        )


def _above(problem: Problem, known: Mapping[str, Problem]) -> list[str]:
    """The names of all of which it shares something, nearest first, also through others; itself, where that is a circle."""
    found: list[str] = []
    waiting = _read(problem)
    while waiting:
        name = waiting.pop(0)
        if name in known and name not in found:
            found.append(name)
            waiting += _read(known[name])
    return found


def _read(problem: Problem) -> list[str]:
    return [source.owner for source in problem.sources.values() if isinstance(source, Shared)]
