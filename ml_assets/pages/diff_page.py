"""What differs between two models that somebody chose, and which is better where that can be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ml_assets.errors import UsageError
from ml_assets.lineage.diff import Section, diff, sections, verdict
from ml_assets.pages.archive import expect_problem
from ml_assets.problem import Problem
from ml_assets.store import Store, VersionKey


@dataclass(frozen=True)
class DiffPage:
    """The two, whether they are the same, and a section for each question about which there is something to say."""

    name: str
    old: VersionKey
    new: VersionKey
    verdict: str
    sections: Sequence[Section]


def diff_page(store: Store, problems: Sequence[Problem], name: str, old: str, new: str) -> DiffPage:
    """The difference of two versions, by their digits. Where they were judged on other rows, both are scored again: seconds.

    Raises:
        UnknownVersion, AmbiguousVersion: if there is no such problem or version.
        UsageError: if one is not given, or is another problem's.
    """
    expect_problem(store, problems, name)
    if not (old and new):
        raise UsageError(
            f"A difference is one of two versions: /problem/{name}/diff?old=…&new=…, or choose them on its page."
        )
    before, after = store.find(old), store.find(new)
    for key in (before, after):
        if key.asset.split("/")[0] != name:
            raise UsageError(f"{key} belongs to another problem than {name}. Choose two of {name}.")
    known = next((problem for problem in problems if problem.name == name), None)
    found = diff(store, before, after, known)
    return DiffPage(name, before, after, verdict(found), list(sections(found)))
