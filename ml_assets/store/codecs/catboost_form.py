"""What must hold in the bytes of a CatBoost model before CatBoost reads them: it follows indices and sizes without looking.

    CBM1, length of the core, core (TModelCore), and of a model with categories: n, and n times a length and a TCtrValueTable

Source: catboost/libs/model/flatbuffers/*.fbs and static_ctr_provider.cpp of CatBoost 1.2.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from ml_assets.store.canonical import parse
from ml_assets.store.codecs import flatbuffer

FEATURE = {"Index": "i32", "FlatIndex": "i32", "FeatureId": "str", "UsedInModel": "u8"}
FLOAT = {
    "HasNans": "u8", "Index": "i32", "FlatIndex": "i32", "Borders": "[f32]", "FeatureId": "str", "NanValueTreatment": "i8",
}  # fmt: skip
ONE_HOT = {"Index": "i32", "Values": "[i32]", "StringValues": "[str]"}
CTR_BASE = {
    "FeatureCombination": {"CatFeatures": "[i32]", "FloatSplits": "[i32 f32]", "OneHotSplits": "[i32 i32]"}, "CtrType": "i8",
    "TargetBorderClassifierIdx": "i32",
}  # fmt: skip
CTR = {
    "Base": CTR_BASE,
    "TargetBorderIdx": "i32",
    "PriorNum": "f32",
    "PriorDenom": "f32",
    "Shift": "f32",
    "Scale": "f32",
}
TREES = {
    "ApproxDimension": "i32", "TreeSplits": "[i32]", "TreeSizes": "[i32]", "TreeStartOffsets": "[i32]",
    "CatFeatures": [FEATURE], "FloatFeatures": [FLOAT], "OneHotFeatures": [ONE_HOT],
    "CtrFeatures": [{"Ctr": CTR, "Borders": "[f32]"}], "LeafValues": "[f64]", "LeafWeights": "[f64]",
    "NonSymmetricStepNodes": "[u32]", "NonSymmetricNodeIdToLeafId": "[u32]", "TextFeatures": None,
    "EstimatedFeatures": None, "Scale": "f64", "Bias": "f64", "MultiBias": "[f64]", "RepackedBins": "[u32]",
    "EmbeddingFeatures": None,
}  # fmt: skip
CORE = {
    "FormatVersion": "str", "ModelTrees": TREES, "InfoMap": [{"Key": "str", "Value": "str"}], "ModelPartIds": "[str]",
}  # fmt: skip
TABLE = {
    "ModelCtrBase": CTR_BASE, "IndexHashRaw": "[u8]", "CTRBlob": "[u8]", "CounterDenominator": "i32", "TargetClassesCount": "i32",
}  # fmt: skip
MAGIC = b"CBM1"
CTRS = ["static_provider_v1"]
BUCKET = [("hash", "<u8"), ("index", "<u4")]
NOBODY = 2**64 - 1  # hash of an empty bucket
PER_BIN = 254  # splits of one feature that CatBoost keeps in a byte
DEEPEST = 16
ELEMENT = {2: 8, 3: 8, 4: 4, 5: 4}  # bytes of a category's numbers, by the type of a CTR; of others 4 for each class


def refuse_broken(data: bytes) -> None:
    """ValueError, LookupError or TypeError for what CatBoost would read beyond of."""
    core, rest = _sized(data, len(MAGIC))
    _must(data.startswith(MAGIC), "its beginning")
    model = flatbuffer.read(core, CORE)
    trees = {**dict.fromkeys(TREES, ()), "ApproxDimension": 0, **model["ModelTrees"]}
    _refuse_broken_features(trees)
    _refuse_broken_info({of["Key"]: of["Value"] for of in model["InfoMap"]}, model["InfoMap"], trees["ApproxDimension"])
    tables = _tables(rest, model.get("ModelPartIds", []))
    for ctr in trees["CtrFeatures"]:
        _refuse_broken_ctr(ctr["Ctr"], trees, tables)
    _refuse_broken_trees(trees)


def _sized(data: bytes, at: int) -> tuple[bytes, bytes]:
    """What a length announces, and the rest."""
    (size,) = struct.unpack_from("<I", data, at)
    end = at + 4 + size
    _must(end <= len(data), "its length")
    return data[at + 4 : end], data[end:]


def _refuse_broken_info(info: Mapping[str, str], pairs: Any, dimension: int) -> None:
    """Labels of classes: CatBoost looks them up by the number of the class."""
    _must(len(info) == len(pairs), "metadata, of which something stands there twice")
    classes = parse(info.get("class_params", "{}").encode())
    n = max(dimension, 2)
    _must(all(len(classes.get(name, ())) in (0, n) for name in ("class_names", "class_to_label")), "classes")
    _must(classes.get("classes_count", 0) in (0, n), "classes")


def _refuse_broken_features(trees: Mapping[str, Any]) -> None:
    floats, cats = trees["FloatFeatures"], trees["CatFeatures"]
    for features in (floats, cats):
        _must([of["Index"] for of in features] == list(range(len(features))), "numbers of features")
    flat = sorted(of["FlatIndex"] for of in (*floats, *cats))
    _must(flat == list(range(len(flat))), "places of features")
    _must(all(_is_used(trees, of["Index"]) for of in trees["OneHotFeatures"]), "categories that are split by")


def _is_used(trees: Mapping[str, Any], category: int) -> bool:
    cats = trees["CatFeatures"]
    return 0 <= category < len(cats) and bool(cats[category].get("UsedInModel", 1))


def _tables(rest: bytes, parts: list[str]) -> dict[Any, tuple[int, int]]:
    """What is known of categories: its base -> bytes of one category's numbers, classes."""
    if not parts:
        _must(not rest, "what follows the trees")
        return {}
    _must(parts == CTRS, "parts of the model")
    (n,), rest = struct.unpack_from("<I", rest), rest[4:]
    found = {}
    for _ in range(n):
        raw, rest = _sized(rest, 0)
        table = flatbuffer.read(raw, TABLE)
        found[_key(table["ModelCtrBase"])] = _refuse_broken_table(table)
    _must(not rest and len(found) == n, "tables of categories")
    return found


def _refuse_broken_table(table: Mapping[str, Any]) -> tuple[int, int]:
    """A hash table without a free place would be searched for ever."""
    import numpy as np

    classes = table.get("TargetClassesCount", 0)
    size = ELEMENT.get(table["ModelCtrBase"].get("CtrType", 0), 4 * classes)
    _must(size > 0 and len(table["CTRBlob"]) % size == 0, "numbers of categories")
    raw = table["IndexHashRaw"].tobytes()
    _must(len(raw) % 12 == 0, "the places of categories")
    places = np.frombuffer(raw, np.dtype(BUCKET))
    taken = places["hash"] != NOBODY
    _must(len(places) > 0 and len(places) & (len(places) - 1) == 0 and not taken.all(), "the places of categories")
    _must(bool((places["index"][taken] < len(table["CTRBlob"]) // size).all()), "the places of categories")
    return size, classes


def _key(base: Mapping[str, Any]) -> Any:
    of = base["FeatureCombination"]
    lists = (
        bytes(of[name].tobytes()) if name in of else b"" for name in ("CatFeatures", "FloatSplits", "OneHotSplits")
    )
    return (*lists, base.get("CtrType", 0), base.get("TargetBorderClassifierIdx", 0))


def _refuse_broken_ctr(ctr: Mapping[str, Any], trees: Mapping[str, Any], tables: Mapping[Any, tuple[int, int]]) -> None:
    base, of = ctr["Base"], ctr["Base"]["FeatureCombination"]
    _must(_key(base) in tables and 0 <= base.get("CtrType", 0) <= 5, "categories that no table knows")
    classes = tables[_key(base)][1]
    border = ctr.get("TargetBorderIdx", 0)
    _must(0 <= border < classes if base.get("CtrType", 0) < 2 else border >= 0, "classes of categories")
    _must(all(_is_used(trees, int(index)) for index in of.get("CatFeatures", ())), "categories of a combination")
    known_floats = {(f["Index"], border) for f in trees["FloatFeatures"] for border in f.get("Borders", ())}
    known_hashes = {(o["Index"], value) for o in trees["OneHotFeatures"] for value in o.get("Values", ())}
    for name, known in (("FloatSplits", known_floats), ("OneHotSplits", known_hashes)):
        _must(
            all((int(split["index"]), split["value"]) in known for split in of.get(name, ())), "splits of a combination"
        )


def _refuse_broken_trees(trees: Mapping[str, Any]) -> None:
    import numpy as np

    splits, sizes, starts = (np.asarray(trees[name], "i8") for name in ("TreeSplits", "TreeSizes", "TreeStartOffsets"))
    dimension, values, steps = trees["ApproxDimension"], trees["LeafValues"], trees["NonSymmetricStepNodes"]
    counts = [len(f.get("Borders", ())) for f in trees["FloatFeatures"]]
    counts += [len(f.get("Values", ())) for f in trees["OneHotFeatures"]]
    counts += [len(f.get("Borders", ())) for f in trees["CtrFeatures"]]
    _must(bool(((splits >= 0) & (splits < max(sum(counts), 1))).all()), "splits")
    _must(bool((sizes >= 0).all()) and np.array_equal(starts, np.cumsum(sizes) - sizes), "where trees lie")
    _must(int(sizes.sum()) == len(splits), "where trees lie")
    bias = len(trees["MultiBias"])
    _must(dimension > 0 and len(values) % dimension == 0 and bias in (0, dimension), "answers of leaves")
    _must(dimension == 1 or bool(len(values)) or bias == dimension, "answers of leaves")
    _must(len(trees["LeafWeights"]) in (0, len(values) // dimension), "weights of leaves")
    bins = np.asarray(trees["RepackedBins"], "u4")
    _must(len(bins) in (0, len(splits)), "splits in bytes")
    _must(bool(((bins & 0xFFFF) < max(sum(-(-n // PER_BIN) for n in counts), 1)).all()), "splits in bytes")
    if len(steps):
        _refuse_broken_steps(trees, starts + sizes, sizes)
    else:
        _must(bool((sizes <= DEEPEST).all()) and int((2**sizes).sum()) * dimension == len(values), "leaves")


def _refuse_broken_steps(trees: Mapping[str, Any], ends: Any, sizes: Any) -> None:
    """Trees that grew leaf by leaf: a node says how far its children lie behind it, 0 that it is a leaf on that side."""
    import numpy as np

    steps, leaves = trees["NonSymmetricStepNodes"], trees["NonSymmetricNodeIdToLeafId"]
    _must(len(steps) == len(leaves) == len(trees["TreeSplits"]) and bool((sizes > 0).all()), "nodes")
    left, right = steps & 0xFFFF, steps >> 16
    room = np.repeat(ends, sizes) - np.arange(len(steps))
    _must(bool(((left < room) & (right < room)).all()), "children")
    asked = leaves[(left == 0) | (right == 0)].astype("i8")
    _must(bool((asked + trees["ApproxDimension"] <= len(trees["LeafValues"])).all()), "leaves")


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"a CatBoost model does not agree with itself: {what}")
