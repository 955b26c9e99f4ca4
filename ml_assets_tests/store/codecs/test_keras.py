"""Models of Keras: what every codec promises, and that nothing is built that a problem or Keras does not have."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
import torch
from keras import layers

from ml_assets.artifacts import trust_all
from ml_assets.errors import UnreadableContent, UnsupportedType
from ml_assets.evaluation.checks import reloads_identically
from ml_assets.problem import TrainingData
from ml_assets.store import Content, Store, trust_code
from ml_assets.store.codecs import keras_form, trust_list
from ml_assets.testing import check_codec, digest_of
from ml_assets.training.model import fit, predict
from ml_assets.training.rows import feature_table
from ml_assets.training.run import Run
from ml_assets_tests.doubles import umbrellas

ROWS = np.random.default_rng(0).normal(size=(32, 6)).astype("float32")
LABEL = (ROWS[:, 0] > 0).astype("float32")
QUIET = {"verbose": 0}
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras's own, with NumPy 2


class Scaled(layers.Layer):
    """A layer of a problem's own."""

    def __init__(self, by: float = 2.0, **more: Any) -> None:
        super().__init__(**more)
        self.by = by

    def build(self, shape: Any) -> None:
        self.shift = self.add_weight(shape=(shape[-1],), initializer="zeros", name="shift")

    def call(self, x: Any) -> Any:
        return x * self.by + self.shift

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "by": self.by}


class Forgetful(Scaled):
    """One that does not say all that it has."""

    def __init__(self, n: int = 1, **more: Any) -> None:
        super().__init__(**more)
        self.n = n

    def build(self, shape: Any) -> None:
        self.shift = self.add_weight(shape=(self.n, 1), name="shift")

    def call(self, x: Any) -> Any:
        return x


class Own(keras.Model):
    """A model of a problem's own."""

    def __init__(self, units: int = 3, **more: Any) -> None:
        super().__init__(**more)
        self.units = units
        self.hidden, self.out = layers.Dense(units, activation=bent), layers.Dense(1)

    def build(self, shape: Any) -> None:
        self.hidden.build(shape)
        self.out.build((shape[0], self.units))

    def call(self, x: Any) -> Any:
        return self.out(self.hidden(x))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def bent(x: Any) -> Any:
    return keras.ops.abs(x)


@pytest.fixture(autouse=True)
def listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust_list, "_own", {})
    for code in (Scaled, Own, Forgetful, bent):
        trust_code(code)


def trained(model: keras.Model, epochs: int = 1) -> keras.Model:
    model.compile("adam", "mse")
    model.fit(ROWS, LABEL, epochs=epochs, batch_size=16, **QUIET)
    return model


def sequence() -> keras.Model:
    scaling = layers.Normalization()
    scaling.adapt(ROWS)
    dense = [layers.Dense(8, activation="relu", kernel_regularizer="l2"), layers.Dense(1, name="answer")]
    return trained(
        keras.Sequential(
            [layers.Input((6,)), scaling, dense[0], layers.Dropout(0.2), layers.BatchNormalization(), dense[1]]
        )
    )


def graph() -> keras.Model:
    x = layers.Input((6,))
    low, high = layers.Dense(3)(x[:, :3]), layers.Dense(3)(x[:, 3:])
    inner = keras.Sequential([layers.Input((3,)), layers.Dense(3, activation="gelu"), layers.LayerNormalization()])
    y = keras.ops.relu(low + high) * 0.5
    return trained(keras.Model(x, layers.Dense(1)(layers.Concatenate()([inner(y), inner(low)]))))


def shared() -> keras.Model:
    """One layer in two models that are both in a third."""
    of_both = layers.Dense(4)
    x = layers.Input((6,))
    one = keras.Sequential([layers.Input((6,)), of_both, layers.Dense(2)])
    other = keras.Sequential([layers.Input((6,)), of_both, layers.Dense(2)])
    return trained(keras.Model(x, layers.Dense(1)(layers.Add()([one(x), other(x)]))))


def recurrent() -> keras.Model:
    rows = [layers.Input((6,)), layers.Reshape((3, 2)), layers.Bidirectional(layers.LSTM(2)), layers.Dense(1)]
    return trained(keras.Sequential(rows))


def picture() -> keras.Model:
    rows = [
        layers.Input((6,)),
        layers.Reshape((2, 3, 1)),
        layers.Conv2D(2, (2, 2), padding="same"),
        layers.MaxPooling2D((1, 2)),
        layers.Flatten(),
        layers.Dense(1),
    ]
    return trained(keras.Sequential(rows))


def attentive() -> keras.Model:
    x = layers.Input((6,))
    y = layers.Reshape((3, 2))(x)
    y = layers.MultiHeadAttention(2, 2)(y, y)
    return trained(keras.Model(x, layers.Dense(1)(layers.GlobalAveragePooling1D()(y))))


def several() -> keras.Model:
    one, other = layers.Input((6,), name="one"), layers.Input((6,), name="other")
    return keras.Model(
        {"one": one, "other": other}, {"sum": layers.Add()([one, other]), "answer": layers.Dense(1)(one)}
    )


def own() -> keras.Model:
    return trained(keras.Sequential([layers.Input((6,)), Scaled(0.5), layers.Dense(1, activation=bent)]))


def own_model() -> keras.Model:
    return trained(Own(4))


def half() -> keras.Model:
    return keras.Sequential([layers.Input((6,)), layers.Dense(3, dtype="bfloat16"), layers.Dense(1)])


MODELS: dict[str, Callable[[], keras.Model]] = {
    of.__name__: of for of in (sequence, graph, recurrent, picture, attentive, several, own, own_model, half)
}


def made(name: str, before: int = 0) -> keras.Model:
    """One after some others were made, which count in the names that Keras gives."""
    for _ in range(before):
        layers.Dense(1)
    keras.utils.set_random_seed(0)
    return MODELS[name]()


def answers(model: keras.Model) -> list[np.ndarray]:
    rows = {"one": ROWS, "other": ROWS} if len(getattr(model, "inputs", None) or ()) == 2 else ROWS
    return [np.asarray(of) for of in keras.tree.flatten(model.predict(rows, **QUIET))]


def answers_equal(one: keras.Model, other: keras.Model) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(answers(one), answers(other), strict=True))


@pytest.mark.parametrize("name", MODELS)
def test_a_model_keeps_what_every_codec_promises(name: str) -> None:
    check_codec(made(name), same=answers_equal, twins=[made(name, before=2)], codec="keras")


def test_digests_are_the_same_in_another_process_with_other_threads() -> None:
    names = ["sequence", "graph", "recurrent"]
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "7"}
    program = "import json, sys; from ml_assets_tests.store.codecs.test_keras import *\n"
    program += "print(json.dumps({name: digest_of(made(name)) for name in sys.argv[1:]}))"
    done = subprocess.run(
        [sys.executable, "-c", program, *names], env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == {name: digest_of(made(name)) for name in names}


def test_what_training_needs_is_left_out_and_what_was_named_keeps_its_name(store: Store) -> None:
    model = made("sequence", before=3)
    loaded = store.get(store.put(model))
    assert model.compiled and not loaded.compiled
    assert model.optimizer is not None and getattr(loaded, "optimizer", None) is None
    assert [layer.name for layer in loaded.layers] == [
        "normalization",
        "dense",
        "dropout",
        "batch_normalization",
        "answer",
    ]
    assert [of.trainable for of in loaded.weights] == [of.trainable for of in model.weights]
    assert trained(loaded).compiled, "it can be trained on"


def test_a_model_is_not_changed_and_chance_goes_on_as_if_it_were_not_stored(store: Store) -> None:
    model = made("graph")
    names = [layer.name for layer in model.layers]
    random.seed(1)
    expected = random.random()
    random.seed(1)
    store.get(store.put(model))
    assert random.random() == expected
    assert [layer.name for layer in model.layers] == names
    assert model.compiled


def test_the_weights_can_be_compared_one_by_one(store: Store) -> None:
    (tensors,) = store.tensors(store.put(made("half"))).values()
    assert {name: of.dtype for name, of in tensors.items()} == {
        "00000 kernel": torch.bfloat16 if tensors["00000 kernel"].dtype == torch.bfloat16 else torch.float32,
        "00001 bias": tensors["00000 kernel"].dtype,
        "00002 kernel": torch.float32,
        "00003 bias": torch.float32,
    }


def stranger(x: Any) -> Any:
    return x


class Unlisted(Scaled):
    """A layer that nobody listed."""


@keras.saving.register_keras_serializable(package="test")
class Registered(Scaled):
    """One that is registered with Keras, which is not enough."""


class Silent(keras.Model):
    def __init__(self, rows: Any = None) -> None:
        super().__init__()
        self.out = layers.Dense(1)

    def call(self, x: Any) -> Any:
        return self.out(x)


def around(layer: Any) -> keras.Model:
    return keras.Sequential([layers.Input((6,)), layer])


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "a lambda": (lambda: around(layers.Lambda(lambda x: x)), r"made of .*keras\.layers\.Lambda"),
    "a module of torch": (
        lambda: around(layers.TorchModuleWrapper(torch.nn.Linear(6, 1))),
        r"TorchModuleWrapper|cannot say what",
    ),
    "a layer nobody listed": (lambda: around(Unlisted()), r"made of .*Unlisted.*artifact_types"),
    "a layer that Keras knows": (lambda: around(Registered()), r"made of .*Registered.*artifact_types"),
    "a function nobody listed": (lambda: around(layers.Dense(1, activation=stranger)), r"made of builtins\.stranger"),
    "forgetful": (lambda: around(Forgetful(3)), r"other weights than it has.*get_config\(\) of layers of your own"),
    "a layer in two models inside": (
        shared,
        r"other weights than it has.*a layer that several models inside of it share",
    ),
    "another subclass": (Silent, r"made of .*Silent|cannot say what"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_not_come_back_is_refused_with_what_to_do(store: Store, name: str) -> None:
    make, said = REFUSED[name]
    with pytest.raises(UnsupportedType, match=said):
        store.put(make())


def changed(store: Store, content: Content, change: Callable[[Any], Any]) -> Content:
    (file,) = (file for file in content.files if file.path == "config.json")
    (other,) = store.put(change(json.loads(store.read(file)))).files
    files = (replace(other, path=of.path) if of == file else of for of in content.files)
    return replace(content, files=tuple(files))


def with_layer(layer: dict[str, Any]) -> Callable[[Any], Any]:
    def change(config: Any) -> Any:
        config["config"]["layers"][1] = {"registered_name": None, **layer}
        return config

    return change


HOSTILE: dict[str, tuple[Callable[[Any], Any], str]] = {
    "code": (with_layer({"module": "keras.layers", "class_name": "Lambda", "config": {}}), r"keras\.layers\.Lambda"),
    "code, by the module inside": (
        with_layer({"module": "keras.src.layers.core.lambda_layer", "class_name": "Lambda", "config": {}}),
        r"lambda_layer\.Lambda",
    ),
    "a function of Keras": (
        with_layer({"module": "keras.models", "class_name": "load_model", "config": {}}),
        r"keras\.models\.load_model",
    ),
    "files": (
        with_layer({"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}}),
        r"keras\.layers\.StringLookup",
    ),
    "a module of elsewhere": (
        with_layer({"module": "keras_hub.layers", "class_name": "A", "config": {}}),
        r"keras_hub\.layers\.A",
    ),
    "a module that is not loaded": (
        with_layer({"module": "keras.src.nothing", "class_name": "A", "config": {}}),
        r"keras\.src\.nothing\.A",
    ),
    "an older way to say it": (with_layer({"class_name": "Lambda", "config": {}}), r"'Lambda' of None"),
    "a function": (
        with_layer({"module": "os", "class_name": "function", "config": "system"}),
        r"wants to use os\.system",
    ),
    "marshalled code": (with_layer({"class_name": "__lambda__", "config": {"value": "eA=="}}), r"'__lambda__' of None"),
    "objects": (
        with_layer({"class_name": "__numpy__", "config": {"value": [1], "dtype": "O"}}),
        r"numbers of the type 'O'",
    ),
    "registered with Keras": (
        with_layer({"module": "keras.layers", "class_name": "Dense", "config": {"units": "test>Registered"}}),
        r"test>Registered",
    ),
    "how to compile it": (
        with_layer({"module": "keras.layers", "class_name": "Dense", "config": {}, "compile_config": {"loss": "mse"}}),
        r"compile_config",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_configuration_that_asks_for_more_is_refused_before_keras_sees_it(
    store: Store, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, said = HOSTILE[name]
    content = changed(store, store.put(made("half")), change)
    monkeypatch.setattr(keras.saving, "deserialize_keras_object", None)
    with pytest.raises(UnreadableContent, match=said):
        store.get(content)


def test_weights_of_another_model_are_refused(store: Store) -> None:
    one, other = store.put(made("half")), store.put(made("sequence"))
    files = tuple(
        of if of.path == "config.json" else next(f for f in other.files if f.path == of.path) for of in one.files
    )
    with pytest.raises(UnreadableContent, match="the weights are not those of the model's configuration"):
        store.get(replace(one, files=files))


def test_numbers_of_names_begin_anew_and_names_of_somebody_stay() -> None:
    def layer(kind: str, name: str) -> dict[str, Any]:
        return {"module": "keras.layers", "class_name": kind, "config": {"name": name}}

    made = [
        layer("Dense", "dense_7"),
        layer("Conv2D", "dense"),
        layer("LSTM", "forward_lstm_3"),
        layer("Dense", "dense_9"),
    ]
    config = {
        "config": {"layers": made, "input_layers": [["dense_7", 0, 0]], "output_layers": {"a": ["dense_9", 0, 0]}}
    }
    settled = keras_form.settled(config)["config"]
    assert [of["config"]["name"] for of in settled["layers"]] == ["dense_1", "dense", "forward_lstm", "dense_2"]
    assert settled["input_layers"] == [["dense_1", 0, 0]]
    assert settled["output_layers"] == {"a": ["dense_2", 0, 0]}
    assert keras_form.settled(keras_form.settled(config)) == keras_form.settled(config)


def test_where_keras_is_missing_or_on_another_backend_the_error_says_what_to_do(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = made("half")
    content = store.put(model)
    with monkeypatch.context() as other:
        other.setattr(keras.backend, "backend", lambda: "jax")
        with pytest.raises(UnreadableContent, match=r"Keras runs on jax here.*Set KERAS_BACKEND=torch"):
            store.get(content)
        with pytest.raises(UnsupportedType, match=r"Keras runs on jax here.*Set KERAS_BACKEND=torch"):
            store.put(model)
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(UnreadableContent, match=r"needs keras, .*pip install 'ml_assets\[keras\]'"):
        store.get(content)


def test_a_problem_may_train_one_and_its_check_of_reloading_passes(store: Store) -> None:
    def train(data: TrainingData, params: Any, run: Any) -> Any:
        model = keras.Sequential([layers.Input((2,)), layers.Dense(1, activation="sigmoid")])
        model.compile("sgd", "binary_crossentropy")
        model.fit(data.train.features[["clouds", "above_usual"]].to_numpy("float32"), data.train.label, **QUIET)
        return model

    def ask(model: Any, features: Any) -> np.ndarray:
        return model.predict(features[["clouds", "above_usual"]].to_numpy("float32"), **QUIET)[:, 0].astype(float)

    problem = replace(umbrellas.PROBLEM, train=train, predict=ask)
    trust_all([problem])
    table = feature_table(problem, [], umbrellas.visits("2024-01"))
    model = fit(problem, TrainingData(table, table), problem.params, Run(0, print))
    loaded = store.get(store.put(model))
    assert reloads_identically(lambda one, rows: predict(problem, one, rows), model, loaded, table.features).passed
