"""Rebuild versions from their manifests alone: the half of `ml-assets reproduce` that runs in the recorded code.

    PYTHONPATH=<the recorded source> python -P -m ml_assets.orchestration.rebuild

    asked on stdin          {"answers": 7, "store": url, "landing": url, "scratch": folder,
                             "versions": [{"asset", "partition", "version"}, …]}
    answered on file 7,     {"version": "07de…", "rebuilt": "9c22…", "error": ""}, or null and why nothing was made
    a line for each version

Who asks and who answers may be years apart: this protocol stays as it is, and everything else is told by what is stored,
whose format is specified. What was rebuilt lies in a store of its own, ``<scratch>/<version>``, with its manifest.

In that store the refs name exactly the recorded inputs, and the ledger of champions is as the recorded computation found it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg

from ml_assets.artifacts import trust_all
from ml_assets.assets import declared, noun_that
from ml_assets.assets.study import TRIAL
from ml_assets.computation.answered import heard
from ml_assets.computation.chain import proposed, was_decided
from ml_assets.computation.ingredients import Ingredients
from ml_assets.errors import InvalidProblem, MlAssetsError, Rejected
from ml_assets.orchestration import assets_of
from ml_assets.orchestration.io_manager import IO_MANAGER, StoreIOManager
from ml_assets.orchestration.keys import asset_key, op_name
from ml_assets.orchestration.step import LANDING_FOLDER
from ml_assets.orchestration.trial import trial_asset
from ml_assets.orchestration.upstream import foreign_specs, shared_specs
from ml_assets.orchestration.windows import OF_A_WINDOW
from ml_assets.problem import Dynamic, Problem
from ml_assets.problems import PROBLEMS, elsewhere
from ml_assets.promotion.decision import Propose
from ml_assets.promotion.ledger import Ledger, Move, reigning
from ml_assets.promotion.retired import Retired
from ml_assets.settings import Settings, let_garbage_wait
from ml_assets.store import (
    MAIN,
    Backend,
    Handle,
    LandingFolder,
    Manifest,
    Overlay,
    Patience,
    Store,
    Upstream,
    VersionKey,
    open_backend,
    open_landing,
    open_store,
    signed,
)

QUIET = {"console": {"config": {"log_level": "CRITICAL"}}}


def main() -> None:
    """Carry out the request on standard input."""
    let_garbage_wait()
    request = json.load(sys.stdin)
    os.set_inheritable(request["answers"], False)
    answers = os.fdopen(request["answers"], "w", encoding="utf-8")
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    settings = Settings.from_environment()
    patience = Patience(settings.patience_seconds)
    base: Backend = signed(open_backend(request["store"], patience), "", settings.trusted_keys)
    landing = open_landing(request["landing"], patience)
    if settings.upstream not in ("", request["store"]):
        base = Upstream(signed(open_backend(settings.upstream, patience), "", settings.trusted_keys), base)
    for asked in request["versions"]:
        key, rebuilt, error = VersionKey(**asked), None, ""
        try:
            rebuilt = rebuild(base, landing, key, Path(request["scratch"]) / key.version).version
        except (MlAssetsError, dg.DagsterError) as failed:
            error = str(failed)
        print(json.dumps({"version": key.version, "rebuilt": rebuilt, "error": error}), file=answers, flush=True)


def rebuild(base: Backend, landing: LandingFolder, key: VersionKey, scratch: Path) -> VersionKey:
    """Make a version again; what was made is in the store in ``scratch``, also where a blocking check refuses it.

    Raises:
        InvalidProblem: if the code has no such problem.
        Rejected: if nothing was made, because the computation failed.
        StoreError: if something that was recorded cannot be read.
    """
    recorded = Store(base).manifest(key)
    problem = _problem_of(Store(base), recorded)
    trust_all([problem])
    overlay = Overlay(base, open_backend(f"scratch://{scratch}"))
    _Past(overlay, problem, recorded).restore()
    failure = _materialize(problem, recorded, Store(overlay, branch=recorded.branch, user=recorded.by), landing)
    made = open_store(str(scratch)).versions(key.asset, key.partition)
    if not made:
        raise Rejected(f"the rebuild made nothing: {failure or 'there is nothing to be made'}")
    return made[0]


def _problem_of(store: Store, recorded: Manifest) -> Problem:
    """By its name: of the shipped ones, else of a module of the recorded source that gives something this name."""
    name = recorded.asset.partition("/")[0]
    shipped = next((problem for problem in PROBLEMS if problem.name == name), None)
    try:
        problem = shipped or elsewhere(name, _modules_naming(name, store.source(recorded.code["source"])))
    except ImportError as error:
        raise InvalidProblem(f"the recorded source lacks what the problem {name} is made of: {error}") from error
    if problem is None:
        raise InvalidProblem(f"the recorded source holds no problem {name}")
    return problem


def _modules_naming(name: str, files: Mapping[str, bytes]) -> list[str]:
    """The modules outside of ml_assets that define a PROBLEM or GROUP, and in which it says ``name="…"`` with this name."""
    says = re.compile(rb"\bname\s*=\s*[\"']" + name.encode() + rb"[\"']")
    defines = re.compile(rb"^(PROBLEM|GROUP)\b", re.MULTILINE)
    texts = {path: data for path, data in files.items() if path.endswith(".py")}
    paths = sorted(path for path, data in texts.items() if says.search(data) and defines.search(data))
    modules = [path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in paths]
    return [module for module in modules if module.partition(".")[0] != "ml_assets"]


@dataclass(frozen=True)
class _Past:
    """What a store named when a version was computed."""

    overlay: Overlay
    problem: Problem
    recorded: Manifest

    def restore(self) -> None:
        """Let the refs of the overlay name what the version was made from."""
        asset, store = declared(self.recorded.asset.partition("/")[2]), self._store(self.overlay)
        if asset.role in ("decides", "audits"):
            self._adopt(self._ledger(self._store(self.overlay.base)))
        if asset.role == "decides":
            self._adopt_decisions()
            self._adopt_retired(Retired.of(self._store(self.overlay.base), self.problem, str(self.recorded.partition)))
        if asset.role == "watches":
            self._adopt_answers()
        for read in self.recorded.inputs:
            if asset.role == "serves" and read.name == noun_that("decides"):
                self._ledger(store).enter(read.key, kind="promotion", after=(), as_of=None, why="recorded")
            elif store.head(read.key.asset, read.key.partition) is None:  # what was declared comes first
                store.move(read.key.asset, read.key.partition, read.key, expected=0, why="recorded")

    def _adopt_decisions(self) -> None:
        """The decisions about the same rows before it, which it counted; and that the models of windows were there."""
        store, recorded = self._store(self.overlay), self.recorded
        for branch in {MAIN, recorded.branch}:
            log = self._store(self.overlay.base).on(branch).log(recorded.asset, recorded.partition)
            before = [entry.n for entry in log if entry.target != recorded.key and entry.at <= recorded.created_at]
            self.overlay.adopt(branch, recorded.asset, recorded.partition, max(before, default=0))
        for read in recorded.inputs:
            made_of = Ingredients.of(store.manifest(read.key)) if read.name.endswith(OF_A_WINDOW) else None
            if made_of is not None:
                store.remember(made_of.key, read.key)

    def _store(self, backend: Backend) -> Store:
        return Store(backend, branch=self.recorded.branch, user=self.recorded.by)

    def _ledger(self, store: Store) -> Ledger:
        return Ledger.of(store, self.problem, self.recorded.partition)

    def _adopt(self, ledger: Ledger) -> None:
        newest = {move.branch: move.number for move in self._before_the_decision(ledger)}
        for branch, entries in newest.items():
            self.overlay.adopt(branch, ledger.asset, ledger.line, entries)

    def _adopt_retired(self, log: Retired) -> None:
        for entry in log.entries():
            if self._was_there(entry.at):
                self.overlay.adopt(str(entry.details["branch"]), log.asset, log.line, entry.n)

    def _adopt_answers(self) -> None:
        """What was answered over HTTP by then, and what live looks found of it."""
        store, problem, partition = self._store(self.overlay.base), self.problem, str(self.recorded.partition)
        logs = heard(store, problem, partition)
        for entry in (*logs.answers, *logs.looks):
            if self._was_there(entry.at):
                self.overlay.adopt(str(entry.details["branch"]), entry.target.asset, entry.target.partition, entry.n)

    def _was_there(self, at: str) -> bool:
        return datetime.fromisoformat(at) <= datetime.fromisoformat(self.recorded.created_at)

    def _before_the_decision(self, ledger: Ledger) -> Sequence[Move]:
        """The moves that the decision knew: those before it was recorded, and before the move that it made itself."""
        partition = str(self.recorded.partition)
        moves = [move for move in ledger.moves() if self._was_there(move.at)]
        if declared(self.recorded.asset.partition("/")[2]).role != "decides":
            return moves
        model = next(
            Handle(ledger.store, read.key) for read in self.recorded.inputs if read.name == noun_that("trains")
        )
        last = reigning(moves, until=partition)
        if last is not None and was_decided(ledger.store, last, partition, model):
            moves = moves[: moves.index(last)]
        own = self._own_proposal(ledger.store, moves, model)
        return moves[: moves.index(own)] if own is not None else moves

    def _own_proposal(self, store: Store, moves: Sequence[Move], model: Handle) -> Move | None:
        """What the decision proposed; a later one about the same model knew that it was proposed, and what was answered."""
        if self.recorded.notes.get("decision") != Propose.name:
            return None
        partition = str(self.recorded.partition)
        champion = reigning(moves, until=partition)
        return proposed(store, moves, partition, model, str(champion.model) if champion else None)


def _materialize(problem: Problem, recorded: Manifest, store: Store, landing: LandingFolder) -> str:
    """Compute it as a run does, in this process; why it failed, empty if it did not."""
    noun = recorded.asset.partition("/")[2]
    problem = _as_trained(problem, recorded)
    given = {"params": dict(recorded.params), "seed": recorded.seed}
    ops = {op_name(problem, noun): {"config": given}} if declared(noun).params == "chosen" else {}
    with dg.DagsterInstance.ephemeral() as instance:
        if isinstance(problem.partitions, Dynamic):
            instance.add_dynamic_partitions(problem.name, [str(recorded.partition)])
        result = dg.materialize(
            [*assets_of(problem), *_trial(problem, recorded), *foreign_specs([problem]), *shared_specs([problem])],
            selection=[asset_key(problem, noun)],
            partition_key=recorded.partition,
            instance=instance,
            resources={IO_MANAGER: StoreIOManager(store), LANDING_FOLDER: landing},
            run_config={"ops": ops, "loggers": QUIET},
            raise_on_error=False,
        )
    return " ".join(_reasons(result))


def _as_trained(problem: Problem, recorded: Manifest) -> Problem:
    """The problem with the training of the candidate that a version is of."""
    candidate = recorded.notes.get("candidate")
    return problem.variants[candidate] if candidate else problem


def _trial(problem: Problem, recorded: Manifest) -> Sequence[dg.AssetsDefinition]:
    """A trial is none of a problem's assets."""
    if problem.tuning is None or recorded.asset != f"{problem.name}/{TRIAL.name}":
        return []
    return [trial_asset(problem, problem.tuning, recorded)]


def _reasons(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    """The innermost error of each step that failed."""
    for failed in result.get_step_failure_events():
        error: Any = failed.step_failure_data.error
        while error is not None and error.cause is not None:
            error = error.cause
        yield error.message.strip() if error is not None else "no error was told"


if __name__ == "__main__":
    main()
