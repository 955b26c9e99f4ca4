"""A codec that another package brings: found by its entry point, and only when it is needed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from ml_assets.errors import UnreadableContent, UnsupportedType
from ml_assets.store import Content, Store
from ml_assets.store.codecs import installed
from ml_assets.testing import check_codec

GOOD = """
from fractions import Fraction

from ml_assets.store import Encoded


class FractionCodec:
    name = "acme-fraction"

    def encode(self, value):
        if type(value) is not Fraction:
            return None
        return Encoded(self.name, {}, {"fraction.txt": f"{value};".encode()})

    def decode(self, meta, parts):
        text = parts["fraction.txt"].decode("ascii")
        value = Fraction(text.removesuffix(";"))
        if f"{value};" != text:
            raise ValueError("not as it was written")
        return value


class OfModules(FractionCodec):
    name = "acme-modules"

    def encode(self, value):
        return Encoded(self.name, {}, {}) if type(value).__name__ == "Linear" else None
"""


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Installs a package ``acme`` with this code and these entry points."""

    def install(code: str, entries: str) -> None:
        (tmp_path / "acme_codec.py").write_text(code)
        info = tmp_path / "acme-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{installed.GROUP}]\n{entries}\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        forget()

    yield install
    sys.modules.pop("acme_codec", None)
    monkeypatch.undo()
    forget()


def forget() -> None:
    installed._found.cache_clear()
    installed._codec.cache_clear()


def test_it_keeps_what_every_codec_promises(acme: Any) -> None:
    from fractions import Fraction

    acme(GOOD, "acme-fraction = acme_codec:FractionCodec")
    check_codec(Fraction(1, 3), same=lambda a, b: a == b, twins=[Fraction(2, 6)], codec="acme-fraction")


def test_it_is_not_loaded_for_what_ours_take(acme: Any, store: Store) -> None:
    acme("raise RuntimeError('loaded')", "acme-fraction = acme_codec:FractionCodec")
    store.get(store.put({"a": 1}))
    assert "acme_codec" not in sys.modules


def test_it_may_take_what_ours_refuse(acme: Any, store: Store) -> None:
    with pytest.raises(UnsupportedType, match="networks are not stored"):
        store.put(nn.Linear(1, 1))
    acme(GOOD, "acme-modules = acme_codec:OfModules")
    assert store.put(nn.Linear(1, 1)).codec == "acme-modules"


@pytest.mark.parametrize(
    ("code", "entry", "said"),
    [
        (
            "import no_such_library",
            "x = acme_codec:A",
            r"codec 'x' of .*'acme_codec:A' in acme cannot .*no_such_library",
        ),
        ("", "x = acme_codec:A", r"'x' of the entry point 'acme_codec:A' in acme cannot be loaded: AttributeError"),
        (GOOD, "x = acme_codec:FractionCodec", r"calls itself 'acme-fraction'\. Give both one name"),
    ],
    ids=["import", "missing", "name"],
)
def test_one_that_cannot_be_loaded_is_named(acme: Any, store: Store, code: str, entry: str, said: str) -> None:
    acme(code, entry)
    with pytest.raises(UnsupportedType, match=said):
        store.put(object())
    with pytest.raises(UnreadableContent, match=said):
        store.get(Content("x", {}, ()))


def test_content_of_a_codec_that_nobody_brings_says_so(store: Store) -> None:
    with pytest.raises(
        UnreadableContent, match=r"a codec 'acme-fraction', which ml_assets does not have.*install that"
    ):
        store.get(Content("acme-fraction", {}, ()))
