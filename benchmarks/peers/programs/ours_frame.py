"""A frame through our store, by its API: written, published, read back; both ways verified."""

import sys

import steps

from ml_assets.store import Manifest, open_store

store = open_store("store", user="ada")
key, _ = store.publish(Manifest("big/frame", None, store.put(steps.frame(int(sys.argv[1])))), why="handed on")
steps.answer(steps.looked_at(store.load(key)))
