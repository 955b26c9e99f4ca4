"""Are there predictions, and whose?"""

from __future__ import annotations

from ml_assets.evaluation.checks.outcome import CheckOutcome


def served(partition: str, champion: str | None, since: str = "") -> CheckOutcome:
    """There was a champion to predict with. Does not block: before the first one there is none.

    Args:
        champion: the model that predicts, and ``since`` when it is champion; None for none.
    """
    nobody = "by nobody: no champion was known before it (at a problem's beginning there is none)"
    who = f"by {champion}, champion since {since}" if champion else nobody
    return CheckOutcome("served", champion is not None, False, f"{partition} is predicted {who}.")
