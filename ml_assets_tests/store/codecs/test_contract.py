"""What every codec promises, of those that are there without another library; other files have the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier

from ml_assets.errors import UnsupportedType
from ml_assets.store import Encoded, Parts, trust
from ml_assets.store.codecs import CODECS, installed
from ml_assets.testing import check_codec

ROWS = np.random.default_rng(0).normal(size=(200, 2))
LABEL = (ROWS[:, 0] > 0).astype(int)


@trust
@dataclass(frozen=True)
class Pair:
    weights: np.ndarray
    names: tuple[str, ...]


def frame() -> pd.DataFrame:
    kind = pd.Categorical(["a", None, "b"], categories=["b", "a", "never"])
    return pd.DataFrame({"x": [1.5, None, -0.0], "kind": kind, "n": pd.array([1, None, 2**60], "Int64")})


def trees() -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(max_iter=2, random_state=0).fit(ROWS, LABEL)


VALUES: dict[str, tuple[Callable[[], Any], Callable[[Any, Any], bool]]] = {
    "json": (lambda: {"a": [1, 2.5, "ü", None]}, lambda a, b: a == b),
    "table": (frame, lambda a, b: a.equals(b) and (a.dtypes == b.dtypes).all()),
    "tables": (lambda: {"one": frame(), "two": frame()}, lambda a, b: all(a[n].equals(b[n]) for n in a)),
    "array": (ROWS.copy, lambda a, b: a.tobytes() == b.tobytes()),
    "estimator": (trees, lambda a, b: np.array_equal(a.predict_proba(ROWS), b.predict_proba(ROWS))),
    "tensors": (lambda: {"w": torch.arange(6.0)}, lambda a, b: torch.equal(a["w"], b["w"])),
    "record": (
        lambda: Pair(np.arange(3.0), ("a", "b")),
        lambda a, b: (a.weights == b.weights).all() and a.names == b.names,
    ),
}
ELSEWHERE = {"xgboost", "lightgbm", "catboost", "arrow", "sparse", "onnx", "transformers", "keras"}
COMES_BACK_AS_ANOTHER = {"figure", "folder"}  # to look at, and to be read when asked


@pytest.mark.parametrize("codec", VALUES)
def test_a_codec_keeps_what_every_codec_promises(codec: str) -> None:
    make, same = VALUES[codec]
    check_codec(make(), same=same, twins=[make()], codec=codec)


def test_no_codec_is_forgotten() -> None:
    assert {codec.name for codec in CODECS} == {*VALUES, *ELSEWHERE, *COMES_BACK_AS_ANOTHER}


class Careless:
    """A codec that breaks one promise after the other."""

    name = "careless"

    def __init__(self, broken: str) -> None:
        self.broken, self.calls = broken, 0

    def encode(self, value: Any) -> Encoded | None:
        self.calls += 1
        data = {"pickle": b"\x80\x04N.", "chance": str(self.calls).encode()}.get(self.broken, b"value")
        return Encoded(self.name, {}, {"value": data}) if isinstance(value, complex) else None

    def decode(self, meta: Any, parts: Parts) -> Any:
        data = parts["value"]
        if self.broken == "another":
            return 2j
        if self.broken == "type":
            return "1j"
        if self.broken != "hostile" and data not in (b"value", b"\x80\x04N."):
            raise ValueError(data)
        return 1j


BROKEN = {
    "chance": "storing a value twice gives two digests",
    "type": "a complex comes back as a str",
    "another": "what comes back is not the same",
    "pickle": "a file looks like a pickle",
    "hostile": "value was loaded from 0 bytes in place of its 5",
}


@pytest.mark.parametrize("broken", BROKEN)
def test_the_contract_says_which_promise_is_broken(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    careless = Careless(broken)
    monkeypatch.setattr(installed, "encode", careless.encode)
    monkeypatch.setattr(installed, "codec", lambda name: careless)
    with pytest.raises(AssertionError, match=BROKEN[broken]):
        check_codec(1j, same=lambda a, b: a == b)


def test_a_twin_that_differs_is_named() -> None:
    with pytest.raises(AssertionError, match="twin 1 has another digest"):
        check_codec([1], same=lambda a, b: a == b, twins=[[1], [2]], n_flips=0)


def test_a_value_that_no_codec_takes_is_no_broken_promise(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedType):
        check_codec({1, 2}, same=lambda a, b: a == b)
