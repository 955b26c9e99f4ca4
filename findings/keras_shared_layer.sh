#!/usr/bin/env bash
# Keras 3.15.1: a model whose two inner models share a layer is saved without a word, and its file is not loaded again.
#
# Such a model trains and answers. serialize_keras_object marks what occurs twice with a shared_object_id, but the mark of the
# first place is set on a dict that get_config of the inner model has copied: load_model builds two layers, finds weights for one,
# and raises ValueError. A layer shared inside of one functional model is loaded. The weights of the file cannot be had by it.
# Seen: "in one model: loaded", "in two inner models: ValueError".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'keras==3.15.1' torch 2>/dev/null
said=$(KERAS_BACKEND=torch "$folder/venv/bin/python" -W ignore - "$folder/model.keras" <<'PY'
import sys

import keras
from keras import layers

def loaded(model):
    model.save(sys.argv[1])
    try:
        keras.saving.load_model(sys.argv[1])
        return "loaded"
    except ValueError as error:
        return type(error).__name__

x = layers.Input((6,))
layer = layers.Dense(6)
in_one = keras.Model(x, layer(layer(x)))
shared = layers.Dense(4)
one, other = (keras.Sequential([layers.Input((6,)), shared, layers.Dense(2)]) for _ in range(2))
in_two = keras.Model(x, layers.Add()([one(x), other(x)]))
print(loaded(in_one), loaded(in_two))
PY
)
echo "Keras 3.15.1: in one model, in two inner models: $said"
[ "$said" = "loaded ValueError" ] || { echo "this has changed" >&2; exit 1; }
