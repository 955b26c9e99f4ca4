"""From functions in memory to their source, and to the values that they carry: arguments of a partial, what a closure holds.

Plain values are recorded as they are. What is neither plain nor code (a DataFrame in a closure) has no text: it makes the
computation one that cannot be recognised again, and that says so.
"""

from __future__ import annotations

import ast
import datetime
import decimal
import enum
import fractions
import functools
import inspect
import re
import sys
import types
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from ml_assets.computation.finder import folder_of
from ml_assets.computation.names import Function, Scope, scope_of
from ml_assets.computation.reach import Reach
from ml_assets.computation.source import Source
from ml_assets.store import canonical

PLAIN = (
    bytes, float, complex, range, slice, datetime.date, datetime.time, datetime.timedelta, datetime.timezone,
    decimal.Decimal, fractions.Fraction, PurePath,
)  # fmt: skip
LAMBDA = "<lambda>"
CACHE = functools._lru_cache_wrapper  # what it adds changes no result
PYTHON_CLASS = 1 << 9  # a class that was made by a class statement has no state but its attributes
CONTENTS = {tuple, list, dict, set, frozenset, str, int, float, bytes}  # what a subclass holds besides


class Live:
    """Describes values by JSON, and follows the code that they are made of."""

    def __init__(self, reach: Reach) -> None:
        self.reach = reach
        self._open: dict[int, Any] = {}  # what is being described: values may hold themselves

    def describe(self, value: Any, where: str) -> Any:
        """JSON that differs where values do; ``where`` is what a complaint calls it."""
        if value is None or type(value) in (bool, int, str):
            return value
        if id(value) in self._open:
            return {"again": type(value).__qualname__}
        self._open[id(value)] = value
        try:
            plain = self._collection(value, where) or self._plain(value, where)
            return plain or self._code(value, where)
        finally:
            del self._open[id(value)]

    def _collection(self, value: Any, where: str) -> Any:
        if isinstance(value, Mapping) and type(value).__module__ in ("builtins", "collections"):
            pairs = [[self.describe(k, where), self.describe(v, where)] for k, v in value.items()]
            return {type(value).__name__: pairs, "else": self.describe(getattr(value, "default_factory", None), where)}
        if type(value) in (list, tuple):
            return {type(value).__name__: [self.describe(item, where) for item in value]}
        if type(value) in (set, frozenset):
            return {"set": sorted(canonical(self.describe(item, where)).decode() for item in value)}
        return None

    def _plain(self, value: Any, where: str) -> Any:
        kind = type(value)
        if isinstance(value, enum.Enum):
            return {"enum": [self._class(kind), value.name]}
        if isinstance(value, re.Pattern):  # whose repr is cut short
            return {"pattern": [self.describe(value.pattern, where), value.flags]}
        is_number = kind.__module__ == "numpy" and getattr(value, "ndim", None) == 0
        if is_number or (isinstance(value, PLAIN) and not self._is_ours(kind.__module__, _file(kind))):
            return {kind.__qualname__: repr(value)}
        return None

    def _code(self, value: Any, where: str) -> Any:
        if isinstance(value, types.ModuleType):
            self.reach.follow(value.__name__)
            return {"module": value.__name__}
        if isinstance(value, type):
            return {"class": self._class(value)}
        if isinstance(value, types.FunctionType):
            return {"function": self._function(value)}
        return self._bound(value, where)

    def _bound(self, value: Any, where: str) -> Any:
        """A callable that carries values."""
        if isinstance(value, types.MethodType):
            return {"method": [self.describe(value.__self__, where), self.describe(value.__func__, where)]}
        if isinstance(value, functools.partial):
            return {"partial": [self.describe(part, where) for part in (value.func, value.args, value.keywords)]}
        if isinstance(value, types.BuiltinFunctionType) and isinstance(value.__self__, types.ModuleType | None):
            self.reach.follow(value.__module__ or "builtins", (value.__qualname__,))
            return {"builtin": f"{value.__module__}.{value.__qualname__}"}
        inner = getattr(value, "__wrapped__", None)
        if callable(inner) and (isinstance(value, CACHE) or _is_told(value)):
            return {"wrapped": self.describe(inner, where)}
        return self._instance(value, where)

    def _instance(self, value: Any, where: str) -> Any:
        kind = type(value)
        built_in = [base for base in kind.__mro__ if base is not object and not base.__flags__ & PYTHON_CLASS]
        if not self._is_ours(_known_as(kind.__module__), _file(kind)) or not set(built_in) <= CONTENTS:
            name = f"{kind.__module__}.{kind.__qualname__}"
            self.reach.unidentified.add(
                f"{where} holds a {name}, which no source tells: pass it in, or build it inside."
            )
            return {"unidentified": name}
        state = dict(getattr(value, "__dict__", {}))
        state |= {name: getattr(value, name) for base in kind.__mro__ for name in _slots(base) if hasattr(value, name)}
        state |= {base.__name__: base(value) for base in built_in}
        described = {name: self.describe(item, f"{kind.__qualname__}.{name}") for name, item in sorted(state.items())}
        return {"instance": [self._class(kind), described]}

    def _class(self, kind: type) -> str:
        module = _known_as(kind.__module__)
        name = f"{module}:{kind.__qualname__}"
        if "<locals>" in name:
            self.reach.unidentified.add(f"{name} is a class that a function makes: define it at the top of its module.")
        elif self._is_ours(module, _file(kind)):
            self.reach.follow(module, (kind.__qualname__.partition(".")[0],))
        else:
            self.reach.follow(module, (kind.__qualname__,))
        return name

    def _function(self, function: types.FunctionType) -> list[str]:
        """What it is called, and the parts that say what it carries: two of one name may carry different things."""
        module = _known_as(function.__globals__.get("__name__", ""))
        names = [name for name in function.__code__.co_qualname.split(".") if name != "<locals>"]
        name = f"{module}:{'.'.join(names)}"
        wrapped = getattr(function, "__wrapped__", None)
        if wrapped is not None:
            self.describe(wrapped, name)
        if not self._is_ours(module, function.__code__.co_filename):
            return [name, *self._others(function, module, name)]
        if self.reach.sources.path(module) is None:
            self._complain_about(name)
            return [name]
        if len(names) == 1 and names[0] != LAMBDA:
            self.reach.follow(module, (names[0],))
            return [name]
        return self._inner(function, self.reach.sources[module], names)

    def _others(self, function: types.FunctionType, module: str, name: str) -> list[str]:
        """A function of a library: known by its version, but for what it wraps and what it is bound to."""
        self.reach.follow(module)
        top = module.partition(".")[0]
        if top not in sys.stdlib_module_names and folder_of(top) is None:
            self._complain_about(name)
        elif not (hasattr(function, "__wrapped__") and _is_told(function)):
            return self._closure(function, name)
        return []

    def _complain_about(self, name: str) -> None:
        self.reach.unidentified.add(
            f"{name} has no source file: it was typed in or made by exec. Put it into a module."
        )

    def _inner(self, function: types.FunctionType, source: Source, names: Sequence[str]) -> list[str]:
        """A lambda, a method, or a function in a function: its source, and what it carries."""
        name, code = f"{source.name}:{'.'.join(names)}", function.__code__
        found = lambdas(source, code) if LAMBDA in names else source.definitions(names)
        if len(found) != 1 or isinstance(found[0][0], ast.ClassDef):
            self.reach.follow(source.name, tuple(names[:1]) if found else ())
            return self._carried(function, name)
        ((node, inside),) = found
        around: list[Scope] = [scope_of(outer, source.package) for outer in inside]
        imports = {free for scope in around for free, modules in scope.items() if modules}
        name = self.reach.read(name, source, [node], [dict.fromkeys(code.co_freevars, ()), *around])
        return self._carried(function, name, imports)

    def _carried(self, function: types.FunctionType, name: str, known: Collection[str] = ()) -> list[str]:
        """Record what a function holds besides its text: defaults that were computed, and variables of the one around it."""
        carried = self._closure(function, name, known)
        if function.__defaults__ or function.__kwdefaults__:
            carried.append(self._value(f"{name}[defaults]", [function.__defaults__, function.__kwdefaults__]))
        return [name, *carried]

    def _closure(self, function: types.FunctionType, name: str, known: Collection[str] = ()) -> list[str]:
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        return [self._value(f"{name}[{free}]", _content(cell)) for free, cell in cells if free not in known]

    def _value(self, part: str, value: Any) -> str:
        return self.reach.put(part, canonical(self.describe(value, part)).decode())

    def _is_ours(self, module: str, file: str | None) -> bool:
        """Whether a module of something in memory is first-party; where it is, is learnt on the way."""
        if file and Path(file).is_file():
            self.reach.sources.place(module, Path(file).absolute())
        return self.reach.sources.is_first_party(module)


def is_all_text(value: Any) -> bool:
    """Whether the text of a function or class says all that ``Live`` says of it: it holds no values of its own."""
    if isinstance(value, types.FunctionType):
        name = value.__code__.co_qualname
        return "." not in name and name != LAMBDA and not hasattr(value, "__wrapped__")
    return isinstance(value, type)


def lambdas(source: Source, code: types.CodeType) -> list[tuple[ast.Lambda, tuple[Function | ast.Lambda, ...]]]:
    """The lambdas that this may be the code of, each with the functions around it: one, unless the file was edited."""
    spans = {(line, column, end, last) for line, end, column, last in code.co_positions()}
    return [
        (node, inside)
        for node, inside in _all_lambdas(source.statements, ())
        if node.lineno == code.co_firstlineno and _span(node.body) in spans
    ]


def _all_lambdas(
    nodes: Iterable[ast.AST], inside: tuple[Function | ast.Lambda, ...]
) -> Iterator[tuple[ast.Lambda, tuple[Function | ast.Lambda, ...]]]:
    for node in nodes:
        if isinstance(node, ast.Lambda):
            yield node, inside
        around = (*inside, node) if isinstance(node, Function | ast.Lambda) else inside
        yield from _all_lambdas(ast.iter_child_nodes(node), around)


def _span(node: ast.expr) -> tuple[int, int, int | None, int | None]:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


def _known_as(module: str) -> str:
    """The name of a module, also where it runs by ``python -m``."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if module == "__main__" and spec else module


def _is_told(wrapper: Any) -> bool:
    """Whether the text of what is wrapped says by what: the name of the one leads to the other, as a decorator's does."""
    found: Any = sys.modules.get(getattr(wrapper, "__module__", ""))
    for name in getattr(wrapper, "__qualname__", "").split("."):
        found = getattr(found, name, None)
    return inspect.unwrap(found, stop=lambda one: one is wrapper) is wrapper


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return "not bound yet"


def _file(kind: type) -> str | None:
    """The file that a class was loaded from."""
    loaded: str | None = getattr(sys.modules.get(kind.__module__), "__file__", None)
    codes = (method.__code__ for method in vars(kind).values() if isinstance(method, types.FunctionType))
    return loaded or next((code.co_filename for code in codes if code.co_filename != "<string>"), None)


def _slots(kind: type) -> Sequence[str]:
    slots = vars(kind).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)
