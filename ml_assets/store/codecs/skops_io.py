"""``skops.io``, imported without finding out anew what it trusts: that takes 0.8 s of the second in which a model is stored.

On import skops walks through all of scikit-learn for its estimators (which imports pytest, where that is installed), and
looks in every loaded module for every ufunc. The same versions give the same names: they are written down in
``skops_trusts.json``, and skops is given them instead of its module ``_trusted_types``. With other versions it finds out
by itself. (Pinned, and held by a test, which says how to write them down again.)
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from ml_assets.store.codecs.held import write_boosters
from ml_assets.store.codecs.made_by_calls import write_as_calls

WRITTEN_DOWN = Path(__file__).with_name("skops_trusts.json")
TRUSTED_TYPES = "skops.io._trusted_types"


def skops_io() -> Any:
    """The module ``skops.io``, which trusts what it always trusts."""
    if "skops.io" not in sys.modules:
        written = json.loads(WRITTEN_DOWN.read_text(encoding="utf-8"))
        if written["versions"] == versions():
            known = ModuleType(TRUSTED_TYPES)
            vars(known).update(written["names"])
            sys.modules.setdefault(TRUSTED_TYPES, known)
    import skops.io

    write_as_calls()
    write_boosters()
    return skops.io


def versions() -> Mapping[str, str]:
    """The versions that decide what skops trusts, as installed."""
    return {name: version(name) for name in ("numpy", "scipy", "scikit-learn", "skops")}
