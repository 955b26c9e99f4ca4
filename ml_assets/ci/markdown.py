"""The report as Markdown: for the summary of a job, and as the text of a comment."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from ml_assets.ci.report import Made, ProblemReport, Report
from ml_assets.ci.verdict import Verdict
from ml_assets.lineage.markdown import code, escaped, table

MARK = "<!-- ml-assets ci -->"
"""By this a comment is found again, to be replaced."""
LONGEST = 60_000  # characters: GitHub takes comments of up to 65,536
MOST_NOUNS = 4  # in a cell
LONGEST_REASON = 400


def to_markdown(report: Report) -> str:
    """A table of verdicts; what is touched and what was made is folded, and left out where it would be too long."""
    lines = [MARK, f"### ml-assets ci {escaped(report.headline)}", "", escaped(report.summary)]
    if report.shown:
        head = ("problem", "partition", "verdict", "this change", code(report.against), "touched", "why")
        lines += ["", table(head, [row for one in report.shown for row in _rows(one, report)])]
    text = "\n".join(lines) + "\n"
    for one in report.shown:
        folded = "\n".join(_folded(one)) + "\n"
        if len(text) + len(folded) < LONGEST:
            text += folded
    return text


def _rows(one: ProblemReport, report: Report) -> Iterator[tuple[str, ...]]:
    nouns, more = one.nouns[:MOST_NOUNS], len(one.nouns) - MOST_NOUNS
    touched = ", ".join(map(code, nouns)) + (f" and {more} more" if more > 0 else "")
    for verdict in one.verdicts:
        sign = "❌" if verdict.fails(report.policy) else "✅"
        yield (
            code(verdict.problem),
            code(verdict.partition),
            f"{sign} {verdict.kind}",
            f"{escaped(verdict.metric)} {escaped(verdict.score)}" if verdict.score else "",
            escaped(verdict.against) if verdict.against else "",
            touched,
            escaped(_cut(" ".join(verdict.reasons))),
        )
    if not one.verdicts:
        yield (code(one.name), "", "✅ no model is judged", "", "", touched, "")


def _folded(one: ProblemReport) -> Iterator[str]:
    """Every asset that is touched, with the reason and what came of it."""
    if one.touched:
        came = {(made.asset, made.partition): made for made in one.made}
        rows = [
            (
                code(effect.noun),
                code(effect.partition),
                escaped(effect.why),
                _came(came.get((effect.asset, effect.partition))),
            )
            for effect in one.touched
        ]
        yield f"\n<details><summary>{escape(one.name)}: {len(one.touched)} of {len(one.effects)} assets touched</summary>\n"
        yield table(("asset", "partition", "why", "made"), rows)
        yield "\n</details>"
    for verdict in one.verdicts:
        if verdict.details:
            yield f"\n<details><summary>{escape(verdict.place)}: {verdict.kind}</summary>\n\n{_block(verdict)}\n\n</details>"


def _block(verdict: Verdict) -> str:
    """Text as it is: indented, so that nothing in it ends the block."""
    return "\n".join(f"    {line}" for line in verdict.details.splitlines())


def _came(made: Made | None) -> str:
    if made is None:
        return "–"
    found = "; ".join(made.findings)
    told = f"{made.why} ({found})" if found else made.why
    return f"{'' if made.passed else '❌ '}{escaped(_cut(told))}"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}…"
