"""What an MLflow tracking server lacks of a problem, told to it.

The server itself says what it was told: each run, and each version of a registered model, has a tag with our version. So whoever
tells it, and however often somebody was interrupted, a model is one run and one version. What people deleted there stays deleted.
(Two that tell at the same moment could both find that a run is missing: so let one sensor tell.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml_assets.errors import MirrorRefused
from ml_assets.lineage.champions import champions
from ml_assets.lineage.judged import EVALUATION, MODEL, read_as
from ml_assets.mirrors.run import CHAMPION, TOLD, VERSION, Run, alias_of, run_of, said_of, source_of, told_by
from ml_assets.mirrors.server import Server
from ml_assets.store import Store, VersionKey, canonical, digest

SETTING = "ML_ASSETS_MLFLOW"
API = "/api/2.0/mlflow"
PAGE = 1_000
MOST_METRICS, MOST_PARAMS, MOST_TAGS = 900, 90, 90  # of one request; MLflow takes 1,000 in all, 100 params and 100 tags
THERE_IS_ONE = "RESOURCE_ALREADY_EXISTS"

HasTime = Callable[[], bool]


@dataclass(frozen=True)
class Told:
    """What a server was told of a problem; ``is_all``: nothing is left."""

    runs: int = 0
    versions: int = 0
    aliases: int = 0
    is_all: bool = True


@dataclass(frozen=True)
class Known:
    """A run that the server has."""

    id: str
    told: str
    is_deleted: bool


def tracking_server(address: str) -> Server:
    """The server at an address, see ``Server.at``."""
    return Server.at(address.strip(), "The tracking server", SETTING)


def state_of(store: Store, problem: str) -> str:
    """A digest of all that there is to tell of a problem: while it is the same, nothing is missing on a server that was told."""
    versions = [key.version for noun in (MODEL, EVALUATION) for key in store.versions(f"{problem}/{noun}")]
    moves = {str(line): sum(move.crowns for move in moves) for line, moves in champions(store, problem).moves.items()}
    return digest(canonical([sorted(versions), moves, store.branch]))[:16]


def tell(store: Store, problem: str, server: Server, has_time: HasTime = lambda: True) -> Told:
    """Tell a server what it lacks of a problem, while there is time.

    Raises:
        MirrorUnreachable, MirrorRefused: if it does not take it; what it took, it keeps.
    """
    models = store.versions(f"{problem}/{MODEL}")
    if not models:
        return Told()
    experiment = _Experiment.named(server, problem)
    known = experiment.runs()
    told = 0
    for key, evaluations, state in _lacking(store, problem, models, known):
        if not has_time():
            return Told(told, is_all=False)
        experiment.tell(_run(store, key, evaluations), state, known.get(key.version))
        told += 1
    versions, aliases = _tell_champions(store, problem, server, experiment.runs() if told else known)
    return Told(told, versions, aliases)


def _lacking(
    store: Store, problem: str, models: Iterable[VersionKey], known: Mapping[str, Known]
) -> Iterator[tuple[VersionKey, list[VersionKey], str]]:
    """Models that were not told, or judged since, with the evaluations of their partitions."""
    judged = defaultdict[str | None, list[VersionKey]](list)
    for key in store.versions(f"{problem}/{EVALUATION}"):
        judged[key.partition].append(key)
    for key in models:
        state, there = told_by(key, judged[key.partition]), known.get(key.version)
        if there is None or (there.told != state and not there.is_deleted):
            yield key, judged[key.partition], state


def _run(store: Store, key: VersionKey, evaluations: Iterable[VersionKey]) -> Run:
    read = [store.manifest(each) for each in evaluations]
    of_it = sorted((each for each in read if read_as(each, MODEL) == key), key=lambda each: each.created_at)
    return run_of(store.manifest(key), of_it)


@dataclass(frozen=True)
class _Experiment:
    """The experiment of a problem."""

    server: Server
    id: str

    @classmethod
    def named(cls, server: Server, name: str) -> _Experiment:
        """The one that has this name; it is made if there is none."""
        try:
            found = server.get(f"{API}/experiments/get-by-name", experiment_name=name)
        except MirrorRefused as refused:
            if refused.code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return cls(server, server.post(f"{API}/experiments/create", {"name": name})["experiment_id"])
        return cls(server, found["experiment"]["experiment_id"])

    def runs(self) -> dict[str, Known]:
        """The runs that are ours, by version; of several those that are there and not deleted count, and the first of them."""
        asked = {
            "experiment_ids": [self.id],
            "filter": f"tags.`{VERSION}` LIKE '%'",
            "run_view_type": "ALL",
            "order_by": ["attributes.start_time ASC"],
            "max_results": PAGE,
        }
        found: dict[str, Known] = {}
        for page in _pages(lambda token: self.server.post(f"{API}/runs/search", {**asked, **token})):
            for run in page.get("runs", []):
                tags, info = _tags(run["data"]), run["info"]
                known = Known(info["run_id"], tags.get(TOLD, ""), info["lifecycle_stage"] == "deleted")
                if tags[VERSION] not in found or found[tags[VERSION]].is_deleted:
                    found[tags[VERSION]] = known
        return found

    def tell(self, run: Run, state: str, known: Known | None) -> None:
        """Make the run unless it is there, and log everything; the tag that says so comes last."""
        id_ = known.id if known else self._make(run)
        status = {"run_id": id_, "status": "FAILED" if run.failed else "FINISHED", "end_time": run.ended}
        self.server.post(f"{API}/runs/update", status)
        params = [{"key": name, "value": value} for name, value in run.params.items()]
        metrics = [point.to_json() for point in run.metrics]
        tags = _as_tags({**run.tags, TOLD: state})
        for batch in _batches(metrics=(metrics, MOST_METRICS), params=(params, MOST_PARAMS), tags=(tags, MOST_TAGS)):
            self.server.post(f"{API}/runs/log-batch", {"run_id": id_, **batch})

    def _make(self, run: Run) -> str:
        asked = {
            "experiment_id": self.id,
            "run_name": run.name,
            "start_time": run.started,
            "tags": _as_tags({VERSION: run.tags[VERSION]}),
        }
        made: str = self.server.post(f"{API}/runs/create", asked)["run"]["info"]["run_id"]
        return made


def _tell_champions(store: Store, problem: str, server: Server, runs: Mapping[str, Known]) -> tuple[int, int]:
    """Models that were ever champion as versions of a registered model, and who is champion now; how many of each were told."""
    crowned = champions(store, problem)
    moves = [move for _, move in reversed(crowned.newest_first) if move.crowns]
    if not moves:
        return 0, 0
    registry = _Registry.named(server, problem)
    there, aliases = registry.versions(), registry.aliases()
    last = {move.model: move for move in moves}
    lacking = [model for model in last if model.version not in there]
    for model in lacking:
        run = runs.get(model.version)
        there[model.version] = registry.add(model, run.id if run and not run.is_deleted else "")
    for model, move in last.items():
        registry.say(there[model.version], said_of(move))
    wanted = {alias_of(store.branch, line): move.model for line, move in crowned.now.items()}
    moved = [alias for alias, model in wanted.items() if aliases.get(alias) != there[model.version].number]
    for alias in moved:
        registry.name(alias, there[wanted[alias].version])
    return len(lacking), len(moved)


@dataclass(frozen=True)
class _Version:
    """A version of a registered model: its number, and what is said of it there."""

    number: str
    said: str = ""


@dataclass(frozen=True)
class _Registry:
    """The registered model of a problem."""

    server: Server
    model: str

    @classmethod
    def named(cls, server: Server, name: str) -> _Registry:
        """The one that has this name; it is made if there is none."""
        try:
            server.post(f"{API}/registered-models/create", {"name": name})
        except MirrorRefused as refused:
            if refused.code != THERE_IS_ONE:
                raise
        return cls(server, name)

    def versions(self) -> dict[str, _Version]:
        """Those that are ours, by our version; of several the first."""
        quoted = self.model.replace("'", "''")
        asked: dict[str, str | int] = {"filter": f"name='{quoted}'", "max_results": PAGE}
        found: dict[str, _Version] = {}
        for page in _pages(lambda token: self.server.get(f"{API}/model-versions/search", **asked, **token)):
            for version in page.get("model_versions", []):
                tags = _tags(version)
                if VERSION in tags:
                    found[tags[VERSION]] = _Version(str(version["version"]), tags.get(CHAMPION, ""))
        return found

    def aliases(self) -> dict[str, str]:
        """Alias -> number of the version that has it."""
        found = self.server.get(f"{API}/registered-models/get", name=self.model)["registered_model"]
        return {each["alias"]: str(each["version"]) for each in found.get("aliases", [])}

    def add(self, model: VersionKey, run: str) -> _Version:
        """Make a version of one of ours."""
        tags = _as_tags({VERSION: model.version, "ml_assets.partition": model.partition or "-"})
        asked = {"name": self.model, "source": source_of(model), "tags": tags, **({"run_id": run} if run else {})}
        return _Version(str(self.server.post(f"{API}/model-versions/create", asked)["model_version"]["version"]))

    def say(self, version: _Version, said: str) -> None:
        """Say of a version what the ledger says last, unless it is said."""
        if version.said != said:
            asked = {"name": self.model, "version": version.number, "key": CHAMPION, "value": said}
            self.server.post(f"{API}/model-versions/set-tag", asked)

    def name(self, alias: str, version: _Version) -> None:
        """Give the alias to a version: whoever had it has it no more."""
        asked = {"name": self.model, "alias": alias, "version": version.number}
        self.server.post(f"{API}/registered-models/alias", asked)


def _pages(ask: Callable[[dict[str, str]], Any]) -> Iterator[Any]:
    """The pages of an answer, one after the other."""
    token: dict[str, str] = {}
    while True:
        page = ask(token) or {}
        yield page
        if not page.get("next_page_token"):
            return
        token = {"page_token": page["next_page_token"]}


def _batches(**parts: tuple[Sequence[Any], int]) -> Iterator[dict[str, Sequence[Any]]]:
    """One part after the other, each so many at a time: the last of the last part come last."""
    for name, (items, most) in parts.items():
        for first in range(0, len(items), most):
            yield {name: items[first : first + most]}


def _tags(of: Any) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in of.get("tags", [])}


def _as_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": name, "value": value} for name, value in tags.items()]
