"""A store to work with: what `open_store()` gives to notebooks and scripts.

It takes versions as people name them (``flight_delays/model@2013-06``), and answers with values, tables, trees and pictures.
Everywhere else it is a store like any other. Dagster is not needed.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_assets.lineage import history as versions_of
from ml_assets.lineage.compare import PARTITION, compare
from ml_assets.lineage.diff import Diff, diff
from ml_assets.lineage.lineage import Lineage, lineage
from ml_assets.lineage.reference import parse, resolve
from ml_assets.lineage.report import report
from ml_assets.lineage.sql import sql
from ml_assets.problem import Problem
from ml_assets.store import MAIN, NO_COPIES, Backend, Manifest, NoCopies, Store, VersionKey

if TYPE_CHECKING:
    import pandas as pd

Name = VersionKey | str
"""A version, or how people name it: see ``ml_assets.lineage.reference``."""


class Workbench(Store):
    """A store that understands references and answers questions about what it holds.

    Args:
        problems: those of the code: they say what identifies a row and which way a metric is better.
        cache: a folder for the index that ``sql`` keeps; None: it is made anew each time.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        branch: str = MAIN,
        user: str = "unknown",
        copies: NoCopies = NO_COPIES,
        problems: Sequence[Problem] = (),
        cache: Path | None = None,
    ) -> None:
        super().__init__(backend, branch=branch, user=user, copies=copies)
        self._problems = {problem.name: problem for problem in problems}
        self._cache = cache

    def on(self, branch: str) -> Workbench:
        """The same store seen from another branch."""
        problems = list(self._problems.values())
        return Workbench(
            self.backend, branch=branch, user=self.user, copies=self.copies, problems=problems, cache=self._cache
        )

    def key(self, of: Name) -> VersionKey:
        """The exact version that a name means now.

        Raises:
            UnknownVersion, AmbiguousVersion: if it means none or several.
            UsageError: if it is no reference.
        """
        return of if isinstance(of, VersionKey) else resolve(self, of)

    def load(
        self, key: Name, *, field: str = "", columns: Sequence[str] | None = None, rows: range | None = None
    ) -> Any:
        """The value of a version, a field of it, or some columns and rows; every byte that is read is verified.

        See ``Store.get``.
        """
        return super().load(self.key(key), field=field, columns=columns, rows=rows)

    def manifest(self, key: Name) -> Manifest:
        """Everything recorded about a version. See ``Store.manifest``."""
        return super().manifest(self.key(key))

    def history(self, of: str) -> pd.DataFrame:
        """Of a problem: a row per partition; of an asset, or one partition of it: a row per version, newest first."""
        if "/" not in of:
            return versions_of.report_frame(report(self.at_a_glance(), of))
        reference = parse(of)
        partition = ... if reference.partition is None else reference.partition
        return versions_of.frame(versions_of.history(self.at_a_glance(), str(reference.asset), partition))

    def lineage(self, of: Name, *, down: bool = False) -> Lineage:
        """What a version was made from; ``down``: what was made from it. It prints as a tree; notebooks show a picture."""
        return lineage(self, self.key(of), down=down)

    def compare(self, problem: str, by: str = PARTITION) -> pd.DataFrame:
        """A row per judged model of a problem: the best first by a metric, or the newest partition first."""
        known = self._problems.get(problem)
        return compare(self, problem, known.metrics if known else ()).ordered(by).frame()

    def diff(self, old: Name, new: Name) -> Diff:
        """What differs between two versions of an asset."""
        before, after = self.key(old), self.key(new)
        return diff(self, before, after, self._problems.get(before.asset.partition("/")[0]))

    def why(self, of: Name) -> str:
        """One sentence: why a version was computed."""
        return versions_of.why(self.manifest(of))

    def sql(self, query: str) -> pd.DataFrame:
        """The answer to a question in SQL about everything recorded; see ``ml_assets.lineage.sql``."""
        answer = sql(self, query, self._cache)
        for sentence in answer.warnings:
            warnings.warn(sentence, stacklevel=2)
        return answer.frame()
