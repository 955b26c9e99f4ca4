"""Edits of a small package: which change the code version of a function in it, and which do not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from ml_assets.computation.code import Code, code_of
from ml_assets.errors import UsageError
from ml_assets.store import open_store

MODEL = '''
"""Trains."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from shop import clean, kinds
from shop import registry
from shop.clean import scaled as to_scale
from shop.rates import *
from shop.tables import Rows
import shop.far.away as away

if TYPE_CHECKING:
    from shop.kinds import Till

RATE, LOSS = 0.1, "log"
OTHER = 5
Pair = tuple[int, float]
LIMITS = {"low": 1}
LIMITS["high"] = 9
try:
    from shop.fast import speed
except ImportError:
    def speed(x): return x


def logged(function):
    return function


@logged
def train(rows: Rows, till: "Till", depth=3, pair: Pair = (1, 2.0)) -> kinds.Drawer:
    """Fit."""
    from shop.late import later
    # the rate is small
    values = [to_scale(value) * RATE for value in rows]
    return helper(values, depth), later(), LIMITS, speed(1), registry.MODELS["a"], away.f(1)


def helper(values, depth):
    return clean.rounded(values), math.floor(depth), np.mean(values)


def unrelated(train, helper):
    return train + helper + OTHER
'''
FILES = {
    "shop/__init__.py": "from shop.inner import exported\n",
    "shop/inner.py": "from shop.first import exported\n",
    "shop/first.py": "def exported(): return 1\n",
    "shop/second.py": "def exported(): return 1\n",
    "shop/model.py": MODEL,
    "shop/clean.py": (
        "from .deep.floor import lowest\n\nSTEP = 0.5\n\n\ndef rounded(values):\n    return [lowest(v, STEP) for v in values]\n"
        "\n\ndef scaled(value):\n    import shop\n    return value + shop.exported()\n\n\ndef stale(): return 0\n"
    ),
    "shop/deep/__init__.py": "",
    "shop/deep/floor.py": "def lowest(value, step):\n    return inner(value) // step\n\n\ndef inner(value): return value\n",
    "shop/tables.py": "class Base:\n    def size(self): return 1\n\n\nclass Rows(Base):\n    def first(self): return 0\n",
    "shop/kinds.py": "class Till:\n    def open(self): return 1\n\n\nclass Drawer:\n    pass\n\n\nclass Bag:\n    pass\n",
    "shop/rates.py": "HIGH = 3\n",
    "shop/late.py": "def later(): return eval('1')\n",
    "shop/data.csv": "a,b\n",
    "shop/fast.py": "def speed(x): return 2 * x\n",
    "shop/registry.py": (
        "MODELS = {}\n\n\ndef register(name):\n    def add(f):\n        MODELS[name] = f\n        return f\n    return add\n"
    ),
    "shop/plugins.py": (
        "from shop.registry import register as r\n\n\n@r('a')\ndef linear(): return 1\n\n\ndef lonely(): return 1\n"
    ),
    "shop/far/away.py": "def f(x): return x\n",
}
STATIC = {
    **FILES,
    "shop/late.py": "def later(): return 1\n",
}  # `eval` makes everything count: without it we see what is followed
STATIC["shop/model.py"] = MODEL.replace("from shop.rates import *\n", "")


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def train_of(folder: Path, files: Mapping[str, str]) -> Code:
    write(folder, files)
    return code_of("shop.model:train")


def edited(files: Mapping[str, str], name: str, old: str, new: str) -> dict[str, str]:
    assert old in files[name], f"{name} has no {old!r}"
    return {**files, name: files[name].replace(old, new)}


IMPORTS = "import math\nfrom typing import TYPE_CHECKING"
SAME = {
    "a comment": ("model", "# the rate is small", "# the rate is tiny"),
    "no comment": ("model", "    # the rate is small\n", ""),
    "blank lines": ("model", "    from shop.late", "\n\n    from shop.late"),
    "formatting": ("model", "depth=3, pair: Pair", "depth = 3,\n          pair: Pair"),
    "quotes": ("model", 'LIMITS["high"]', "LIMITS['high']"),
    "how a number is spelt": ("model", "= 9", "= 0x9"),
    "a docstring": ("model", '"""Fit."""', '"""Fit well."""'),
    "no docstring": ("model", '    """Fit."""\n', ""),
    "the module's docstring": ("model", '"""Trains."""', '"""Trains a model."""'),
    "another function of the module": ("model", "train + helper + OTHER", "train - helper"),
    "a constant that only that function uses": ("model", "OTHER = 5", "OTHER = 6"),
    "the order of imports": ("model", IMPORTS, "\n".join(reversed(IMPORTS.split("\n")))),
    "one import apart": ("model", "from shop import clean, kinds", "from shop import kinds\nfrom shop import clean"),
    "one more import for types": ("model", "    from shop.kinds import Till", "    from shop.kinds import Till, Bag"),
    "another function of a module used": ("clean", "def stale(): return 0", "def stale(): return 1"),
    "another class of a module used": ("kinds", "class Bag:\n    pass", "class Bag:\n    size = 1"),
    "a module that is not used": ("second", "return 1", "return 2"),
    "what a plugin does not register": ("plugins", "def lonely(): return 1", "def lonely(): return 2"),
    "a file that is no code": ("data.csv", "a,b", "a,c"),
}  # fmt: skip
CHANGED = {
    "the body": ("model", "* RATE for", "+ RATE for"),
    "a default": ("model", "depth=3", "depth=4"),
    "a decorator": ("model", "@logged\n", ""),
    "what a decorator does": ("model", "    return function", "    return print(function) or function"),
    "a constant": ("model", "RATE, LOSS = 0.1", "RATE, LOSS = 0.2"),
    "a constant where it is changed": ("model", 'LIMITS["high"] = 9', 'LIMITS["high"] = 8'),
    "a type alias": ("model", "tuple[int, float]", "tuple[int, int]"),
    "a function below try": ("model", "def speed(x): return x", "def speed(x): return 0"),
    "a helper": ("model", "np.mean(values)", "np.max(values)"),
    "what a name is imported from": ("model", "from shop.clean import scaled as", "from shop.clean import stale as"),
    "what a standard name is imported from": ("model", "import math", "import cmath as math"),
    "a helper in another module": ("clean", "lowest(v, STEP) for", "lowest(v, STEP) + 1 for"),
    "a constant in another module": ("clean", "STEP = 0.5", "STEP = 0.25"),
    "a helper three calls away": ("deep/floor", "def inner(value): return value", "def inner(value): return -value"),
    "a method of a base class": ("tables", "def size(self): return 1", "def size(self): return 2"),
    "a method of a class that is an annotation": ("tables", "return 0", "return 1"),
    "a class that is a quoted annotation for types": ("kinds", "def open(self): return 1", "def open(self): return 2"),
    "a class that is returned": ("kinds", "class Drawer:\n    pass", "class Drawer:\n    size = 1"),
    "what is re-exported": ("first", "return 1", "return 2"),
    "a re-export moved to a twin": ("inner", "from shop.first", "from shop.second"),
    "an import in a function": ("late", "return 1", "return 2"),
    "what is imported below try": ("fast", "2 * x", "3 * x"),
    "a plugin that registers itself": ("plugins", "def linear(): return 1", "def linear(): return 2"),
    "the name that it registers": ("plugins", "@r('a')", "@r('b')"),
    "how registering is done": ("registry", "MODELS[name] = f", "MODELS[name.lower()] = f"),
    "a package without __init__": ("far/away", "return x", "return -x"),
}


def path_of(name: str) -> str:
    return f"shop/{name}" if "." in name else f"shop/{name}.py"


@pytest.mark.parametrize("edit", SAME.values(), ids=SAME.keys())
def test_the_version_stays_after_an_edit_of(folder: Path, edit: tuple[str, str, str]):
    name, old, new = edit
    before = train_of(folder, STATIC)

    assert train_of(folder, edited(STATIC, path_of(name), old, new)).parts == before.parts


@pytest.mark.parametrize("edit", CHANGED.values(), ids=CHANGED.keys())
def test_the_version_changes_after_an_edit_of(folder: Path, edit: tuple[str, str, str]):
    name, old, new = edit
    before = train_of(folder, STATIC)

    assert train_of(folder, edited(STATIC, path_of(name), old, new)).version != before.version


DYNAMIC = {
    "eval": "def later(): return eval('1')",
    "exec": "def later(): exec('x = 1')",
    "globals": "def later(): return globals()['x']",
    "__import__": "def later(): return __import__('shop.second')",
    "importlib": "import importlib\n\n\ndef later(): return importlib.import_module('shop.second')",
    "importlib in a function": "def later():\n    from importlib import resources\n    return resources.files('shop')",
    "subclasses": "class A: pass\n\n\ndef later(): return A.__subclasses__()",
    "sys.modules": "import sys\n\n\ndef later(): return sys.modules['shop.second']",
    "the folder of the file": "from pathlib import Path\n\n\ndef later(): return Path(__file__).with_name('data.csv')",
}


@pytest.mark.parametrize("late", DYNAMIC.values(), ids=DYNAMIC.keys())
@pytest.mark.parametrize(
    "edit", [SAME["a module that is not used"], SAME["a file that is no code"]], ids=["code", "data"]
)
def test_every_file_of_the_package_counts_where_code_uses(folder: Path, late: str, edit: tuple[str, str, str]):
    files, (name, old, new) = {**STATIC, "shop/late.py": late}, edit
    before = train_of(folder, files)

    assert train_of(folder, edited(files, path_of(name), old, new)).version != before.version


def test_a_package_that_is_passed_on_counts_with_all_its_modules(folder: Path):
    late = "def later():\n    from shop import deep\n    return vars(deep)"
    before = train_of(folder, {**STATIC, "shop/late.py": late, "shop/deep/other.py": "x = 1"})

    assert {"shop.deep:*", "shop.deep.other:*"} <= before.parts.keys()
    assert "shop.second:*" not in before.parts


WHOLE = {
    "getattr on it": "from shop import second\n\n\ndef later(name='exported'): return getattr(second, name)()",
    "vars of it": "import shop.second as s\n\n\ndef later(): return vars(s)",
    "passing it on": "def later():\n    from shop import second\n    return print(second)",
    "a star": "from shop.second import *\n\n\ndef later(): return exported()",
    "a name that it does not bind": "from shop.second import nothing\n\n\ndef later(): return nothing",
    "importing it for what the import does": "def later():\n    import shop.second  # noqa",
}


@pytest.mark.parametrize("late", WHOLE.values(), ids=WHOLE.keys())
def test_a_whole_module_counts_after(folder: Path, late: str):
    files = {**STATIC, "shop/late.py": late}
    before = train_of(folder, files)

    assert "shop.second:*" in before.parts
    assert train_of(folder, edited(files, "shop/second.py", "return 1", "return 2")).version != before.version
    assert train_of(folder, edited(files, "shop/clean.py", "return 0", "return 1")).version == before.version


def test_a_module_that_is_reached_whole_brings_what_it_imports(folder: Path):
    whole = {
        "shop/late.py": WHOLE["vars of it"],
        "shop/second.py": "from shop.clean import stale\nimport scipy.stats\n",
    }
    code = train_of(folder, {**STATIC, **whole})

    assert "shop.clean:stale" in code.parts
    assert "scipy" in code.packages


LATE = "def later():\n    from shop.base import base\n    return base()\n"
BASE = "RATE = 0\n\n\ndef base(): return RATE\n"
ELSEWHERE = {
    "an option that the module sets": {"late": f"import pandas as pd\npd.set_option('a', 1)\n\n\n{LATE}"},
    "an option that is set by its name": {"late": f"from sklearn import set_config\nset_config(a=1)\n\n\n{LATE}"},
    "an option in a loop": {"late": f"import numpy as np\nfor a in 'ab':\n    np.seterr(all=1)\n\n\n{LATE}"},
    "an option that its package sets": {"__init__": "import pandas as pd\npd.options.mode = 1\n"},
    "an option that a module sets which is imported for it": {
        "late": f"import shop.set_up\n\n\n{LATE}",
        "set_up": "import pandas as pd\npd.set_option('a', 1)\n",
    },
    "an option that a function sets which is called for it": {
        "late": f"from shop.set_up import set_up\nset_up()\n\n\n{LATE}",
        "set_up": "def set_up():\n    import pandas as pd\n    pd.set_option('a', 1)\n",
    },
    "what a setter is given": {
        "base": "_rate = None\n\n\ndef use(rate):\n    global _rate\n    _rate = rate\n\n\ndef base(): return _rate\n",
        "set_up": "from shop.base import use\nuse(1)\n",
    },
    "a constant of another module": {"set_up": "from shop import base\nbase.RATE = 1\n"},
    "an attribute of a class": {
        "base": "class Base:\n    rate = 0\n\n\ndef base(): return Base.rate\n",
        "set_up": "from shop.base import Base as B\nsetattr(B, 'rate', 1)\n",
    },
    "a table by its other name": {
        "base": "_table = {}\nTABLE = _table\n\n\ndef base(): return TABLE\n",
        "set_up": "from shop.base import TABLE\nTABLE['a'] = 1\n",
    },
    "a function for another type": {
        "base": "import functools\n\n\n@functools.singledispatch\ndef base(x=0): return 0\n",
        "set_up": "from shop.base import base\n\n\n@base.register\ndef _(x: str): return 1\n",
    },
}


@pytest.mark.parametrize("modules", ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_what_loading_a_module_changes_elsewhere_counts(folder: Path, modules: Mapping[str, str]):
    files = {**STATIC, "shop/late.py": LATE, "shop/base.py": BASE} | {path_of(name): modules[name] for name in modules}
    (name,) = [
        name for name, text in files.items() if name.startswith("shop/") and text in modules.values() and "1" in text
    ]
    before = train_of(folder, files)

    assert train_of(folder, edited(files, name, "1", "2")).version != before.version


def test_what_a_script_does_and_what_registers_a_thing_elsewhere_does_not_count(folder: Path):
    script = "import pandas as pd\nfrom shop.registry import register\n\nregister('b')(len)\n"
    late = f"{script}if __name__ == '__main__':\n    pd.set_option('a', 1)\n\n\n{LATE}"
    files = {**STATIC, "shop/late.py": late, "shop/base.py": BASE}
    files["shop/model.py"] = STATIC["shop/model.py"].replace('registry.MODELS["a"], ', "")

    assert not [part for part in train_of(folder, files).parts if ":loading" in part]


SCOPES = {
    "a parameter": "def f(g): return g",
    "a variable": "def f():\n    g = 1\n    return g",
    "a variable of a comprehension": "def f(): return [g for g in range(3)]",
    "an exception": "def f():\n    try:\n        return 1\n    except ValueError as g:\n        return g",
    "what a match captures": "def f(x):\n    match x:\n        case [g, *_]:\n            return g",
    "a walrus in a comprehension": "def f(): return [(g := x) for x in range(3)] and g",
    "a function in it": "def f():\n    def g(): return 1\n    return g()",
    "an attribute": "def f(x): return x.g",
    "a word of Literal": "from typing import Literal\n\n\ndef f(x: Literal['g']): return x",
}


@pytest.mark.parametrize("text", SCOPES.values(), ids=SCOPES.keys())
def test_a_function_of_the_same_name_is_not_reached_by(folder: Path, text: str):
    write(folder, {"scopes.py": f"{text}\n\n\ndef g(): return 2\n"})

    assert set(code_of("scopes:f").parts) - {"scopes:Literal"} == {"scopes:f", "roots", "Python"}


MENTIONS = {
    "the first source of a comprehension": "def f(): return [g for g in g()]",
    "a default": "def f(g=g): return g",
    "global": "def f():\n    global g\n    g = 1",
    "a class body that reads before it binds": "def f():\n    class A:\n        g = g\n    return A",
    "a method beside an attribute of that name": "class f:\n    g = 1\n    def h(self): return g()",
    "a lambda": "def f(): return lambda g2: g(g2)",
    "a function in it": "def f():\n    def h(): return g()\n    return h",
    "an annotation in quotes": "def f(x: 'list[g]'): return x",
    "an annotation of a variable": "def f():\n    x: g = 1\n    return x",
    "an f-string": "def f(): return f'{g()}'",
    "a name of a tuple": "def f(): return h\n\n\n(h, i) = g(), 1",
    "a name of a loop": "def f(): return h\n\n\nfor h in [g]:\n    pass",
    "another branch": "def f(): return 1\n\n\nif f():\n    def f(): return g()",
    "what it is called on": "def f(): return 1\n\n\nf.twice = g",
    "what is registered with it": "import functools\n@functools.singledispatch\ndef f(x): pass\n@f.register\ndef _(x: int): g()",
    "what is appended": "f = []\nf.append(g)",
    "what a call adds": "f = []\n\n\ndef fill(x): x.append(g)\n\n\nfill(f)",
    "a subclass that it hears of": "class f:\n    def __init_subclass__(cls): all.append(cls)\n\n\nclass h(f): x = g",
    "what a function adds by global": "f = 0\n\n\ndef fill():\n    global f\n    f = g\n\n\nfill()",
}  # fmt: skip


@pytest.mark.parametrize("text", MENTIONS.values(), ids=MENTIONS.keys())
def test_a_function_is_reached_by(folder: Path, text: str):
    write(folder, {"scopes.py": f"{text}\n\n\ndef g(): return 2\n"})

    assert "scopes:g" in code_of("scopes:f").parts


NESTED = """
import plumbing
from plumbing import asset

def of(problem, size: "Size" = 1, *, unused=2):
    import numpy as np
    half = halved(size)

    @asset(problem, description="words")
    def body(context):
        return np.sum([half, inner()])

    def inner():
        return 1

    return body


def halved(x): return x / 2
class Size: pass
class Other: pass
"""


def test_a_function_in_a_function_reaches_the_variables_around_it(folder: Path):
    write(folder, {"nested.py": NESTED, "plumbing.py": "def asset(*a, **k): return lambda f: f\n"})
    code = code_of("nested:of.body", cut=["plumbing"])

    reached = {"nested:of.body", "nested:of.half", "nested:of.size", "nested:of.inner", "nested:halved", "nested:Size"}
    assert set(code.parts) == {*reached, "roots", "Python"}
    assert code.parts["nested:of.half"] == "half = halved(size)"
    assert code.packages == {"numpy"}


def test_a_decorator_that_is_cut_does_not_count_with_what_it_is_given(folder: Path):
    write(folder, {"nested.py": NESTED, "plumbing.py": "def asset(*a, **k): return lambda f: f\n"})
    cut, kept = code_of("nested:of.body", cut=["plumbing:asset"]), code_of("nested:of.body")

    assert "words" not in cut.parts["nested:of.body"]
    assert "words" in kept.parts["nested:of.body"]
    assert "plumbing:asset" in kept.parts


def test_following_ends_where_it_is_cut(folder: Path):
    write(folder, STATIC)
    code = code_of("shop.model:train", cut=["shop.clean", "shop.kinds:Till", "shop.reg"])

    assert not [
        part for part in code.parts if part.startswith(("shop.clean:", "shop.deep")) or part == "shop.kinds:Till"
    ]
    assert {"shop.kinds:Drawer", "shop.registry:MODELS", "shop.model:Till"} <= code.parts.keys()


def test_third_party_packages_count_by_name_and_the_standard_library_does_not(folder: Path):
    write(folder, STATIC)

    assert code_of("shop.model:train").packages == {"numpy"}
    assert code_of("shop.model:unrelated").packages == set()


def test_the_roots_themselves_count(folder: Path):
    write(folder, STATIC)
    one, other = code_of("shop.model:train", "shop.model:helper"), code_of("shop.model:helper", "shop.model:train")

    assert one.parts.keys() == other.parts.keys()
    assert one.version != other.version


def test_another_python_is_other_code(folder: Path, monkeypatch: pytest.MonkeyPatch):
    before = train_of(folder, STATIC)
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))

    assert train_of(folder, STATIC).parts == {**before.parts, "Python": "3.99"}


def test_the_files_are_those_of_the_parts(folder: Path):
    write(folder, STATIC)

    assert code_of("shop.clean:rounded").files == (folder / "shop/clean.py", folder / "shop/deep/floor.py")


def test_a_package_that_imports_its_own_module_and_a_circle_of_imports_come_to_an_end(folder: Path):
    write(folder, {"ring/__init__.py": "from ring import model\nfrom ring.model import lost\n"})
    write(
        folder,
        {
            "ring/model.py": "from ring import lost, model as own\n\n\ndef train(): return own.g(), lost\ndef g(): pass\n"
        },
    )

    assert {"ring.model:train", "ring.model:g", "ring:lost", "ring.model:lost"} <= code_of(
        "ring.model:train"
    ).parts.keys()


def test_a_module_that_is_missing_counts_once_it_is_there(folder: Path):
    files = {name: text for name, text in STATIC.items() if name != "shop/fast.py"}
    before = train_of(folder, files)

    assert train_of(folder, STATIC).version != before.version


def test_a_compiled_module_cannot_be_identified(folder: Path):
    write(
        folder, {"mixed/__init__.py": "", "mixed/model.py": "from mixed.fast import f\n\n\ndef train(): return f()\n"}
    )
    (folder / "mixed/fast.abi3.so").touch()

    (sentence,) = code_of("mixed.model:train").unidentified
    assert sentence.startswith("mixed.fast is compiled and has no source")


@pytest.mark.parametrize(
    "text",
    ["import os\ndef f(): return os.environ['RATE']", "def f():\n    from os import getenv as g\n    return g('X')"],
)
def test_what_reads_the_environment_cannot_be_identified(folder: Path, text: str):
    write(folder, {"env.py": text})

    (sentence,) = code_of("env:f").unidentified
    assert sentence.startswith("env reads os.")


def test_a_module_that_sets_a_variable_of_the_environment_is_no_code_of_its_neighbours(folder: Path):
    write(
        folder,
        {
            "lib/__init__.py": "",
            "lib/model.py": "import os\nfrom dataclasses import dataclass\n\n\ndef f(): return os.sep\n",
        },
    )
    before = code_of("lib.model:f").version
    text = "import os\nfrom dataclasses import dataclass\n\nos.environ['A'] = __file__\n\n\n@dataclass\nclass B:\n    x: int\n"
    write(folder, {"lib/server.py": text})
    code = code_of("lib.model:f")
    assert (code.version, code.unidentified) == (before, ())


def test_what_sets_a_variable_of_the_environment_reads_none(folder: Path):
    text = "import os\nos.environ['KERAS_BACKEND'] = 'torch'\ndef f(): return 1\n"
    write(folder, {"sets.py": text})
    code = code_of("sets:f")
    assert code.unidentified == ()
    write(folder, {"sets.py": text.replace("torch", "jax")})
    assert code_of("sets:f").version != code.version


def test_a_file_that_is_no_python_counts_by_its_bytes(folder: Path):
    files = {**FILES, "shop/template.py": "def {{ name }}(): pass\n"}  # `eval` makes every file count
    before = train_of(folder, files)

    assert train_of(folder, edited(files, "shop/template.py", "name", "noun")).version != before.version


def test_a_plugin_counts_where_it_subclasses(folder: Path):
    base = "class Base:\n    def __init_subclass__(cls): kinds['A'] = cls\n\n\nkinds = {}\ndef f(): return Base, kinds['A']\n"
    plugin = "from zoo.base import Base\nclass A(Base): size = 1\n"
    write(folder, {"zoo/__init__.py": "", "zoo/base.py": base, "zoo/plugin.py": plugin})

    assert "size = 1" in code_of("zoo.base:f").parts["zoo.plugin:Base of zoo.base"]


def test_a_root_that_is_not_there_takes_the_function_or_module_around_it(folder: Path):
    write(folder, {"nested.py": NESTED})

    assert "nested:of" in code_of("nested:of.nothing").parts
    assert "nested:*" in code_of("nested:nothing").parts


def test_a_root_whose_module_is_not_there_is_refused():
    with pytest.raises(
        UsageError, match=r"there is no source of the module ml_assets\.nothing\. Write module:qualname"
    ):
        code_of("ml_assets.nothing:train")


def test_nothing_is_imported(folder: Path):
    write(folder, {**STATIC, "shop/__init__.py": "raise RuntimeError('imported')\n"})
    program = f"""
import sys
sys.path.insert(0, {str(folder)!r})
from ml_assets.computation.code import code_of
from ml_assets.computation.recipe import PLUMBING
code_of("shop.model:train"), code_of("ml_assets.orchestration.model:model_asset.model", cut=PLUMBING)
print(sorted({{name.partition(".")[0] for name in sys.modules}} & {{"shop", "dagster", "numpy", "pandas", "sklearn"}}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_another_process_finds_the_same(folder: Path):
    write(folder, FILES)
    program = "from ml_assets.computation.code import code_of; print(code_of('shop.model:train').version)"
    seeds = [{"PYTHONHASHSEED": seed, "PYTHONPATH": f"{folder}:{Path(__file__).parents[2]}"} for seed in ("1", "2")]
    found = [subprocess.check_output([sys.executable, "-c", program], env=env, text=True).strip() for env in seeds]

    assert found == [code_of("shop.model:train").version] * 2


def test_the_version_is_the_digest_under_which_the_store_keeps_the_parts(folder: Path):
    write(folder, STATIC)
    code, store = code_of("shop.model:train"), open_store("memory://code")

    assert store.put_code(code.parts) == code.version
    assert store.code(code.version) == code.parts


def test_a_neighbour_that_patches_something_is_no_code_of_all_that_use_a_decorator_of_pythons(folder: Path):
    model = "from dataclasses import dataclass\n\n\n@dataclass\nclass A:\n    x: int\n\n\ndef f(): return A(1)\n"
    write(folder, {"lib/__init__.py": "", "lib/model.py": model})
    before = code_of("lib.model:f").version
    patched = "import sys\nfrom dataclasses import dataclass\n\nsys.modules['dagster'] = None\n"
    decorated = "@dataclass\nclass B:\n    x: int\n"
    write(folder, {"lib/odd.py": f"import os\n{patched}\n{decorated}\nPLACE = os.environ.get('X', __file__)\n"})
    code = code_of("lib.model:f")
    assert (code.version, code.unidentified) == (before, ())


def test_a_neighbour_that_sets_something_on_a_class_of_pythons_is_code_of_all_that_use_it(folder: Path):
    model = "from fractions import Fraction\n\n\ndef f(): return Fraction(1, 3)\n"
    write(folder, {"lib/__init__.py": "", "lib/model.py": model})
    before = code_of("lib.model:f").version
    write(folder, {"lib/odd.py": "from fractions import Fraction\n\nFraction.__str__ = lambda self: 'a third'\n"})
    assert code_of("lib.model:f").version != before
