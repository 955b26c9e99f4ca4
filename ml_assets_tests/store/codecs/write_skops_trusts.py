"""Writes down what skops trusts by itself, for the versions that are installed: needed when one of them changes.

Run it by ``python -m ml_assets_tests.store.codecs.write_skops_trusts``.
"""

from __future__ import annotations

import json

from ml_assets.store.codecs.skops_io import TRUSTED_TYPES, WRITTEN_DOWN, versions


def found() -> str:
    """What skops finds, as it is written down; only in a process that has not used skops before."""
    from skops.io import _trusted_types

    if _trusted_types.__spec__ is None:
        raise SystemExit(f"{TRUSTED_TYPES} is what was written down: ask in a new process.")
    names = {name: value for name, value in sorted(vars(_trusted_types).items()) if name.endswith("_TYPE_NAMES")}
    return json.dumps({"versions": versions(), "names": names}, indent=1) + "\n"


if __name__ == "__main__":
    WRITTEN_DOWN.write_text(found(), encoding="utf-8")
