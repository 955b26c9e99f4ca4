"""Functions in memory: found in their source, with the values that they carry."""

from __future__ import annotations

import importlib
import importlib.util
import re
import subprocess
import sys
from collections import defaultdict
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from ml_assets.computation.code import Code, code_of

SHOP = """
import contextlib
import datetime
import enum
import functools
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np

FACTOR = 2


def logged(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args) or note()
    return wrapper


def note(): return None


def scaled(values, factor=1):
    return values * factor * FACTOR


def other(values): return values


class Kind(enum.Enum):
    GOOD = 1
    BAD = 2


@dataclass(frozen=True)
class Scaler:
    factor: float = 1.0
    kind: Kind = Kind.GOOD
    steps: tuple = ()

    def __call__(self, values): return scaled(values) * self.factor
    def fit(self, values): return other(values)


class Counter:
    __slots__ = ("start",)
    def __init__(self, start): self.start = start
    def count(self): return self.start


class Opaque(Counter):
    pass


class Pair(NamedTuple):
    low: float
    high: float


class Words(str):
    pass


class Matrix(np.ndarray):
    pass


@logged
def decorated(values): return scaled(values)


@functools.lru_cache
def cached(values): return scaled(values)


def closed(value, unused=1):
    import math
    def inner(values, size=len("ab")):
        return math.floor(values * value)
    return inner


def with_default(value):
    return lambda values, by=value: values * by


def recursive():
    def down(n):
        return n and down(n - 1)
    return down


def local_class():
    class Inside: pass
    return Inside


first, second = (lambda x: scaled(x)), (lambda x: other(x))
one = (lambda x: x + 1,)[0]


class Repeated:
    def __init__(self, function, times):
        functools.update_wrapper(self, function)
        self.times = times
    def __call__(self, values): return self.__wrapped__(values) * self.times


class Quiet(contextlib.ContextDecorator):
    def __init__(self, level): self.level = level
    def __enter__(self): return self
    def __exit__(self, *error): return None


@logged
@np.errstate(all="ignore")
def forgiving(values): return scaled(values)
"""


def load(folder: Path, text: str = SHOP, name: str = "shop_in_memory") -> ModuleType:
    (folder / f"{name}.py").write_text(text)
    sys.modules.pop(name, None)
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


@pytest.fixture
def shop(tmp_path: Path):
    yield load(tmp_path)
    sys.modules.pop("shop_in_memory", None)


def names(code: Code) -> set[str]:
    return {part.partition(":")[2] for part in code.parts if ":" in part}


def test_a_function_is_found_wherever_it_was_loaded_from(shop: ModuleType):
    assert names(code_of(shop.scaled)) == {"scaled", "FACTOR"}


def test_a_function_in_memory_and_its_name_are_the_same_code(shop: ModuleType, tmp_path: Path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)

    named = dict(code_of("shop_in_memory:Scaler").parts)
    assert dict(code_of(shop.Scaler).parts) | {"roots": ""} == named | {"roots": ""}


DIFFERENT = {
    "an argument of a partial": lambda s: (partial(s.scaled, 1), partial(s.scaled, 2)),
    "a keyword of a partial": lambda s: (partial(s.scaled, factor=1), partial(s.scaled, factor=2)),
    "the function of a partial": lambda s: (partial(s.scaled, 1), partial(s.other, 1)),
    "a value and the same as another type": lambda s: (partial(s.scaled, 1), partial(s.scaled, 1.0)),
    "a tuple and a list": lambda s: (partial(s.scaled, [1]), partial(s.scaled, (1,))),
    "the order of a mapping": lambda s: (partial(s.scaled, {1: 2, 3: 4}), partial(s.scaled, {3: 4, 1: 2})),
    "a value of a closure": lambda s: (s.closed(1), s.closed(2)),
    "a function of a closure": lambda s: (s.closed(s.scaled), s.closed(s.other)),
    "a default that was computed": lambda s: (s.with_default(1), s.with_default(2)),
    "a field of a callable": lambda s: (s.Scaler(1.0), s.Scaler(2.0)),
    "an enum in a field": lambda s: (s.Scaler(), s.Scaler(kind=s.Kind.BAD)),
    "a function in a field": lambda s: (s.Scaler(steps=(s.scaled,)), s.Scaler(steps=(s.other,))),
    "the state of a method's object": lambda s: (s.Counter(1).count, s.Counter(2).count),
    "the class of a method's object": lambda s: (s.Counter(1).count, s.Opaque(1).count),
    "the method": lambda s: (s.Scaler().fit, s.Scaler().__call__),
    "what a named tuple holds": lambda s: (partial(s.scaled, s.Pair(1, 2)), partial(s.scaled, s.Pair(1, 3))),
    "a text of a class of its own": lambda s: [partial(s.scaled, s.Words(word)) for word in "ab"],
    "a long pattern": lambda s: (partial(re.sub, re.compile("a" * 300)), partial(re.sub, re.compile("a" * 301))),
    "a number of NumPy": lambda s: (s.closed(np.float32(0.5)), s.closed(np.float64(0.5))),
    "another number of NumPy": lambda s: (s.closed(np.int64(1)), s.closed(np.int64(2))),
    "two lambdas of a line": lambda s: (s.first, s.second),
    "what a class was called with to wrap": lambda s: (s.Repeated(s.other, 1), s.Repeated(s.other, 2)),
    "what a library was called with to wrap": lambda s: (s.Quiet(1)(s.other), s.Quiet(2)(s.other)),
    "what a mapping has for all else": lambda s: [partial(s.scaled, defaultdict(f)) for f in (s.scaled, s.other)],
    "a day": lambda s: [partial(s.scaled, s.datetime.date(2024, 1, day)) for day in (1, 2)],
}  # fmt: skip


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_the_version_tells_apart(shop: ModuleType, pair):
    one, other = pair(shop)

    assert code_of(one).version != code_of(other).version
    assert code_of(one).unidentified == code_of(other).unidentified == ()
    assert code_of(one).version == code_of(pair(shop)[0]).version


def test_two_partials_of_one_function_both_count(shop: ModuleType):
    one, two, three = (partial(shop.scaled, n) for n in (1, 2, 3))

    assert code_of(one, two).version != code_of(one, three).version
    assert code_of(one, two).version != code_of(two, one).version


def test_what_two_functions_carry_counts_for_each(shop: ModuleType):
    one, two = shop.closed(1), shop.closed(2)

    assert code_of(one, two, one).version != code_of(one, two, two).version


def test_a_function_behind_decorators_of_ours_and_of_a_library_is_identified_by_its_text(shop: ModuleType):
    code = code_of(shop.forgiving)

    assert {"forgiving", "logged", "scaled"} <= names(code)
    assert code.unidentified == ()


def test_a_decorated_function_reaches_the_decorator_and_what_its_wrapper_calls(shop: ModuleType):
    assert {"logged.wrapper", "note", "decorated", "logged", "scaled"} <= names(code_of(shop.decorated))


def test_a_function_behind_a_cache_is_followed(shop: ModuleType):
    assert {"cached", "scaled"} <= names(code_of(shop.cached))


def test_a_closure_records_what_it_holds_and_only_the_function_itself(shop: ModuleType):
    code = code_of(shop.closed(0.5))

    assert code.parts["shop_in_memory:closed.inner[value]"] == '{"float":"0.5"}'
    assert code.unidentified == ()
    assert names(code) == {"closed.inner", "closed.inner[value]", "closed.inner[defaults]"}


def test_a_function_that_calls_itself_comes_to_an_end(shop: ModuleType):
    assert "recursive.down" in names(code_of(shop.recursive()))


def test_a_lambda_is_the_very_lambda(shop: ModuleType):
    assert names(code_of(shop.first)) == {"<lambda>", "scaled", "FACTOR"}
    assert names(code_of(shop.second)) == {"<lambda>", "other"}
    assert names(code_of(shop.one)) == {"<lambda>"}


def test_blank_lines_before_a_lambda_change_nothing(tmp_path: Path):
    before = code_of(load(tmp_path).second).version

    assert code_of(load(tmp_path, f"\n\n# words\n{SHOP}").second).version == before


def test_an_edited_file_no_longer_tells_which_lambda_it_was(shop: ModuleType, tmp_path: Path):
    second = shop.second
    (tmp_path / "shop_in_memory.py").write_text(f"\n\n{SHOP}")

    assert "*" in names(code_of(second))


def test_third_party_functions_are_known_by_their_package(shop: ModuleType):
    code = code_of(np.mean, len, partial(shop.scaled, np.sum))

    assert code.packages == {"numpy"}
    assert code.unidentified == ()


UNIDENTIFIED = {
    "an array in a closure": (lambda shop: shop.closed(np.ones(3)), "holds a numpy.ndarray"),
    "an array in a partial": (lambda shop: partial(shop.scaled, np.ones(3)), "root 1 holds a numpy.ndarray"),
    "an array deep in a field": (lambda shop: shop.Scaler(steps=({"a": [np.ones(3)]},)), "Scaler.steps holds a numpy.ndarray"),
    "a method of a list": (lambda shop: [].append, "holds a builtins.builtin_function_or_method"),
    "an array of a class of its own": (lambda shop: shop.closed(np.ones(3).view(shop.Matrix)), "holds a shop_in_memory.Matrix"),
    "a ufunc": (lambda shop: np.exp, "holds a numpy.ufunc"),
    "code from exec": (lambda shop: made_by_exec(), "has no source file"),
    "a class of a function": (lambda shop: shop.local_class(), "is a class that a function makes"),
}  # fmt: skip


def made_by_exec():
    space: dict = {"__name__": "typed_in"}
    exec("def f(x): return x", space)
    return space["f"]


@pytest.mark.parametrize(("root", "words"), UNIDENTIFIED.values(), ids=UNIDENTIFIED.keys())
def test_it_cannot_be_identified(shop: ModuleType, root, words: str):
    (sentence,) = code_of(root(shop)).unidentified

    assert words in sentence


def test_a_script_and_the_modules_beside_it_are_first_party(tmp_path: Path):
    (tmp_path / "beside.py").write_text("def helper(): return 1\n")
    (tmp_path / "script.py").write_text(
        "from beside import helper\nfrom ml_assets.computation.code import code_of\n\n\n"
        "def train(): return helper()\n\n\nif __name__ == '__main__':\n    print(sorted(code_of(train).parts))\n"
    )
    told = subprocess.check_output([sys.executable, tmp_path / "script.py"], text=True)

    assert eval(told) == ["Python", "__main__:helper", "__main__:train", "beside:helper", "roots"]


def test_a_module_that_is_run_by_its_name_is_the_same_code(tmp_path: Path):
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "beside.py").write_text("def helper(): return 1\n")
    (tmp_path / "acme" / "script.py").write_text(
        "from .beside import helper\nfrom ml_assets.computation.code import code_of\n\n\n"
        "def train(): return helper()\n\n\nif __name__ == '__main__':\n    print(sorted(code_of(train).parts))\n"
    )
    told = subprocess.check_output([sys.executable, "-m", "acme.script"], text=True, cwd=tmp_path)

    assert eval(told) == ["Python", "acme.beside:helper", "acme.script:helper", "acme.script:train", "roots"]


def test_an_installed_package_counts_by_its_text_if_it_uses_ml_assets(tmp_path: Path, monkeypatch):
    installed = tmp_path / "site-packages"
    for name, text in {"acme": "import ml_assets.problem\n", "library": ""}.items():
        (installed / name).mkdir(parents=True)
        (installed / name / "__init__.py").write_text(text)
        (installed / name / "model.py").write_text("def train(): return 1\n")
    monkeypatch.syspath_prepend(installed)
    acme, library = (importlib.import_module(f"{name}.model") for name in ("acme", "library"))

    assert code_of(acme.train).parts["acme.model:train"] == "def train():\n    return 1"
    assert code_of(library.train).packages == {"library"}
