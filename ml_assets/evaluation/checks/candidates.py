"""Could every candidate be judged?"""

from __future__ import annotations

from collections.abc import Mapping

from ml_assets.evaluation.checks.outcome import CheckOutcome


def candidates_trained(tried: int, failed: Mapping[str, str]) -> CheckOutcome:
    """Every candidate trained, and answers with numbers. Never blocks: the best of the others is the best there is.

    Args:
        tried: how many there are.
        failed: candidate -> why it cannot be judged.
    """
    if failed:
        said = " ".join(f"{name}: {why}." for name, why in failed.items())
        said = (
            f"{len(failed)} of {tried} candidates cannot be judged. {said} Mend them, or take them out of the problem."
        )
        return CheckOutcome("candidates_trained", False, False, said)
    return CheckOutcome("candidates_trained", True, False, f"All {tried} candidates trained.")
