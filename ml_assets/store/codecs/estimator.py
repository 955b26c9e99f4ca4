"""A scikit-learn estimator -> skops, rewritten so that equal estimators give equal bytes; see ``skops_form.py``.

Before anything is built, skops lists every type and function a file would use; what is not on our list is refused. The
list is ours alone: the file has no say. On top of that, trees are checked node by node; see ``trees.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_assets.errors import UnreadableContent, UnsupportedType
from ml_assets.store.canonical import Json
from ml_assets.store.codecs.codec import Encoded, Parts, is_instance
from ml_assets.store.codecs.skops_form import canonical_skops, refuse_unusual_form
from ml_assets.store.codecs.skops_io import skops_io
from ml_assets.store.codecs.trees import refuse_broken_trees

# Besides what skops trusts by default: public estimators, NumPy types and ufuncs, losses. Each entry was looked at: it
# keeps numbers and calls nothing on construction. Left out on purpose: KDTree and BallTree, whose arrays scikit-learn
# follows unchecked (KNeighbors*: use algorithm="brute").
TRUSTED = (
    "functools.partial",  # of a function that must itself be on the list
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",  # checked by trees.py
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",  # checked by trees.py
    "sklearn.utils._bunch.Bunch",
    "sklearn.utils.validation.check_array",  # HistGradientBoosting's preprocessing of categories
)


class EstimatorCodec:
    """Files: ``estimator.skops``."""

    name = "estimator"

    def encode(self, value: Any) -> Encoded | None:
        """See ``Codec``."""
        if not is_instance(value, "sklearn.base", "BaseEstimator"):
            return None
        skops = skops_io()
        try:
            data = canonical_skops(skops.dumps(value))
        except (TypeError, ValueError, AttributeError) as error:
            raise UnsupportedType(f"skops cannot store this {type(value).__name__}: {error}") from error
        unknown = sorted(set(skops.get_untrusted_types(data=data)) - set(TRUSTED))
        if unknown:
            raise UnsupportedType(
                f"A {type(value).__name__} made of {', '.join(unknown)} would be refused when loaded: not on the list "
                "of trusted types. Use another estimator, or add the type to TRUSTED in "
                "ml_assets/store/codecs/estimator.py after looking at what it does."
            )
        return Encoded(self.name, {}, {"estimator.skops": data})

    def decode(self, meta: Mapping[str, Json], parts: Parts) -> Any:
        """See ``Codec``."""
        skops = skops_io()
        from skops.io.exceptions import UntrustedTypesFoundException

        data = parts["estimator.skops"]
        refuse_unusual_form(data)
        try:
            estimator = skops.loads(data, trusted=list(TRUSTED))
        except UntrustedTypesFoundException as error:
            unknown = sorted(set(skops.get_untrusted_types(data=data)) - set(TRUSTED))
            raise UnreadableContent(
                f"A stored estimator wants to use {', '.join(unknown)}: not on our list of trusted types. "
                "Nothing of it was run. Do not trust where it came from."
            ) from error
        refuse_broken_trees(estimator)
        return estimator
