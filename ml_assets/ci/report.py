"""Everything that is told of a change, as plain values: what it touches, what was made, what is said of it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from ml_assets.ci.touched import Effect
from ml_assets.ci.verdict import Kind, Policy, Verdict
from ml_assets.store import VersionKey


@dataclass(frozen=True)
class Made:
    """One asset of one partition that a run made on the change's branch, or failed to; why, and the checks that did not pass."""

    asset: str
    partition: str
    passed: bool
    seconds: float
    why: str
    findings: tuple[str, ...] = ()
    run: str = ""

    @property
    def verdict(self) -> Verdict | None:
        """What is said of it where it was not made: a check that refused it blocks."""
        if self.passed:
            return None
        kind: Kind = "blocked" if self.findings else "failed"
        problem, _, noun = self.asset.partition("/")
        said, _, more = self.why.strip().partition("\n")
        reason = f"{noun}: {'; '.join(self.findings) or said}"
        return Verdict(problem, self.partition, kind, (reason,), noun, self.why if more else "")


@dataclass(frozen=True)
class ProblemReport:
    """What is told of one problem, or of one feature group."""

    name: str
    effects: Sequence[Effect] = ()
    made: Sequence[Made] = ()
    verdicts: Sequence[Verdict] = ()

    @property
    def touched(self) -> list[Effect]:
        """What may come out differently, in the order of making."""
        return [one for one in self.effects if one.is_touched]

    @property
    def nouns(self) -> list[str]:
        """The names of these assets, those first that are changed themselves."""
        first = sorted(self.touched, key=lambda one: one.state == "after")
        return list(dict.fromkeys(one.noun for one in first))

    @property
    def is_shown(self) -> bool:
        """Whether there is anything to tell of it."""
        return bool(self.touched or self.verdicts)


@dataclass(frozen=True)
class Report:
    """What is told of a change.

    Attributes:
        branch: of the store, where it was made.
        against: the branch whose champions judge.
        policy: what fails.
        gone: the names of which that branch has assets, and this checkout no problem.
    """

    branch: str
    against: str
    policy: Policy
    problems: Sequence[ProblemReport]
    gone: Sequence[str] = ()
    seconds: float = 0.0

    @property
    def shown(self) -> list[ProblemReport]:
        """The problems of which there is anything to tell."""
        return [one for one in self.problems if one.is_shown]

    @property
    def verdicts(self) -> list[Verdict]:
        """Of all problems."""
        return [verdict for one in self.problems for verdict in one.verdicts]

    @property
    def failing(self) -> list[Verdict]:
        """Those that fail, by the policy."""
        return [verdict for verdict in self.verdicts if verdict.fails(self.policy)]

    @property
    def headline(self) -> str:
        """The whole in a few words."""
        if self.failing:
            return f"failed: {', '.join(f'{one.place} {one.kind}' for one in self.failing)}"
        return "passed" if self.shown else "passed: nothing is touched"

    @property
    def summary(self) -> str:
        """How much is touched, as a sentence; and what is gone."""
        touched = sum(len(one.touched) for one in self.problems)
        every = sum(len(one.effects) for one in self.problems)
        of = f"{sum(bool(one.touched) for one in self.problems)} of {len(self.problems)} problems"
        gone = f" Not in this checkout: {', '.join(self.gone)}." if self.gone else ""
        return f"{of} touched, {touched} of {every} assets, against {self.against}.{gone}"


def next_command(report: Report) -> str:
    """What somebody who reads the report would type next."""
    failed = next((one for one in report.failing if one.kind == "failed" and one.partition), None)
    if failed is not None:
        return f"ml-assets try {failed.problem} --partition {shlex.quote(failed.partition)} --pdb"
    judged = [one for one in (*report.failing, *report.verdicts) if one.model and one.other]
    if judged and judged[0].model != judged[0].other:
        return f"ml-assets diff {_short(judged[0].other)} {_short(judged[0].model)}"
    broken = next((one for one in report.failing if not one.partition), None)
    if broken is not None:
        return f"ml-assets history {broken.problem}"
    return (
        f"ML_ASSETS_BRANCH={report.branch} ml-assets history {report.shown[0].name}"
        if report.shown
        else "ml-assets history"
    )


def _short(key: VersionKey | None) -> str:
    return key.short if key else ""
