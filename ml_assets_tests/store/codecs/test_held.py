"""Models of XGBoost, LightGBM and CatBoost inside of scikit-learn's: pipelines, ensembles, searches, and classes of one's own."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xgboost
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import BaggingRegressor, StackingClassifier, VotingClassifier
from sklearn.feature_selection import SelectFromModel
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ml_assets.errors import UnreadableContent, UnsupportedType
from ml_assets.store import Content, Folder, Store, trust_code
from ml_assets.store.codecs import catboost_form, lightgbm_form, trust_list, xgboost_form
from ml_assets.store.codecs.held import booster
from ml_assets.testing import check_codec, digest_of
from ml_assets_tests.store.codecs.models import CAT, LGBM, MIXED, PLAIN, THREE, TWO, WORDS, XGB

CLASSIFIERS = {"xgboost": "XGBClassifier", "lightgbm": "LGBMClassifier", "catboost": "CatBoostClassifier"}
REGRESSORS = {"xgboost": "XGBRegressor", "lightgbm": "LGBMRegressor", "catboost": "CatBoostRegressor"}
PARAMS = {"xgboost": {**XGB, "n_jobs": None}, "lightgbm": LGBM, "catboost": CAT}


def classifier(library: str, **params: Any) -> Any:
    return getattr(__import__(library), CLASSIFIERS[library])(**{**PARAMS[library], **params})


def regressor(library: str, **params: Any) -> Any:
    return getattr(__import__(library), REGRESSORS[library])(**{**PARAMS[library], **params})


class Shifted(RegressorMixin, BaseEstimator):
    """A problem's own estimator around a bare Booster."""

    def __init__(self, by: float = 1.0, n_threads: int = 1) -> None:
        self.by, self.n_threads = by, n_threads

    def fit(self, x: Any, y: Any) -> Shifted:
        params = {"max_depth": 2, "nthread": self.n_threads}
        self.booster_ = xgboost.train(params, xgboost.DMatrix(x, y), 3)
        self.n_threads = 0
        return self

    def predict(self, x: Any) -> np.ndarray:
        return self.booster_.predict(xgboost.DMatrix(x)) + self.by


class OwnRegressor(xgboost.XGBRegressor):
    """A class that nobody builds again."""


@pytest.fixture(autouse=True)
def listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust_list, "_own", {})
    trust_code(Shifted)


def prepared(library: str) -> Any:
    columns = make_column_transformer((OneHotEncoder(), ["kind"]), remainder=StandardScaler())
    return make_pipeline(columns, classifier(library)).fit(MIXED, WORDS if library != "xgboost" else TWO)


def voting() -> Any:
    return VotingClassifier([(name, classifier(name)) for name in CLASSIFIERS], voting="soft").fit(PLAIN, TWO)


def stacking() -> Any:
    return StackingClassifier([(name, classifier(name)) for name in CLASSIFIERS], cv=2).fit(PLAIN, TWO)


def search() -> Any:
    """Without the seconds that its fits took, which are in its results."""
    found = GridSearchCV(regressor("xgboost"), {"n_estimators": [2, 3]}, cv=2).fit(PLAIN, THREE)
    found.cv_results_ = {name: of for name, of in found.cv_results_.items() if not name.endswith("_time")}
    found.refit_time_ = 0.0
    return found


def chosen() -> Any:
    return make_pipeline(SelectFromModel(regressor("xgboost")), regressor("catboost")).fit(PLAIN, THREE)


HOLDERS: dict[str, Callable[[], Any]] = {
    "pipeline of xgboost": lambda: prepared("xgboost"),
    "pipeline of lightgbm": lambda: prepared("lightgbm"),
    "pipeline of catboost": lambda: prepared("catboost"),
    "voting": voting,
    "stacking": stacking,
    "calibrated": lambda: CalibratedClassifierCV(classifier("lightgbm"), cv=2).fit(PLAIN, TWO),
    "target": lambda: TransformedTargetRegressor(regressor("catboost"), transformer=StandardScaler()).fit(PLAIN, THREE),
    "search": search,
    "chosen features": chosen,
    "bagging": lambda: BaggingRegressor(regressor("xgboost"), 2, random_state=0).fit(PLAIN, THREE),
    "several answers": lambda: MultiOutputRegressor(regressor("lightgbm")).fit(PLAIN, np.c_[THREE, TWO]),
    "one's own": lambda: make_pipeline(StandardScaler(), Shifted(0.5)).fit(PLAIN, THREE),
}


def answers_equal(one: Any, other: Any) -> bool:
    rows = MIXED if "kind" in getattr(one, "feature_names_in_", ()) else PLAIN
    ways = [name for name in ("predict", "predict_proba") if hasattr(one, name)]
    return all(np.array_equal(getattr(one, way)(rows), getattr(other, way)(rows)) for way in ways)


@pytest.mark.parametrize("name", HOLDERS)
def test_what_holds_boosters_keeps_what_every_codec_promises(name: str) -> None:
    check_codec(HOLDERS[name](), same=answers_equal, twins=[HOLDERS[name]()], codec="estimator", n_flips=40)


def test_what_is_not_fitted_is_stored_with_its_parameters(store: Store) -> None:
    made = make_pipeline(StandardScaler(), regressor("catboost"), regressor("lightgbm"), regressor("xgboost"))
    loaded = store.get(store.put(made))
    for one, other in zip(made.named_steps.values(), loaded.named_steps.values(), strict=True):
        assert repr(one.get_params()) == repr(other.get_params())


def test_one_model_in_two_places_is_one_model_again_and_written_once(store: Store) -> None:
    content = store.put(voting())
    loaded = store.get(content)
    assert all(loaded.named_estimators_[name] is one for name, one in zip(CLASSIFIERS, loaded.estimators_, strict=True))
    names = zipfile.ZipFile(io.BytesIO(store.read(content.files[0]))).namelist()
    assert len(names) == len(set(names))


def test_threads_of_a_training_are_not_in_the_digest() -> None:
    one, other = (make_pipeline(StandardScaler(), Shifted(n_threads=n)).fit(PLAIN, THREE) for n in (1, 2))
    assert digest_of(one) == digest_of(other)


def test_what_a_boosters_codec_refuses_is_refused_inside_of_a_pipeline(store: Store) -> None:
    with pytest.raises(UnsupportedType, match=r"XGBRegressor\.eval_metric is a .*only plain values"):
        store.put(make_pipeline(StandardScaler(), xgboost.XGBRegressor(eval_metric=max)))
    with pytest.raises(UnsupportedType, match=r"OwnRegressor is none of xgboost's own estimators"):
        store.put(make_pipeline(StandardScaler(), OwnRegressor()))


def changed(store: Store, content: Content, change: Callable[[str, bytes], bytes]) -> Content:
    """The content with another archive, whose entries are what ``change`` makes of them: each is intact."""
    (file,) = content.files
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(store.read(file))) as source, zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            archive.writestr(name, change(name, source.read(name)))
    (other,) = store.put(Folder.of({file.path: target.getvalue()})).files
    return replace(content, files=(other,))


FORMS = {"xgboost": (xgboost_form, b"{"), "lightgbm": (lightgbm_form, b"tree\n"), "catboost": (catboost_form, b"CBM1")}


@pytest.mark.parametrize("library", FORMS)
def test_a_damaged_booster_inside_is_refused_before_its_library_sees_it(
    store: Store, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    form, beginning = FORMS[library]

    def damage(name: str, data: bytes) -> bytes:
        is_model = name.endswith(".bin") and data.startswith(beginning) and not data.startswith(b'{"')
        return data[: len(data) // 2] if is_model else data

    content = store.put(make_pipeline(StandardScaler(), regressor(library)).fit(PLAIN, THREE))
    original = form.refuse_broken
    monkeypatch.setattr(form, "refuse_broken", lambda data: (seen.append(len(data)), original(data)))
    with pytest.raises(UnreadableContent, match="not what the codec 'estimator' writes"):
        store.get(changed(store, content, damage))
    assert len(seen) == 1


def renamed(old: str, new: str) -> Callable[[str, bytes], bytes]:
    def change(name: str, data: bytes) -> bytes:
        if name != "schema.json":
            return data
        assert old in data.decode()
        return data.decode().replace(old, new).encode()

    return change


LIES = {
    "another codec": ('"content":"\\"xgboost\\""', '"content":"\\"estimator\\""', "is written by 'estimator'"),
    "another class": ('"content":"\\"XGBRegressor\\""', '"content":"\\"XGBModel\\""', "'XGBModel' is none of"),
    "another function": (
        '"booster"',
        '"write_boosters"',
        r"wants to use ml_assets\.store\.codecs\.held\.write_boosters",
    ),
    "as a function": ("ConstructorFromReduceNode", "FunctionNode", r"held\.booster as a FunctionNode"),
    "no bytes": ('"BytesNode"', '"BytearrayNode"', r"wants to use builtins\.bytes"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_file_that_asks_for_another_call_is_refused(store: Store, lie: str) -> None:
    old, new, said = LIES[lie]
    content = store.put(make_pipeline(StandardScaler(), regressor("xgboost")).fit(PLAIN, THREE))
    with pytest.raises(UnreadableContent, match=said):
        store.get(changed(store, content, renamed(old, new)))


@pytest.mark.parametrize("files", [None, [], {"model.ubj": "text"}, {"model.ubj": 3}], ids=repr)
def test_only_files_of_bytes_are_given_to_a_codec(files: Any) -> None:
    with pytest.raises(ValueError, match="is written by 'xgboost'"):
        booster("xgboost", {"class": "Booster"}, files)
