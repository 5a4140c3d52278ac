"""Models as estimators of scikit-learn: its own checks, and what they do not ask."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import isozoo
from isozoo import wrappers


def network(X, y, loss="mse", units=8, activation=None):
    """A network for any numbers of features and outputs."""
    outputs = y.shape[1] if y.ndim > 1 else 1
    model = isozoo.Sequential(
        [
            isozoo.Input(X.shape[1:]),
            isozoo.layers.Dense(units, activation="relu"),
            isozoo.layers.Dense(outputs, activation=activation),
        ]
    )
    model.compile(optimizer="adam", loss=loss)
    return model


def classifier(**options):
    kwargs = {"loss": "categorical_crossentropy", "activation": "softmax"}
    return wrappers.SKLearnClassifier(network, model_kwargs=kwargs, **options)


# What they ask and no network trained at random can promise, in all three or in classifiers alone.
VARIES = "a fit begins with other weights each time"
EXPECTED = {
    "check_fit_idempotent": VARIES,
    "check_methods_sample_order_invariance": VARIES,
    "check_classifier_data_not_an_array": VARIES,
    "check_regressor_data_not_an_array": VARIES,
    "check_transformer_data_not_an_array": VARIES,
    "check_transformer_general": VARIES,
    "check_supervised_y_2d": VARIES,
    "check_regressors_int": VARIES,
    "check_classifiers_classes": "few steps do not learn all classes",
    "check_classifiers_train": "`decision_function` gives what the model gives: shares of classes",
    "check_classifiers_one_label_sample_weights": "one class of weight 0 is a class",
    "check_classifiers_regression_target": "see check_supervised_y_2d",
}


@pytest.mark.parametrize("name", ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"])
def test_scikit_learns_own_checks(name):
    with isozoo.use_backend("torch"):
        made = classifier(fit_kwargs={"verbose": 0, "epochs": 1}) if name.endswith("fier") else None
        made = made or getattr(wrappers, name)(network, fit_kwargs={"verbose": 0, "epochs": 1})
        results = check_estimator(made, on_fail=None, on_skip=None, expected_failed_checks=EXPECTED)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert not failed
    assert sum(r["status"] == "passed" for r in results) > 30


def test_learns_and_predicts(backend):
    if backend == "numpy":
        return
    x, y = make_blobs(90, centers=3, n_features=2, random_state=4, cluster_std=0.6)
    names = np.array(["a", "b", "c"])[y]
    est = classifier(fit_kwargs={"epochs": 30, "verbose": 0, "batch_size": 30})
    est = make_pipeline(StandardScaler(), est).fit(x, names)
    assert est.score(x, names) > 0.8
    last = est[-1]
    assert list(last.classes_) == ["a", "b", "c"] and last.epoch_ == 30
    shares = est.decision_function(x)
    assert shares.shape == (90, 3)
    np.testing.assert_array_equal(est.predict(x), last.classes_[shares.argmax(1)])


def test_one_model_for_all_fits():
    with isozoo.use_backend("torch"):
        x = np.linspace(-1, 1, 40)[:, None].astype("float32")
        y = 3 * x[:, 0] + 1
        given = network(x, y[:, None])
        before = [w.copy() for w in given.get_weights()]
        est = wrappers.SKLearnRegressor(given, fit_kwargs={"epochs": 2, "verbose": 0})
        assert est.fit(x, y).predict(x).shape == (40,)
        assert est.fit(x, y, epochs=3).predict(x).shape == (40,)
        assert est.epoch_ == 3 and est.fit_kwargs == {"epochs": 2, "verbose": 0}
        for old, new in zip(before, given.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)
        warm = wrappers.SKLearnRegressor(given, warm_start=True, fit_kwargs={"verbose": 0})
        first = warm.fit(x, y).model_
        assert warm.fit(x, y).model_ is first is given
        assert any((old != new).any() for old, new in zip(before, given.get_weights(), strict=True))
        other = clone(est)
        assert other.model is not given and other.fit_kwargs == est.fit_kwargs
        assert pickle.loads(pickle.dumps(clone(classifier()))).model is network
        with pytest.raises(NotFittedError):
            other.predict(x)
        given = isozoo.Sequential([isozoo.Input((1,)), isozoo.layers.Dense(1)])
        with pytest.raises(RuntimeError, match="needs to be compiled"):
            wrappers.SKLearnRegressor(given).fit(x, y)
        with pytest.raises(ValueError, match="only one class"):
            classifier().fit(x, np.zeros(40, int))
        with pytest.raises(ValueError, match="Only binary and multiclass"):
            classifier().fit(x, y)


def test_metadata_routing():
    est = classifier()
    with pytest.raises(RuntimeError, match="metadata routing is enabled"):
        est.set_fit_request(sample_weight=True)
    with sklearn.config_context(enable_metadata_routing=True):
        assert est.set_fit_request(sample_weight=True) is est
