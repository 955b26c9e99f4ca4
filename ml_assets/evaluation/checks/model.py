"""Is the stored model the trained one, and is it good enough?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ml_assets.evaluation.checks.outcome import CheckOutcome
from ml_assets.evaluation.judge import GateVerdict

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def gates_hold(verdicts: Sequence[GateVerdict]) -> CheckOutcome:
    """Every gate is passed. Does not block: promotion refuses such a model by itself, and its evaluation is worth keeping."""
    failed = [verdict.sentence for verdict in verdicts if not verdict.passed]
    metadata = {"gates": [verdict.sentence for verdict in verdicts]}
    if failed:
        return CheckOutcome("gates", False, False, f"{' '.join(failed)} It will not be promoted.", metadata)
    said = " ".join(verdict.sentence for verdict in verdicts) or "The problem asks for no gates."
    return CheckOutcome("gates", True, False, said, metadata)


def reloads_identically(
    predict: Callable[[Any, pd.DataFrame], np.ndarray], model: Any, reloaded: Any, features: pd.DataFrame
) -> CheckOutcome:
    """The stored model, loaded again, predicts bit for bit what the trained one does, on ``features``."""
    trained, loaded = predict(model, features), predict(reloaded, features)
    kinds = [f"{answer.dtype} {answer.shape}" for answer in (trained, loaded)]
    if kinds[0] != kinds[1]:
        said = (
            f"The trained model answers {kinds[0]}, the stored one {kinds[1]}. Mend how this kind of model is stored."
        )
        return CheckOutcome("reloads", False, True, said, {"rows": len(features)})
    differing = _rows_with_other_bits(trained, loaded)
    metadata = {"rows": len(features), "differing": differing}
    if differing:
        said = (
            f"{differing:,} of {len(features):,} predictions of the stored model are not those of the trained one, bit for bit. "
            "Either the model is not stored whole or predict is not deterministic: mend the codec or predict."
        )
        return CheckOutcome("reloads", False, True, said, metadata)
    said = f"The stored model answers bit for bit as the trained one, on {len(features):,} rows."
    return CheckOutcome("reloads", True, True, said, metadata)


def _rows_with_other_bits(one: np.ndarray, other: np.ndarray) -> int:
    import numpy as np

    bits = [np.ascontiguousarray(of).reshape(len(of), -1).view(np.uint8) for of in (one, other)]
    return int((bits[0] != bits[1]).any(axis=1).sum())
