"""What the asset ``monitoring`` stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Monitored:
    """The monitoring of a partition as it is stored.

    Attributes:
        report: the ``Report`` as JSON; empty where there was nothing to watch.
        figure: what is drawn of it, as JSON.
    """

    report: dict[str, Any]
    figure: dict[str, Any]
