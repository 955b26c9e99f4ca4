"""Was a move right, once its outcomes are known?"""

from __future__ import annotations

from collections.abc import Sequence

from ml_assets.evaluation.audit import Outcome
from ml_assets.evaluation.checks.outcome import CheckOutcome


def no_regret(outcomes: Sequence[Outcome], then: str = "") -> CheckOutcome:
    """No move was wrong beyond chance. Does not block: what was served was served.

    Args:
        then: what was done about a regret, or is to be done.
    """
    regretted = [one for one in outcomes if one.is_regretted]
    told = [one.sentence for one in regretted or outcomes if one.is_move]
    said = (
        " ".join([*told, *([then] if regretted and then else [])]) or "No move is audited: there was none to compare."
    )
    return CheckOutcome("no_regret", not regretted, False, said)
