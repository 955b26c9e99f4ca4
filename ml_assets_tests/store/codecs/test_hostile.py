"""Content made to harm: its bytes are intact and its manifest is in order. It is refused before any of its code runs.

Every pickle and skops file here would create a file ``harmed``; each test looks that there is none.
"""

from __future__ import annotations

import copy
import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import scipy.stats
import skops.io
from sklearn.base import BaseEstimator
from sklearn.cluster import BisectingKMeans, KMeans
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.model_selection import RandomizedSearchCV
from sklearn.neighbors import KernelDensity, KNeighborsClassifier
from sklearn.preprocessing import SplineTransformer
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from ml_assets.errors import CorruptBlob, UnreadableContent
from ml_assets.store import Content, File, Store, digest, trust
from ml_assets.store.codecs.skops_form import canonical_skops, nodes
from ml_assets.store.codecs.skops_io import skops_io
from ml_assets.store.keys import blob_key

HARM = "touch harmed"


class Bomb:
    def __reduce__(self) -> Any:
        return os.system, (HARM,)


class Estimator(BaseEstimator):
    """A type that is on nobody's list, with code that runs when skops builds it."""

    def __setstate__(self, state: Any) -> None:
        Path("harmed").touch()


@trust
@dataclass(frozen=True)
class Record:
    a: Any


@pytest.fixture(autouse=True)
def nothing_was_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    assert not (tmp_path / "harmed").exists()


def crafted(store: Store, codec: str, files: dict[str, bytes], meta: dict[str, Any] | None = None) -> Content:
    """Content whose blobs are stored and intact."""
    for data in files.values():
        store.put(0)  # makes the store
        store.backend.put_new(blob_key(digest(data)), data)
    return Content(codec, meta or {}, tuple(File(p, digest(d), len(d)) for p, d in sorted(files.items())))


def npy_of_pickle() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([Bomb()], dtype=object), allow_pickle=True)
    return buffer.getvalue()


def rewritten(data: bytes, change: Callable[[Any], None]) -> bytes:
    """A skops file with another schema."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(files["schema.json"])
    change(schema)
    files["schema.json"] = json.dumps(schema).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def calls(module: str, function: str) -> bytes:
    """A skops file that wants to use a function, and names it as trusted."""

    def change(schema: Any) -> None:
        node = {"__class__": function, "__module__": module, "__loader__": "FunctionNode"}
        schema["content"]["content"]["alpha"] = node
        schema["trusted"] = [f"{module}.{function}"]

    return rewritten(skops.io.dumps(Ridge()), change)


@pytest.mark.parametrize(
    ("codec", "path"),
    [
        ("array", "array.npy"),
        ("table", "table.parquet"),
        ("estimator", "estimator.skops"),
        ("json", "value.json"),
        ("figure", "figure.png"),
        ("pickle", "value.pkl"),
        ("joblib", "value.joblib"),
    ],
)
def test_a_pickle_is_refused_whatever_codec_it_claims(store: Store, codec: str, path: str) -> None:
    with pytest.raises(UnreadableContent, match=r"not trust where|does not have"):
        store.get(crafted(store, codec, {path: pickle.dumps(Bomb())}))


def test_a_pickle_inside_an_array_is_refused(store: Store) -> None:
    with pytest.raises(UnreadableContent, match="not what the codec 'array' writes: ValueError"):
        store.get(crafted(store, "array", {"array.npy": npy_of_pickle()}))


def test_a_pickle_inside_an_estimator_is_refused(store: Store) -> None:
    data = skops.io.dumps(Ridge().fit([[1.0], [2.0]], [1, 2]))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".npy"))
        files = {n: npy_of_pickle() if n == name else archive.read(n) for n in archive.namelist()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for n, content in files.items():
            archive.writestr(n, content)
    with pytest.raises(UnreadableContent, match="not what the codec 'estimator' writes: ValueError"):
        store.get(crafted(store, "estimator", {"estimator.skops": buffer.getvalue()}))


@pytest.mark.parametrize("function", ["os.system", "builtins.eval", "subprocess.Popen", "joblib.load"])
def test_a_skops_file_that_names_its_own_trusted_types_is_refused(store: Store, function: str) -> None:
    module, _, name = function.rpartition(".")
    with pytest.raises(UnreadableContent, match=rf"wants to use {function}: not on our list.*Nothing of it was run"):
        store.get(crafted(store, "estimator", {"estimator.skops": calls(module, name)}, {"trusted": [function]}))


def test_a_skops_file_with_a_type_of_its_own_is_refused(store: Store) -> None:
    data = skops.io.dumps(Estimator())
    with pytest.raises(UnreadableContent, match=r"wants to use .*test_hostile\.Estimator: not on our list"):
        store.get(crafted(store, "estimator", {"estimator.skops": data}))


def test_a_module_that_does_not_exist_is_not_looked_for(store: Store) -> None:
    with pytest.raises(UnreadableContent, match=r"wants to use no_such_module\.f"):
        store.get(crafted(store, "estimator", {"estimator.skops": calls("no_such_module", "f")}))


def test_a_compressed_skops_file_is_refused_before_it_is_unpacked(store: Store) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", b" " * 10_000_000)
    with pytest.raises(UnreadableContent, match=r"compressed or repeated entries \['schema.json'\]"):
        store.get(crafted(store, "estimator", {"estimator.skops": buffer.getvalue()}))


def test_a_schema_too_deep_to_read_is_refused(store: Store) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", b"[" * 200_000)
    with pytest.raises(UnreadableContent, match="RecursionError"):
        store.get(crafted(store, "estimator", {"estimator.skops": buffer.getvalue()}))


X = np.random.default_rng(0).integers(0, 4, (300, 3)).astype(float)
Y = (X[:, 0] > 1).astype(int) ^ (X[:, 1] > 2)
FOREST = RandomForestClassifier(2, random_state=0).fit(X, Y)
HIST = HistGradientBoostingClassifier(max_iter=2, categorical_features=[0], random_state=0).fit(X, Y)
TREE = DecisionTreeClassifier(max_depth=2).fit(X, Y)


def broken_nodes(estimator: Any, field: str, value: int) -> bytes:
    """A skops file of ``estimator`` in which the first node of every tree has ``field`` set to ``value``."""
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(estimator))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            if name.endswith(".npy") and field in (np.load(io.BytesIO(content)).dtype.names or ()):
                nodes = np.load(io.BytesIO(content))
                nodes[field][0] = value
                out = io.BytesIO()
                np.save(out, nodes)
                content = out.getvalue()  # noqa: PLW2901
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("estimator", "field", "value"),
    [
        (FOREST, "left_child", 10**9),
        (FOREST, "right_child", -7),
        (FOREST, "left_child", 0),
        (FOREST, "feature", 3),
        (TREE, "feature", -5),
        (HIST, "left", 2**31),
        (HIST, "right", 0),
        (HIST, "feature_idx", 3),
        (HIST, "feature_idx", -1),
        (HIST, "bitset_idx", 10**6),
    ],
    ids=lambda v: type(v).__name__ if isinstance(v, BaseEstimator) else str(v),
)
def test_a_tree_whose_indices_lead_out_of_memory_is_refused(
    store: Store, estimator: Any, field: str, value: int
) -> None:
    data = canonical_skops(broken_nodes(estimator, field, value))
    with pytest.raises(UnreadableContent, match="a tree"):
        store.get(crafted(store, "estimator", {"estimator.skops": data}))


def test_a_forest_that_promises_fewer_features_than_its_trees_use_is_refused(store: Store) -> None:
    def change(schema: Any) -> None:
        schema["content"]["content"]["n_features_in_"]["content"] = "1"

    data = rewritten(canonical_skops(skops.io.dumps(FOREST)), change)
    with pytest.raises(UnreadableContent, match="splits by a feature beyond the 1 there are"):
        store.get(crafted(store, "estimator", {"estimator.skops": data}))


def test_a_tree_that_promises_other_nodes_than_it_has_is_refused(store: Store) -> None:
    def change(schema: Any) -> None:
        schema["content"]["content"]["tree_"]["content"]["content"]["node_count"]["content"] = "1"

    with pytest.raises(UnreadableContent, match=r"a tree says it has 1 nodes and has 7"):
        data = rewritten(canonical_skops(skops.io.dumps(TREE)), change)
        store.get(crafted(store, "estimator", {"estimator.skops": data}))


NEIGHBORS = KNeighborsClassifier(algorithm="kd_tree").fit(X, Y)
DENSITY = KernelDensity().fit(X, sample_weight=np.ones(len(X)))
MACHINE = SVC().fit(X, Y)
MEANS = KMeans(2, n_init=1, random_state=0).fit(X)
BISECTED = BisectingKMeans(2, random_state=0).fit(X)
BOOSTING = GradientBoostingClassifier(n_estimators=2).fit(X, X[:, 0].astype(int) % 3)
SPLINES = SplineTransformer().fit(X)
SPARSE = KNeighborsClassifier().fit(scipy.sparse.csr_matrix(X), Y)
SEARCH = RandomizedSearchCV(Ridge(), {"alpha": scipy.stats.uniform(1, 2)})


def altered(estimator: Any, change: Callable[[Any], None]) -> Any:
    """The estimator with other content, as whoever writes files can make it."""
    other = copy.deepcopy(estimator)
    change(other)
    return other


def set_to(name: str, value: Callable[[Any], Any]) -> Callable[[Any], None]:
    return lambda estimator: setattr(estimator, name, value(getattr(estimator, name)))


def leads_outside(estimator: Any) -> None:
    estimator._fit_X.indices[0] = 10**6


def bisects_less(estimator: Any) -> None:
    estimator._bisecting_tree.left.center = np.zeros(1)


def knows_no_categories(estimator: Any) -> None:
    estimator._bin_mapper.is_categorical_[:] = False


def unlike_itself(estimator: Any) -> None:
    estimator._validate_X_predict = np.absolute


@pytest.mark.parametrize(
    ("estimator", "change", "message"),
    [
        (MACHINE, set_to("_n_support", lambda a: a * 100), "the arrays of a SVC do not fit"),
        (MACHINE, set_to("_n_support", lambda a: np.array([-5, a.sum() + 5], dtype=np.int32)), "arrays of a SVC"),
        (MACHINE, set_to("support_vectors_", lambda a: a[:, :1].copy()), "arrays of a SVC"),
        (MACHINE, set_to("_dual_coef_", lambda a: a[:, :2].copy()), "arrays of a SVC"),
        (MACHINE, set_to("_intercept_", lambda a: a[:0].copy()), "arrays of a SVC"),
        (MACHINE, set_to("support_", lambda a: a + 10**6), "arrays of a SVC"),
        (MEANS, set_to("cluster_centers_", lambda a: a[:, :1].copy()), "arrays of a KMeans"),
        (MEANS, lambda estimator: delattr(estimator, "n_features_in_"), "arrays of a KMeans"),
        (BISECTED, bisects_less, "arrays of a BisectingKMeans"),
        (BOOSTING, set_to("init_", lambda _: "zero"), None),
        (
            altered(BOOSTING, set_to("init_", lambda _: "zero")),
            set_to("n_trees_per_iteration_", lambda _: 1),
            "arrays of a",
        ),
        (HIST, knows_no_categories, "splits a feature by categories of which the estimator knows none"),
        (SPARSE, leads_outside, "column index values must be|indices"),
        (FOREST, unlike_itself, "'_validate_X_predict' in place of its own methods"),
    ],
    ids=lambda v: type(v).__name__ if isinstance(v, BaseEstimator) else getattr(v, "__name__", None),
)
def test_arrays_that_compiled_code_would_follow_out_of_memory_are_refused(
    store: Store, estimator: Any, change: Callable[[Any], None], message: str | None
) -> None:
    data = canonical_skops(skops.io.dumps(altered(estimator, change)))
    content = crafted(store, "estimator", {"estimator.skops": data})
    if message is None:  # that the way to alter one leaves a good one good
        store.get(content)
        return
    with pytest.raises(UnreadableContent, match=message):
        store.get(content)


def node_of(schema: Any, name: str) -> Any:
    return next(node for node in nodes(schema) if node.get("__class__") == name)


def as_memory(name: str) -> Callable[[Any], None]:
    """Make the node of a type one whose state is believed."""
    return lambda schema: node_of(schema, name).update({"__loader__": "ObjectNode"})


def called(schema: Any) -> None:
    """A function of the list as a constructor: skops would call it when it loads the file."""
    kind = {"__class__": "nan_to_num", "__module__": "numpy", "__loader__": "ConstructorFromReduceNode"}
    empty = {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": []}
    schema["content"]["content"]["alpha"] = {**kind, "content": empty}


def called_with_a_key(schema: Any) -> None:
    """A function as the type of a key: skops would call it with the key."""
    kinds = node_of(schema, "Ridge")["content"]["key_types"]["content"]
    kinds[0] = {"__class__": "absolute", "__module__": "numpy", "__loader__": "FunctionNode"}


def under_the_name_of_another(schema: Any) -> None:
    """A type that says it is an object that came before: skops would take that one."""
    content = node_of(schema, "Ridge")["content"]
    schema["__id__"] = 7
    content["key_types"]["content"][0]["__id__"] = 7


def of_old(schema: Any) -> None:
    schema["protocol"] = 0


@pytest.mark.parametrize(
    ("estimator", "change", "message"),
    [
        (NEIGHBORS, as_memory("KDTree"), r"KDTree as a ObjectNode"),
        (NEIGHBORS, as_memory("EuclideanDistance64"), r"EuclideanDistance64 as a ObjectNode"),
        (SPLINES, as_memory("BSpline"), r"BSpline as a ObjectNode"),
        (SEARCH, as_memory("rv_continuous_frozen"), r"rv_continuous_frozen as a ObjectNode"),
        (SEARCH, as_memory("uniform"), r"scipy\.stats\.uniform as a ObjectNode"),
        (Ridge(), called, r"numpy\.nan_to_num as a ConstructorFromReduceNode"),
        (Ridge(), called_with_a_key, "keys of a dictionary that are no plain values"),
        (
            Ridge(),
            under_the_name_of_another,
            r"builtins\.str as sklearn\.linear_model\._ridge\.Ridge|Ridge as builtins",
        ),
        (Ridge(), of_old, "protocol 0 of skops"),
    ],
    ids=lambda v: v.__name__ if callable(v) else None,
)
def test_a_name_of_the_list_in_another_form_is_refused(
    store: Store, estimator: Any, change: Callable[[Any], None], message: str
) -> None:
    data = rewritten(canonical_skops(skops_io().dumps(estimator)), change)
    with pytest.raises(UnreadableContent, match=rf"wants to use .*{message}.*Nothing of it was run"):
        store.get(crafted(store, "estimator", {"estimator.skops": data}))


def without_points(schema: Any) -> None:
    node_of(schema, "KDTree")["content"]["content"].pop(0)


def with_few_weights(schema: Any) -> None:
    arguments = node_of(schema, "KDTree")["content"]["content"]
    arguments[3] = node_of(schema, "EuclideanDistance64")["content"]  # no weights at all
    arguments[3]["__loader__"] = "ListNode"
    arguments[3]["__class__"] = "list"


@pytest.mark.parametrize(
    ("estimator", "change"), [(NEIGHBORS, without_points), (DENSITY, with_few_weights)], ids=["no points", "no weights"]
)
def test_a_search_tree_of_points_that_do_not_fit_is_refused(
    store: Store, estimator: Any, change: Callable[[Any], None]
) -> None:
    data = rewritten(canonical_skops(skops_io().dumps(estimator)), change)
    with pytest.raises(UnreadableContent, match="not what the codec 'estimator' writes"):
        store.get(crafted(store, "estimator", {"estimator.skops": data}))


@pytest.mark.parametrize("name", ["subprocess:Popen", "os:system", "builtins:eval", "x"])
def test_a_dataclass_of_a_type_nobody_registered_is_not_built(store: Store, name: str) -> None:
    meta = {"type": name, "fields": {"args": {"codec": "json", "meta": {}}}}
    with pytest.raises(UnreadableContent, match=rf"says it is a '{name}', which is not among.*Nothing was built"):
        store.get(crafted(store, "record", {"args/value.json": json.dumps(HARM).encode()}, meta))


def test_a_dataclass_with_fields_that_are_not_its_own_is_not_built(store: Store) -> None:
    name = f"{Record.__module__}:Record"
    meta = {"type": name, "fields": {"__class__": {"codec": "json", "meta": {}}}}
    with pytest.raises(UnreadableContent, match=r"has the fields \['__class__'\]; the class now has \['a'\]"):
        store.get(crafted(store, "record", {"__class__/value.json": b"1"}, meta))


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "a//b", "", ".", "a\\..\\x", "C:x", "a\0b"])
def test_a_folder_with_a_file_that_leads_out_of_it_is_refused(store: Store, name: str) -> None:
    with pytest.raises(UnreadableContent, match="leads out of the folder"):
        store.get(crafted(store, "folder", {name: b"x", "ok": b"y"}))


def test_an_array_that_promises_more_than_it_holds_is_refused(store: Store) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(2))
    data = buffer.getvalue().replace(b"(2,), }        ", b"(2000000000,), }")[: len(buffer.getvalue())]
    with pytest.raises(UnreadableContent, match="not what the codec 'array' writes"):
        store.get(crafted(store, "array", {"array.npy": data}))


@pytest.mark.parametrize("value", [b'{"a":NaN}', b'{"a":1,"a":2}', b"{", b"\xff"], ids=["nan", "twice", "cut", "bytes"])
def test_json_that_we_would_not_write_is_refused(store: Store, value: bytes) -> None:
    with pytest.raises(UnreadableContent, match="not what the codec 'json' writes"):
        store.get(crafted(store, "json", {"value.json": value}))


def values(folder: Path) -> dict[str, Any]:
    from matplotlib.figure import Figure

    (folder / "f").mkdir()
    (folder / "f" / "x").write_bytes(b"abc")
    return {
        "json": {"a": 1},
        "table": pd.DataFrame({"x": [1.0]}),
        "array": np.arange(3),
        "estimator": Ridge().fit([[1.0], [2.0]], [1, 2]),
        "figure": Figure(figsize=(1, 1)),
        "folder": folder / "f",
        "record": Record(np.arange(3)),
    }


@pytest.mark.parametrize("codec", ["json", "table", "array", "estimator", "figure", "folder", "record"])
def test_a_changed_byte_anywhere_is_found_before_anything_is_decoded(store: Store, tmp_path: Path, codec: str) -> None:
    content = store.put(values(tmp_path)[codec])
    assert content.codec == codec
    key = blob_key(content.files[0].digest)
    whole = store.backend.get(key) or b""
    for position in sorted({0, len(whole) // 2, len(whole) - 1}):
        changed = bytearray(whole)
        changed[position] ^= 1
        store.backend.delete(key)
        store.backend.put_new(key, bytes(changed))
        with pytest.raises(CorruptBlob, match="reads back as"):
            value = store.get(content)
            value.read("x")  # a folder reads its files when it is asked for them


@pytest.mark.parametrize("n", [0, 1, 20])
def test_a_truncated_blob_is_found(store: Store, n: int) -> None:
    content = store.put(list(range(100)))
    key = blob_key(content.files[0].digest)
    data = store.backend.get(key) or b""
    store.backend.delete(key)
    store.backend.put_new(key, data[:n])
    with pytest.raises(CorruptBlob, match="changed or truncated"):
        store.get(content)
