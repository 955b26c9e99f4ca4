"""What the pipeline in our store came to: not timed."""

import steps

from ml_assets.store import open_store

store = open_store(".ml_assets/store")
head = store.head("rides/evaluation", steps.MONTH)
assert head is not None
steps.answer(store.manifest(head.target).metrics["auroc"]["value"])
