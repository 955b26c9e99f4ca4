"""Does the model that served a partition do there what it did on its test? These inform: what was served was served."""

from __future__ import annotations

from ml_assets.evaluation.checks import CheckOutcome
from ml_assets.monitoring.finding import Finding, Kind

NAMES: dict[Kind, str] = {"drift": "inputs_hold", "scores": "scores_hold", "performance": "performance_holds"}
"""The check that an alarm fails."""


def outcomes(finding: Finding | None) -> tuple[CheckOutcome, ...]:
    """The checks of a partition; without anything to look at, each says so and passes."""
    if finding is None:
        said = "There is nothing to watch."
        return tuple(
            CheckOutcome(name, True, False, said) for name in (*NAMES.values(), "values_known", "estimate_holds")
        )
    return (*(_alarms(finding, kind) for kind in NAMES), _values(finding), _estimate(finding))


def _alarms(finding: Finding, kind: Kind) -> CheckOutcome:
    said = [alarm.said for alarm in finding.alarms if alarm.kind == kind]
    return CheckOutcome(NAMES[kind], not said, False, " ".join(said) or _quiet(finding)[kind])


def _quiet(finding: Finding) -> dict[Kind, str]:
    """What is said where nothing alarms."""
    known = f"{finding.outcomes:,} outcomes are known" if finding.outcomes else "no outcome is known yet"
    return {
        "drift": f"None of {len(finding.features):,} features has moved beyond chance.",
        "scores": "What the model answers has not moved beyond chance.",
        "performance": f"Not worse than promised beyond chance: {known}, {finding.metric} is {finding.realised or 'undefined'}.",
    }


def _values(finding: Finding) -> CheckOutcome:
    """New categories are told whether or not they are many."""
    unseen = {name: moved.unseen for name, moved in finding.features.items() if moved.unseen}
    where = ", ".join(f"{name} in {rows:,} rows" for name, rows in unseen.items())
    said = f"There are values that the training never had: {where}." if unseen else "The training had every value."
    return CheckOutcome("values_known", not unseen, False, said)


def _estimate(finding: Finding) -> CheckOutcome:
    if finding.estimated is None:
        return CheckOutcome("estimate_holds", True, False, f"{finding.metric} cannot be estimated without outcomes.")
    said = (
        f"{finding.metric} is estimated to be {finding.estimated}; its test promised {finding.promised or 'nothing'}."
    )
    return CheckOutcome("estimate_holds", not finding.falls_short, False, said)
