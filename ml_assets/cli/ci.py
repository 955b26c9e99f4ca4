"""`ml-assets ci`: the models that a change of code touches, trained on a branch of the store and judged as promotion judges."""

from __future__ import annotations

import argparse
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ml_assets
from ml_assets import problems
from ml_assets.assets import declared, noun_that
from ml_assets.ci.junit import to_junit
from ml_assets.ci.markdown import to_markdown
from ml_assets.ci.report import Made, ProblemReport, Report, next_command
from ml_assets.ci.touched import Change, Effect, is_about_models, judged_partitions
from ml_assets.ci.verdict import FAILS, Score, Verdict, kind_of, no_worse
from ml_assets.cli.home import home
from ml_assets.cli.partitions import bounds
from ml_assets.cli.run import add_jobs, report_step
from ml_assets.cli.show import command, progress, say, say_json, table
from ml_assets.cli.work import landed_partitions
from ml_assets.computation.chain import DataSources, inputs_of
from ml_assets.computation.git import git_identity
from ml_assets.errors import UsageError
from ml_assets.problem import Dynamic, Partitions, Problem
from ml_assets.problems import BrokenProblem, attempt, in_order_of_sharing, problem_named
from ml_assets.promotion.ledger import Ledger
from ml_assets.settings import Settings, writing_to
from ml_assets.store import MAIN, Handle, Manifest, Store

if TYPE_CHECKING:
    from ml_assets.orchestration.launch import Outcome, Step

EXAMPLES = """  ml-assets ci                                    what this checkout would make otherwise than main
  ml-assets ci flight_delays --partitions 3       the last three months that have outcomes
  ml-assets ci --junit models.xml --markdown models.md --fail-on not-better
  ml-assets ci --dry-run                          only what is touched, and why
"""
SHOWN_DIGITS = 12  # of a commit
Targets = dict[str, list[str]]
"""Problem -> the partitions that are judged."""


def add_to(verbs: Any) -> None:
    """Add `ci`."""
    summary = "train what a change of code touches, on a branch of its own, and judge it against the champion"
    parser = command(verbs, "ci", summary, ci, EXAMPLES)
    parser.add_argument("problems", nargs="*", metavar="PROBLEM", help="only these (default: all)")
    parser.add_argument("--against", default=MAIN, metavar="BRANCH", help="whose champions judge (default: main)")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--partition", metavar="P", help="judge by this one (default: the newest that has outcomes)")
    group.add_argument("--partitions", metavar="K|A..B", help="judge by the last K that have outcomes, or from A to B")
    parser.add_argument(
        "--fail-on",
        choices=tuple(FAILS),
        default="worse",
        help="exit with 1 where a model is worse beyond chance or cannot be made (default), where none is better, or never",
    )
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write the report as JUnit XML")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="write it as Markdown, for a summary or a comment"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what is touched, and make nothing")
    add_jobs(parser)


def ci(options: argparse.Namespace, settings: Settings) -> int:
    """1 where something fails by the policy."""
    started = time.perf_counter()
    check = _check(options, settings)
    effects = check.effects()
    for line in _touched(effects):
        progress(line)
    made: dict[str, list[Made]] = {}
    if not options.dry_run and any(one.is_touched for one in effects):
        progress(f"made on the branch {check.branch} of the store; {options.against} stays as it is")
        made = check.make(effects, options.jobs)
    told = check.report(effects, made, is_judged=not options.dry_run)
    report = replace(told, policy=options.fail_on, seconds=time.perf_counter() - started)
    _write(report, options)
    if options.json:
        say_json(_as_json(report))
    else:
        _say(report)
    return 1 if report.failing else 0


@dataclass(frozen=True)
class _Check:
    """One change, to be checked.

    Attributes:
        chosen: the problems that are judged.
        broken: those that cannot be imported.
        targets: by which partitions.
        made: these, and where promotion looks at several windows, those before them: of each the change makes a model.
        store: on the branch whose champions judge.
        branch: where everything is made.
    """

    chosen: Sequence[Problem]
    broken: Sequence[BrokenProblem]
    targets: Targets
    made: Targets
    store: Store
    branch: str
    settings: Settings

    def effects(self) -> list[Effect]:
        """What the change touches."""
        known = in_order_of_sharing(problems.PROBLEMS)
        return Change(known, self.store).effects(self.made)

    def make(self, effects: Sequence[Effect], jobs: int) -> dict[str, list[Made]]:
        """Make on the branch what is touched, but for decisions, which no branch takes for another; problem -> what was made."""
        from ml_assets.orchestration.launch import Launcher, instance_in
        from ml_assets.orchestration.selection import Target, assets_named

        works = [{key: assets_named(names) for key, names in work.items()} for work in _to_do(effects)]
        found: dict[str, list[Made]] = {}
        with writing_to(self.branch), instance_in(home(self.settings)) as instance:
            for problem in self.chosen:
                if isinstance(problem.partitions, Dynamic):
                    instance.add_dynamic_partitions(problem.name, self.made[problem.name])
            for outcome in Launcher(Target.here(), instance, report=report_step).materialize(*works, jobs=jobs):
                found.setdefault(outcome.problem, []).extend(_made(step, outcome.run) for step in outcome.steps)
                _report_skipped(outcome)
        return found

    def report(self, effects: Sequence[Effect], made: Mapping[str, Sequence[Made]], *, is_judged: bool) -> Report:
        """What is told, once it was made."""
        names = dict.fromkeys((*(one.problem for one in effects), *(one.name for one in self.chosen)))
        told = [self._of_problem(problem_named(name), effects, made, is_judged=is_judged) for name in names]
        told += [
            ProblemReport(
                one.name, verdicts=(Verdict(one.name, "", "failed", (one.summary,), "import", one.traceback),)
            )
            for one in self.broken
        ]
        known = {one.name for one in problems.PROBLEMS} | {one.name for one in problems.BROKEN}
        gone = [name for name in self.store.on(MAIN).groups() if name not in known]
        return Report(self.branch, self.store.branch, "worse", told, gone)

    def _of_problem(
        self, problem: Problem, effects: Sequence[Effect], made: Mapping[str, Sequence[Made]], *, is_judged: bool
    ) -> ProblemReport:
        own, steps = [one for one in effects if one.problem == problem.name], made.get(problem.name, ())
        verdicts = [verdict for step in steps if (verdict := step.verdict) is not None]
        if self.targets.get(problem.name) == []:
            verdicts.append(
                Verdict(problem.name, "", "nothing", ("It is new, and what it is made from is not there yet.",))
            )
        if is_judged:
            fails = {one.partition for one in verdicts}
            judged = [self._judged(problem, key, own, steps) for key in self.targets.get(problem.name, ())]
            verdicts += [one for one in judged if one is not None and not (one.kind == "nothing" and fails)]
        return ProblemReport(problem.name, own, steps, verdicts)

    def _judged(
        self, problem: Problem, partition: str, effects: Sequence[Effect], steps: Sequence[Made]
    ) -> Verdict | None:
        """The model of a partition against the champion; None where the change touches nothing that decides."""
        about = [one for one in effects if one.partition == partition and is_about_models(one)]
        if not about:
            return None
        name = f"{problem.name}/{noun_that('judges')}"
        runs = [one.run for one in steps if (one.asset, one.partition, one.passed) == (name, partition, True)]
        key = self._own.made_by_run(runs[-1], name, partition) if runs else None
        is_touched = any(one.asset == name for one in about)
        evaluation = (
            Handle(self._own, key) if key else None if is_touched else self._named(problem, "judges", partition)
        )
        if evaluation is None:
            return Verdict(problem.name, partition, "nothing", ("No model was made: no outcome of it is known yet.",))
        progress(
            f"judging {problem.name}/{noun_that('trains')} {partition} against the champion of {self.store.branch}"
        )
        found = attempt(problem.name, partial(self._verdict, problem, partition, evaluation))
        if isinstance(found, BrokenProblem):
            return Verdict(problem.name, partition, "failed", (found.summary,), details=found.traceback)
        return found

    def _verdict(self, problem: Problem, partition: str, evaluation: Handle) -> Verdict:
        from ml_assets.evaluation.judge import Evaluation
        from ml_assets.orchestration.champion import judged

        ledger = Ledger.of(self.store, problem, partition)
        sources = DataSources(self._own, ml_assets.open_landing(self.settings))
        decision = judged(problem, sources, evaluation, partition, ledger.moves()).to_json()
        model, champion = evaluation.input(noun_that("trains")), ledger.champion(until=partition)
        other, before = self._named(problem, "trains", partition), self._named(problem, "judges", partition)
        known = [Handle(self.store, champion.model)] if champion else []
        gates = Evaluation.from_json(evaluation.field("report")).gates
        kind = kind_of(
            decision,
            problem.promote_when,
            gates_hold=all(gate.passed or gate.untold for gate in gates),
            is_known=model.digest in {handle.digest for handle in (*known, *filter(None, [other]))},
        )
        no_worse = self._no_worse(problem, evaluation, before) if before and kind == "worse" else ""
        metric = problem.promote_when.metric.name
        return Verdict(
            problem.name,
            partition,
            "not better" if no_worse else kind,
            tuple(filter(None, (*decision["reasons"], no_worse))),
            metric=metric,
            score=_score(evaluation.manifest, metric),
            against=_score(before.manifest, metric) if before else None,
            model=model.key,
            other=other.key if other else None,
        )

    def _no_worse(self, problem: Problem, evaluation: Handle, before: Handle) -> str:
        """That the branch's own model of the partition is as bad, as a sentence: the change did not make it so; else empty."""
        found = no_worse(problem.promote_when, evaluation.field("scored"), before.field("scored"))
        return f"But {self.store.branch}'s own model of {before.key.partition} is not better: {found}." if found else ""

    def _named(self, problem: Problem, role: Any, partition: str) -> Handle | None:
        """What the branch whose champions judge names for an asset."""
        entry = self.store.head(f"{problem.name}/{noun_that(role)}", partition)
        return Handle(self.store, entry.target) if entry else None

    @property
    def _own(self) -> Store:
        return self.store.on(self.branch)


def _check(options: argparse.Namespace, settings: Settings) -> _Check:
    """What is asked.

    Raises:
        UsageError: if there is no such problem, branch or partition.
    """
    wanted = options.problems
    broken = [one for one in problems.BROKEN if not wanted or one.name in wanted]
    named = [problem_named(name) for name in wanted if name not in {one.name for one in broken}]
    chosen = [one for one in (named if wanted else problems.PROBLEMS) if not one.is_group]
    store = ml_assets.open_store(replace(settings, branch=options.against))
    having = [one for one in chosen if not options.partition or one.partitions.has(options.partition)]
    if chosen and not having:
        raise UsageError(f"No problem has a partition {options.partition!r}. See what there is: ml-assets history")
    if options.against != MAIN and not store.groups():
        raise UsageError(f"The store has no branch {options.against!r}: nothing is named there. Write --against main.")
    targets = {problem.name: _partitions(problem, store, options, settings) for problem in having}
    made = {problem.name: _with_windows(problem, targets[problem.name], store) for problem in having}
    return _Check(chosen, broken, targets, made, store, ci_branch(git_identity(Path.cwd())), settings)


def ci_branch(identity: Mapping[str, Any]) -> str:
    """The branch of the store for a state of the code: a branch of its own for each, since what it names is read there.

    >>> ci_branch({"git_commit": "7" * 40, "git_dirty": False})
    'ci/777777777777'
    >>> ci_branch({"git_commit": "7" * 40, "git_dirty": True, "git_diff": "a" * 64})
    'ci/777777777777-dirty-aaaaaaaa'
    """
    if not identity:
        return f"ci/uncommitted-{uuid.uuid4().hex[:8]}"
    dirty = f"-dirty-{identity['git_diff'][:8]}" if identity.get("git_dirty") else ""
    return f"ci/{identity['git_commit'][:SHOWN_DIGITS]}{dirty}"


def _partitions(problem: Problem, store: Store, options: argparse.Namespace, settings: Settings) -> list[str]:
    """By which partitions a problem is judged; none where nothing of it has landed."""
    if options.partition:
        return [options.partition]
    judged = judged_partitions(problem, store) or _there(problem, store, settings)
    if options.partitions and not options.partitions.isdigit():
        return problem.partitions.between(judged, *bounds(options)) if judged else []
    count = int(options.partitions or 1)
    if not count:
        raise UsageError("--partitions 0 judges by nothing. Give at least 1.")
    return _newest(problem.partitions, judged, count)


def _newest(cut: Partitions, judged: Sequence[str], count: int) -> list[str]:
    """The last ones; of a grid those of each of its values, which have champions of their own."""
    if not cut.in_time:
        return [*judged[-count:]]
    lines: dict[str | None, list[str]] = {}
    for key in judged:
        lines.setdefault(cut.line(key), []).append(key)
    return cut.in_order(key for of_line in lines.values() for key in of_line[-count:])


def _with_windows(problem: Problem, judged: Sequence[str], store: Store) -> list[str]:
    """The partitions that judge, and those of which promotion looks at the windows as well."""
    reached = {key for one in judged for key in problem.partitions.window(one, problem.promote_when.windows)}
    return problem.partitions.in_order({*judged, *(reached & {*judged_partitions(problem, store)})})


def _there(problem: Problem, store: Store, settings: Settings) -> list[str]:
    """The partitions of a problem of which nothing was judged yet, as far as there is what they are made from."""
    is_landing = bool(problem.landing_files)
    keys = landed_partitions(problem, ml_assets.open_landing(settings)) if is_landing else problem.partitions.keys()
    shared = {key: _shared(problem, key) for key in keys}
    wanted: dict[str, set[str]] = {}
    for asset, of in (place for places in shared.values() for place in places):
        wanted.setdefault(asset, set()).add(of)
    known = {(asset, key) for asset, of in wanted.items() for key in store.heads(asset, sorted(of))}
    return [key for key in keys if known.issuperset(shared[key])]


def _shared(problem: Problem, key: str) -> list[tuple[str, str]]:
    """What other problems and groups make of which a partition's data is made."""
    inputs = inputs_of(problem, noun_that("lands"), key)
    return [(asset, of) for asset, of in inputs if asset.partition("/")[0] != problem.name]


def _to_do(effects: Iterable[Effect]) -> list[dict[str, list[str]]]:
    """Of each problem, the assets that are touched by partition, in order."""
    works: dict[str, dict[str, list[str]]] = {}
    for one in effects:
        if one.is_touched and declared(one.noun).role != "decides":
            works.setdefault(one.problem, {}).setdefault(one.partition, []).append(one.asset)
    orders = {name: problem_named(name).partitions.in_order(work) for name, work in works.items()}
    return [{key: works[name][key] for key in order} for name, order in orders.items()]


def _touched(effects: Iterable[Effect]) -> Iterator[str]:
    for one in effects:
        if one.is_touched:
            yield f"~ {one.asset:32} {one.partition:10} {one.why}"


def _made(step: Step, run: str) -> Made:
    return Made(step.asset, step.partition, step.passed, step.seconds, step.why, step.findings, run)


def _report_skipped(outcome: Outcome) -> None:
    from ml_assets.orchestration.keys import asset_name

    for key, why in outcome.why_skipped.items():
        progress(f"– {asset_name(key):32} {outcome.partition:10} skipped: {why}")
    for key, (above, at) in outcome.blocked.items():
        progress(f"– {asset_name(key):32} {outcome.partition:10} not made: {asset_name(above)}@{at} failed")


def _score(manifest: Manifest, metric: str) -> Score | None:
    found = manifest.metrics.get(metric)
    return Score(found["value"], found["low"], found["high"]) if found else None


def _write(report: Report, options: argparse.Namespace) -> None:
    for path, text in ((options.junit, to_junit), (options.markdown, to_markdown)):
        if path is not None:
            path.write_text(text(report), encoding="utf-8")


def _say(report: Report) -> None:
    rows = [
        (one.problem, one.partition, one.kind, str(one.score or ""), " ".join(one.reasons)) for one in report.verdicts
    ]
    if rows:
        say(table(rows, ("problem", "partition", "verdict", "metric", "why")))
    say(f"{report.headline} ({report.seconds:.1f} s)")
    say(report.summary)
    say(f"next: {next_command(report)}")


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "passed": not report.failing,
        "branch": report.branch,
        "against": report.against,
        "touched": [
            {"asset": one.asset, "partition": one.partition, "state": one.state, "why": one.why}
            for problem in report.problems
            for one in problem.touched
        ],
        "verdicts": [
            {
                "problem": one.problem,
                "partition": one.partition,
                "verdict": one.kind,
                "reasons": list(one.reasons),
                "model": one.model.version if one.model else None,
            }
            for one in report.verdicts
        ],
        "gone": list(report.gone),
    }
