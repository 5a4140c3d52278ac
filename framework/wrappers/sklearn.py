"""Models as classifiers, regressors and transformers of scikit-learn.

The class names, arguments and attributes are Keras's (`keras.wrappers`); the contract is
scikit-learn's, whose own checks of estimators the tests run.
"""

import copy
from functools import cache
from typing import Any

import numpy as np

from ..models import Model, clone_model

MISSING = "isozoo.wrappers requires `scikit-learn` to be installed: pip install 'isozoo[sklearn]'"


@cache
def estimator(name: str) -> type:
    """Returns a class of this module over scikit-learn's bases, which are imported for it.

    Args:
        name: "SKLearnClassifier", "SKLearnRegressor" or "SKLearnTransformer".

    Raises:
        ImportError: scikit-learn is not installed.
    """
    try:
        from sklearn import base
    except ImportError as error:
        raise ImportError(MISSING) from error
    ours = {
        "SKLearnClassifier": (Classifier, base.ClassifierMixin),
        "SKLearnRegressor": (Regressor, base.RegressorMixin),
        "SKLearnTransformer": (Transformer, base.TransformerMixin),
    }[name]
    # A pickle finds the class under its public name.
    held = {"__module__": __package__, "__qualname__": name, "__doc__": ours[0].__doc__}
    return type(name, (*ours, base.BaseEstimator), held)


class Estimator:
    """What the three have in common.

    Args:
        model: a compiled model, which is cloned for each `fit`; or a function
            `model(X, y, **model_kwargs)` that returns a compiled one.
        warm_start: whether a second `fit` goes on with the weights of the first. A model that was
            given is then trained itself.
        model_kwargs: more arguments of the function.
        fit_kwargs: arguments of `Model.fit`; those given to `fit` come before them.

    Attributes:
        model_: the model that was trained.
        history_: what `Model.fit` returned.
    """

    def __init__(
        self,
        model: Any,
        warm_start: bool = False,
        model_kwargs: dict[str, Any] | None = None,
        fit_kwargs: dict[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def __sklearn_tags__(self) -> Any:
        tags: Any = super().__sklearn_tags__()  # pyright: ignore[reportAttributeAccessIssue]
        tags.non_deterministic = True
        return tags

    def __sklearn_clone__(self) -> Any:
        # A model is callable, too; a function is shared, a model is not.
        given = copy.deepcopy(self.model) if isinstance(self.model, Model) else self.model
        return type(self)(given, self.warm_start, self.model_kwargs, self.fit_kwargs)

    @property
    def epoch_(self) -> int:
        """The number of epochs of the last `fit`; 0 before it."""
        return len(self.history_.epoch) if hasattr(self, "history_") else 0

    def set_fit_request(self, **kwargs: Any) -> Any:
        """Says which metadata `fit` is to be given, by scikit-learn's metadata routing.

        Args:
            **kwargs: parameter = True, False, None or the name by which it is given.

        Raises:
            RuntimeError: metadata routing is not enabled.
        """
        if not _routing():
            raise RuntimeError(
                "This method is only available when metadata routing is enabled. You can enable "
                "it using sklearn.set_config(enable_metadata_routing=True)."
            )
        from sklearn.utils.metadata_routing import MetadataRequest

        self._metadata_request = MetadataRequest(owner=type(self).__name__)
        for name, alias in kwargs.items():
            self._metadata_request.fit.add_request(param=name, alias=alias)
        return self

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Any:
        """Trains a model.

        Args:
            X: shape (samples, features).
            y: shape (samples,).
            **kwargs: arguments of `Model.fit`.

        Returns:
            The estimator itself.

        Raises:
            ValueError: data that no estimator takes, or targets of another kind.
            RuntimeError: the model is not compiled with a loss and an optimizer.
        """
        from sklearn.utils.validation import validate_data

        X, y = validate_data(self, X, y)
        target = self._encoded(y)
        model = self._model_for(X, target)
        if not (model.compiled and model.loss and model.optimizer):
            raise RuntimeError(
                "Given model needs to be compiled, and have a loss and an optimizer. Call "
                "`model.compile(optimizer, loss)` before it is given."
            )
        self.history_ = model.fit(X, target, **{**(self.fit_kwargs or {}), **kwargs})
        self.model_ = model
        return self

    def _model_for(self, X: Any, target: Any) -> Any:
        if self.warm_start and hasattr(self, "model_"):
            return self.model_
        if isinstance(self.model, Model):
            return self.model if self.warm_start else clone_model(self.model)
        return self.model(X=X, y=target, **(self.model_kwargs or {}))

    def _raw(self, X: Any) -> np.ndarray:
        from sklearn.utils.validation import check_is_fitted, validate_data

        check_is_fitted(self)
        return np.asarray(self.model_.predict(validate_data(self, X, reset=False)))

    def _encoded(self, y: np.ndarray) -> np.ndarray:
        """The targets as the model takes them: two axes."""
        from sklearn.utils.multiclass import type_of_target

        if type_of_target(y, input_name="y") == "unknown":
            raise ValueError(f"Unknown label type for y: {y!r}")
        self._target_ndim = y.ndim
        return y.reshape(-1, 1) if y.ndim == 1 else y

    def predict(self, X: Any) -> np.ndarray:
        """Returns the predictions, in the form of the targets that `fit` was given.

        Args:
            X: shape (samples, features).

        Raises:
            sklearn.exceptions.NotFittedError: before `fit`.
        """
        raw = self._raw(X)
        flat = self._target_ndim == 1 and raw.ndim == 2 and raw.shape[1] == 1
        return raw[:, 0] if flat else raw


class Classifier(Estimator):
    """A model as a classifier of scikit-learn; it is trained on targets with one column a class.

    Args: see `SKLearnRegressor`.

    Attributes:
        model_: the model that was trained.
        history_: what `Model.fit` returned.
        classes_: the classes, sorted.
    """

    def __sklearn_tags__(self) -> Any:
        tags: Any = super().__sklearn_tags__()  # pyright: ignore[reportAttributeAccessIssue]
        tags.classifier_tags.poor_score = True
        return tags

    def _encoded(self, y: np.ndarray) -> np.ndarray:
        from sklearn.utils.multiclass import type_of_target

        kind = type_of_target(y, input_name="y", raise_unknown=True)
        if kind not in ("binary", "multiclass"):
            raise ValueError(
                "Only binary and multiclass target types are supported. Unknown label type, or "
                f"one that is not supported. Target type: {kind}"
            )
        self._target_ndim = y.ndim
        self.classes_, places = np.unique(y, return_inverse=True)
        if len(self.classes_) == 1:
            raise ValueError("Classifier can't train when only one class is present.")
        return np.eye(len(self.classes_))[places.reshape(-1)]

    def decision_function(self, X: Any) -> np.ndarray:
        """Returns what the model gives: shape (samples, classes)."""
        return self._raw(X)

    def predict(self, X: Any) -> np.ndarray:
        """Returns the class with the greatest output for each row of `X` (samples, features).

        Raises:
            sklearn.exceptions.NotFittedError: before `fit`.
        """
        found = np.argmax(self._raw(X), axis=1)
        found = self.classes_[found]
        return found


class Regressor(Estimator):
    """A model as a regressor of scikit-learn.

    Args:
        model: a compiled model, which is cloned for each `fit`; or a function
            `model(X, y, **model_kwargs)` that returns a compiled one.
        warm_start: whether a second `fit` goes on with the weights of the first.
        model_kwargs: more arguments of the function.
        fit_kwargs: arguments of `Model.fit`; those given to `fit` come before them.

    Attributes:
        model_: the model that was trained.
        history_: what `Model.fit` returned.
    """

    def __sklearn_tags__(self) -> Any:
        tags: Any = super().__sklearn_tags__()  # pyright: ignore[reportAttributeAccessIssue]
        tags.regressor_tags.poor_score = True
        return tags


class Transformer(Estimator):
    """A model as a transformer of scikit-learn: what it gives are new features.

    Args: see `SKLearnRegressor`.

    Attributes:
        model_: the model that was trained.
        history_: what `Model.fit` returned.
    """

    def __sklearn_tags__(self) -> Any:
        tags: Any = super().__sklearn_tags__()  # pyright: ignore[reportAttributeAccessIssue]
        tags.transformer_tags.preserves_dtype = []
        return tags

    def transform(self, X: Any) -> np.ndarray:
        """Returns what the model gives for `X` (samples, features).

        Raises:
            sklearn.exceptions.NotFittedError: before `fit`.
        """
        return self._raw(X)


def _routing() -> bool:
    import sklearn

    return bool(sklearn.get_config().get("enable_metadata_routing", False))
