"""The report as JUnit XML, as servers of continuous integration read it: a suite per problem, a case per step and verdict."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from ml_assets.ci.report import ProblemReport, Report
from ml_assets.ci.verdict import Verdict

_NO_XML = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


def to_junit(report: Report) -> str:
    """The document. By the policy ``never`` nothing in it fails: servers have policies of their own about that."""
    root = ElementTree.Element("testsuites", name="ml-assets ci", time=f"{report.seconds:.1f}")
    for one in report.problems:
        cases = list(_cases(one, report))
        suite = ElementTree.SubElement(root, "testsuite", {"name": one.name, "time": _total(cases), **_counts(cases)})
        suite.extend(cases)
    root.attrib |= _counts(root.findall("testsuite/testcase"))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _cases(one: ProblemReport, report: Report) -> Iterator[ElementTree.Element]:
    for made in one.made:
        if made.passed:
            yield _case(one.name, f"{made.asset.partition('/')[2]}[{made.partition}]", made.seconds, made.why)
    for verdict in one.verdicts:
        yield _of_verdict(verdict, report)
    if not one.is_shown:
        yield _skipped(_case(one.name, "touched"), f"nothing of it is touched, against {report.against}")


def _of_verdict(verdict: Verdict, report: Report) -> ElementTree.Element:
    noun = verdict.noun or f"model against {report.against}"
    name = f"{noun}[{verdict.partition}]" if verdict.partition else noun
    text = "\n".join(filter(None, (*verdict.reasons, verdict.details)))
    case = _case(verdict.problem, name, out=f"{verdict.kind}: {text}")
    if verdict.fails(report.policy):
        message = _xml(f"{verdict.kind}: {' '.join(verdict.reasons)}")
        ElementTree.SubElement(case, "failure", message=message, type=verdict.kind).text = _xml(text)
    return _skipped(case, text) if verdict.kind == "nothing" else case


def _case(problem: str, name: str, seconds: float = 0.0, out: str = "") -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=_xml(problem), name=_xml(name), time=f"{seconds:.1f}")
    if out:
        ElementTree.SubElement(case, "system-out").text = _xml(out)
    return case


def _skipped(case: ElementTree.Element, why: str) -> ElementTree.Element:
    case.insert(0, ElementTree.Element("skipped", message=_xml(why)))
    return case


def _counts(cases: list[ElementTree.Element]) -> dict[str, str]:
    found = {name: sum(case.find(tag) is not None for case in cases) for name, tag in _COUNTED.items()}
    return {"tests": str(len(cases)), "errors": "0", **{name: str(count) for name, count in found.items()}}


_COUNTED = {"failures": "failure", "skipped": "skipped"}


def _total(cases: list[ElementTree.Element]) -> str:
    return f"{sum(float(case.attrib['time']) for case in cases):.1f}"


def _xml(text: str) -> str:
    """Without what XML cannot hold, such as the colours of a traceback."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
