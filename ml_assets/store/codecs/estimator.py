"""A scikit-learn estimator -> skops, rewritten so that equal estimators give equal bytes; see ``skops_form.py``.

Before anything is built, every type and function that a file would use is looked up; what is not on our list is refused,
see ``trust_list.py``. The list is ours alone: the file has no say. What was built is looked at, see ``loaded.py``.
Models of XGBoost, LightGBM and CatBoost inside of one are written by their own codecs, see ``held.py``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ml_assets.errors import UnreadableContent, UnsupportedType
from ml_assets.store.canonical import Json
from ml_assets.store.codecs import trust_list
from ml_assets.store.codecs.codec import Encoded, Parts, is_instance
from ml_assets.store.codecs.loaded import refuse_harmful
from ml_assets.store.codecs.skops_form import canonical_skops, schema_of
from ml_assets.store.codecs.skops_io import skops_io


class EstimatorCodec:
    """Files: ``estimator.skops``."""

    name = "estimator"

    def encode(self, value: Any) -> Encoded | None:
        """See ``Codec``."""
        if not is_instance(value, "sklearn.base", "BaseEstimator") and not _is_plain_class_of_a_problem(value):
            return None
        skops = skops_io()
        try:
            data = canonical_skops(skops.dumps(value))
        except (TypeError, ValueError, AttributeError) as error:
            raise UnsupportedType(f"skops cannot store this {type(value).__name__}: {error}") from error
        unknown = _unknown(skops, data)
        if unknown:
            raise UnsupportedType(
                f"A {type(value).__name__} made of {', '.join(unknown)} would be refused when loaded: not on the list "
                f"of trusted types. {_what_to_do(unknown)}"
            )
        return Encoded(self.name, {}, {"estimator.skops": data})

    def decode(self, meta: Mapping[str, Json], parts: Parts) -> Any:
        """See ``Codec``."""
        skops = skops_io()
        from skops.io.exceptions import UntrustedTypesFoundException

        data = parts["estimator.skops"]
        schema = schema_of(data)
        if trust_list.faults(schema):
            raise _refusal(_unknown(skops, data))
        try:
            estimator = skops.loads(data, trusted=trust_list.used(schema))
        except UntrustedTypesFoundException as error:
            raise _refusal(_unknown(skops, data)) from error
        refuse_harmful(estimator)
        return estimator


def _is_plain_class_of_a_problem(value: Any) -> bool:
    return trust_list.is_own(type(value)) and not dataclasses.is_dataclass(value)  # which is a record


def _refusal(unknown: list[str]) -> UnreadableContent:
    return UnreadableContent(
        f"A stored estimator wants to use {', '.join(unknown)}: not on our list of trusted types. "
        "Nothing of it was run. Do not trust where it came from."
    )


def _unknown(skops: Any, data: bytes) -> list[str]:
    """What a file uses that is not trusted, sorted."""
    schema = schema_of(data)
    untrusted = set(skops.get_untrusted_types(data=data)) - set(trust_list.used(schema))
    return sorted(untrusted | set(trust_list.faults(schema)))


def _what_to_do(unknown: list[str]) -> str:
    if any(name.startswith(("sklearn.", "scipy.", "numpy.")) for name in unknown):
        return "Use another estimator, or add it to ml_assets/store/codecs/trusted.json after looking at what it does."
    if any("<" in name for name in unknown):
        return "Define the function in the problem's module, by name, and list it in the problem's artifact_types."
    return "Classes and functions of your own: list them in the problem's artifact_types."
