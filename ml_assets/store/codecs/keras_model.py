"""A model of Keras 3 on torch -> its configuration as JSON, and its weights as safetensors. No pickle, no HDF5.

Stored are models whose configuration says what they are: ``Sequential``, functional ones, and classes of a problem's own with
``get_config``, listed in ``artifact_types`` as are layers and functions of its own. What only training needs is left out: how
it was compiled, the optimizer's state, the states of generators of chance. ``predict`` needs none of it.
``keras_form.py`` says what is built, and how models that were made alike get equal bytes.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ml_assets.errors import UnsupportedType
from ml_assets.store.canonical import Json, canonical, parse
from ml_assets.store.codecs import keras_form
from ml_assets.store.codecs.codec import Encoded, Parts, is_instance
from ml_assets.store.codecs.tensors import from_safetensors, to_safetensors

if TYPE_CHECKING:
    import torch

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
BACKEND = "torch"
ON_TORCH = f"Keras runs on {{}} here, and its models are stored on {BACKEND}. Set KERAS_BACKEND={BACKEND} before it is imported."


class KerasCodec:
    """Files: ``config.json``, ``model.safetensors``. Meta: ``{}``."""

    name = "keras"

    def encode(self, value: Any) -> Encoded | None:
        """See ``Codec``."""
        if not is_instance(value, "keras", "Model"):
            return None
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        if (backend := sys.modules["keras"].backend.backend()) != BACKEND:
            raise UnsupportedType(ON_TORCH.format(backend))
        config, tensors = _config(value, kind), _tensors(value)
        if faults := keras_form.faults(config):
            raise UnsupportedType(
                f"A {kind} made of {', '.join(faults)} would be refused when loaded. Layers that hold code or read files are not "
                "stored; list layers, models and functions of your own in the problem's artifact_types."
            )
        data = canonical(config)
        _refuse_unlike(value, kind, data, tensors)
        return Encoded(self.name, {}, {CONFIG: data, WEIGHTS: to_safetensors(tensors)})

    def decode(self, meta: Mapping[str, Json], parts: Parts) -> Any:
        """See ``Codec``."""
        _refuse_other_backends()
        if faults := keras_form.faults(parse(parts[CONFIG])):
            raise ValueError(f"the model wants to use {', '.join(faults)}: nothing of it was built")
        model, tensors = _built(parts[CONFIG]), from_safetensors(parts[WEIGHTS])
        if _shapes(_tensors(model)) != _shapes(tensors):
            raise ValueError("the weights are not those of the model's configuration")
        for variable, name in zip(model.weights, sorted(tensors), strict=True):
            variable.assign(tensors[name])
        return model


def _refuse_other_backends() -> None:
    """ValueError if Keras does not run on torch; ModuleNotFoundError if it is not there."""
    try:
        import keras
    except ModuleNotFoundError as error:
        if "keras" in (error.name or ""):
            raise
        raise ValueError(ON_TORCH.format(error.name)) from error
    if keras.backend.backend() != BACKEND:
        raise ValueError(ON_TORCH.format(keras.backend.backend()))


def _config(model: Any, kind: str) -> Json:
    import keras

    try:
        written = json.loads(json.dumps(keras.saving.serialize_keras_object(model)))
    except (NotImplementedError, TypeError, ValueError, AttributeError) as error:
        raise UnsupportedType(
            f"Keras cannot say what this {kind} is made of: {error}. Give its class and those of its layers a get_config()."
        ) from error
    return keras_form.settled(written)


def _tensors(model: Any) -> dict[str, torch.Tensor]:
    """The weights in Keras's order, those that are not trained included, called by their number and what they are."""
    return {f"{at:05} {re.sub(r'_[0-9]+$', '', of.name)}": of.value for at, of in enumerate(model.weights)}


def _shapes(tensors: Mapping[str, torch.Tensor]) -> dict[str, tuple[Any, ...]]:
    return {name: (tuple(of.shape), of.dtype) for name, of in tensors.items()}


def _refuse_unlike(value: Any, kind: str, config: bytes, tensors: Mapping[str, torch.Tensor]) -> None:
    """Whether its configuration builds such a model again is tried: not every layer says all that it has."""
    try:
        model = _built(config)
    except (ValueError, TypeError, LookupError) as error:
        raise UnsupportedType(f"This {kind} would not be built again: {error}") from error
    if type(model) is not type(value) or _shapes(_tensors(model)) != _shapes(tensors):
        raise UnsupportedType(
            f"This {kind} would come back with other weights than it has: its configuration does not say all of it. Let "
            "get_config() of layers of your own return all that their __init__ takes, and put a layer that several models inside "
            "of it share into the outer one."
        )


def _built(data: bytes) -> Any:
    """The model without its weights; ValueError, TypeError or LookupError for what Keras cannot build."""
    import keras

    config = parse(data)
    try:
        with _chance_is_left_alone():
            model = keras.saving.deserialize_keras_object(
                config, custom_objects=keras_form.listed(config), safe_mode=True
            )
    except (RuntimeError, AssertionError, NameError) as error:
        raise ValueError(str(error)) from error
    if not isinstance(model, keras.Model):
        raise TypeError(f"the configuration is of a {type(model).__name__}")
    return model


@contextmanager
def _chance_is_left_alone() -> Iterator[None]:
    """Keras draws the seeds of new layers from Python's generator."""
    before = random.getstate()
    try:
        yield
    finally:
        random.setstate(before)
