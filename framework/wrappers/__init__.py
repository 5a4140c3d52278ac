"""Models as estimators of scikit-learn, under Keras's names. scikit-learn is an extra."""

from typing import Any

_NAMES = ("SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer")


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .sklearn import estimator

    return estimator(name)


def __dir__() -> list[str]:
    return list(_NAMES)
