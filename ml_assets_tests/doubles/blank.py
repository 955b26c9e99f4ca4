"""Figures that nobody looks at: they are built and not drawn, which takes a third of a run through all assets.

So it is in the process of the tests, and in those of code locations that ask for it. ``drawn`` is for who looks at figures,
or compares them with what another process draws.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ml_assets import figures

PNG = base64.b64decode(  # one white pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mP4DwABAQEAHLCMmQAAAABJRU5ErkJggg=="
)
_draw = figures.png


def leave_figures_blank() -> None:
    figures.png = lambda figure: PNG


@contextmanager
def drawn() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(figures, "png", _draw)
        yield
