"""What a report leaves behind: what the model lives on, how its features drifted, and what is drawn of its judgement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ml_assets.evaluation.plain import from_plain, to_plain

ByFeature = tuple[tuple[str, float], ...]  # in an order that means something, which a mapping loses in the store


@dataclass(frozen=True)
class Explanation:
    """What is told of the features of a model.

    Attributes:
        importance: feature and by how much the first metric drops without it, most important first.
        drift: feature and the population stability index of the test rows against the training's, most drifted first.
        left_out: what importance does not tell, as a sentence; see ``Importance``.
    """

    importance: ByFeature = ()
    drift: ByFeature = ()
    left_out: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; see ``to_plain``."""
        plain: dict[str, Any] = to_plain(asdict(self))
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Explanation:
        """The inverse of :meth:`to_json`; of an evaluation from before there were reports, what it says of its features."""
        return cls(
            importance=tuple((name, from_plain(number)) for name, number in plain.get("importance", ())),
            drift=tuple((name, from_plain(number)) for name, number in plain.get("drift", ())),
            left_out=plain.get("left_out", ""),
        )


@dataclass(frozen=True)
class Report:
    """A report as it is stored.

    Attributes:
        explanation: the Explanation as JSON.
        figure: how the model is judged, on one page: the ``figures.Sheet`` as JSON.
    """

    explanation: dict[str, Any]
    figure: Any
