"""Losses: values against closed forms in float64, reductions, weights, masks, configs, errors."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import isozoo
from isozoo import losses, ops
from isozoo.framework.configs import register_keras_serializable
from isozoo.framework.core.masks import set_mask

EPSILON = 1e-7
_random = np.random.default_rng(3)
SHARES = _random.uniform(0.05, 0.95, (5, 4))
TARGETS = _random.uniform(0.05, 0.95, (5, 4))
CLASSES = np.array([0, 3, 1, 1, 2])
ONE_HOT = np.eye(4)[CLASSES]
SIGNS = np.where(TARGETS > 0.5, 1.0, -1.0)


def _softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _bce(t, p):
    return -(t * np.log(p) + (1 - t) * np.log1p(-p))


def _cce(t, p):
    return -np.sum(t * np.log(p / p.sum(-1, keepdims=True)), -1)


def _huber(t, p, delta):
    e = np.abs(t - p)
    return np.where(e <= delta, e**2 / 2, delta * e - delta**2 / 2).mean(-1)


def _unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def _circle(classes, x, gamma, margin):
    d = np.maximum(1 - x @ x.T, 0)
    same = classes[:, None] == classes[None]
    found = []
    for i in range(len(x)):
        others = np.arange(len(x)) != i
        near = d[i][same[i] & others]
        far = d[i][~same[i]]
        if not len(near):
            found.append(0.0)
            continue
        p = np.exp(-gamma * (margin + near) * (margin - near)).sum()
        n = np.exp(gamma * np.maximum(1 + margin - far, 0) * (1 - margin - far)).sum()
        found.append(np.log1p(p * n))
    return np.array(found)


def _ctc_of_two_steps(p):
    """P(label "1" in two steps) = 1- + -1 + 11, by softmax of logits (samples, 2, classes)."""
    p = _softmax(p)
    return -np.log(p[:, 0, 1] * p[:, 1, 0] + p[:, 0, 0] * p[:, 1, 1] + p[:, 0, 1] * p[:, 1, 1])


LOGITS = _random.normal(size=(5, 4))
STEPS = _random.normal(size=(3, 2, 4))
EMBEDDED = _unit(_random.normal(size=(5, 4)))
T, P = TARGETS, SHARES
FOCUS = P * T + (1 - P) * (1 - T)
NORMAL = P / P.sum(-1, keepdims=True)
# Function -> its settings, targets, predictions, and the value of each sample.
CASES = {
    "mean_squared_error": ({}, T, P, ((T - P) ** 2).mean(-1)),
    "mean_absolute_error": ({}, T, P, np.abs(T - P).mean(-1)),
    "mean_absolute_percentage_error": ({}, T, P, 100 * np.abs((T - P) / T).mean(-1)),
    "mean_squared_logarithmic_error": ({}, T, P, ((np.log1p(T) - np.log1p(P)) ** 2).mean(-1)),
    "huber": ({"delta": 0.3}, T, P, _huber(T, P, 0.3)),
    "log_cosh": ({}, T, P * 9, np.log(np.cosh(P * 9 - T)).mean(-1)),
    "cosine_similarity": ({}, T, P, -(_unit(T) * _unit(P)).sum(-1)),
    "hinge": ({}, SIGNS, LOGITS, np.maximum(1 - SIGNS * LOGITS, 0).mean(-1)),
    "squared_hinge": ({}, SIGNS, LOGITS, (np.maximum(1 - SIGNS * LOGITS, 0) ** 2).mean(-1)),
    "categorical_hinge": (
        {},
        ONE_HOT,
        LOGITS,
        np.maximum(((1 - ONE_HOT) * LOGITS).max(-1) - (ONE_HOT * LOGITS).sum(-1) + 1, 0),
    ),
    "kl_divergence": ({}, T, P, (T * np.log(T / P)).sum(-1)),
    "poisson": ({}, T, P, (P - T * np.log(P + EPSILON)).mean(-1)),
    "binary_crossentropy": ({}, T, P, _bce(T, P).mean(-1)),
    "binary_crossentropy logits": (
        {"from_logits": True, "label_smoothing": 0.2},
        T,
        LOGITS,
        _bce(T * 0.8 + 0.1, _sigmoid(LOGITS)).mean(-1),
    ),
    "binary_focal_crossentropy": (
        {"gamma": 1.5, "apply_class_balancing": True, "alpha": 0.3},
        T,
        P,
        ((1 - FOCUS) ** 1.5 * (0.3 * T + 0.7 * (1 - T)) * _bce(T, P)).mean(-1),
    ),
    "categorical_crossentropy": ({}, ONE_HOT, P, _cce(ONE_HOT, P)),
    "categorical_crossentropy logits": (
        {"from_logits": True, "label_smoothing": 0.2},
        ONE_HOT,
        LOGITS,
        _cce(ONE_HOT * 0.8 + 0.05, _softmax(LOGITS)),
    ),
    "categorical_focal_crossentropy": (
        {"gamma": 1.5, "alpha": [0.1, 0.2, 0.3, 0.4]},
        ONE_HOT,
        P,
        -([0.1, 0.2, 0.3, 0.4] * (1 - NORMAL) ** 1.5 * ONE_HOT * np.log(NORMAL)).sum(-1),
    ),
    "sparse_categorical_crossentropy": ({}, CLASSES, P, _cce(ONE_HOT, P)),
    "sparse_categorical_crossentropy ignored": (
        {"ignore_class": 1},
        CLASSES,
        P,
        _cce(ONE_HOT, P) * (CLASSES != 1),
    ),
    "categorical_generalized_cross_entropy": (
        {"q": 0.4},
        CLASSES,
        P,
        (1 - (ONE_HOT * P).sum(-1) ** 0.4) / 0.4,
    ),
    "dice": ({"axis": -1}, T, P, 1 - 2 * (T * P).sum(-1) / (T.sum(-1) + P.sum(-1) + EPSILON)),
    "tversky": (
        {"alpha": 0.3, "beta": 0.6, "axis": -1},
        T,
        P,
        1
        - (T * P).sum(-1)
        / ((T * P).sum(-1) + 0.3 * (T * (1 - P)).sum(-1) + 0.6 * ((1 - T) * P).sum(-1) + EPSILON),
    ),
    "circle": (
        {"gamma": 4.0, "margin": 0.3},
        CLASSES,
        EMBEDDED,
        _circle(CLASSES, EMBEDDED, 4.0, 0.3),
    ),
    "ctc": ({}, np.array([[1, 0]] * 3), STEPS, _ctc_of_two_steps(STEPS)),
}


def _close(found, expected, roundings=64):
    """Within so many roundings of float32 of the largest value: logarithms, and sums of a few."""
    expected = np.asarray(expected, np.float64)
    found = np.asarray(ops.convert_to_numpy(found), np.float64)
    assert found.shape == expected.shape
    np.testing.assert_allclose(
        found, expected, rtol=0, atol=roundings * 2.0**-24 * np.abs(expected).max()
    )


def _native(x):
    x = np.asarray(x)
    return ops.convert_to_tensor(x.astype(np.float32) if x.dtype.kind == "f" else x)


@pytest.mark.parametrize("case", CASES)
def test_function(case, backend):
    settings, y_true, y_pred, expected = CASES[case]
    found = getattr(losses, case.split()[0])(_native(y_true), _native(y_pred), **settings)
    assert ops.dtype(found) == "float32"
    _close(found, expected)


@pytest.mark.parametrize("case", CASES)
def test_class_and_config(case):
    """The class that has the function's name: its mean, also when made anew from its config."""
    settings, y_true, y_pred, expected = CASES[case]
    name = case.split()[0]
    cls = next(
        c for n, c in vars(losses).items()
        if isinstance(c, type) and n.lower() == name.replace("_", "") and c is not losses.Loss
    )  # fmt: skip
    made = cls(**settings)
    again = losses.deserialize(losses.serialize(made))
    assert again.get_config() == made.get_config()
    assert settings.items() <= made.get_config().items()
    weights = 1.0 if "ignored" not in case and name != "circle" else (expected > 0).mean()
    for loss in (made, again, copy.deepcopy(made)):
        _close(loss(y_true, y_pred.astype(np.float32)), expected.mean() / weights)


VALUES = np.array([[1.0, 2.0], [3.0, 6.0]])
REDUCED = {
    "sum": (12.0, 1 * 3 + 3 * 9),
    "sum_over_batch_size": (3.0, (1 * 3 + 3 * 9) / 4),
    "mean": (3.0, (1 * 3 + 3 * 9) / 4),
    "mean_with_sample_weight": (3.0, (1 * 3 + 3 * 9) / 8),
    "none": (VALUES, VALUES * [[1], [3]]),
    None: (VALUES, VALUES * [[1], [3]]),
}


class _Itself(losses.Loss):
    def call(self, y_true, y_pred):
        return y_pred - y_true


@pytest.mark.parametrize("reduction", REDUCED)
def test_reductions_and_weights_of_samples(reduction, backend):
    plain, weighted = REDUCED[reduction]
    loss = _Itself(reduction=reduction)
    y_pred = _native(VALUES)
    _close(loss(np.zeros((2, 2)), y_pred), plain)
    for weights in ([1, 3], [[1], [3]], [[1, 1], [3, 3]]):
        _close(loss(np.zeros((2, 2)), y_pred, np.array(weights)), weighted)


def test_the_mean_is_over_what_the_mask_leaves(backend):
    y_pred = _native(np.array([[1.0, 0.0], [0.0, 0.0], [5.0, 1.0]]))
    set_mask(y_pred, ops.convert_to_tensor(np.array([True, False, True])))
    _close(losses.MeanSquaredError()(np.zeros((3, 2)), y_pred), (0.5 + 13) / 2)
    _close(losses.MeanSquaredError("sum")(np.zeros((3, 2)), y_pred), 13.5)
    found = losses.MeanSquaredError()(np.zeros((3, 2)), y_pred, np.array([2.0, 5.0, 1.0]))
    _close(found, (0.5 * 2 + 13) / 2)


def test_no_samples_give_no_loss(backend):
    _close(losses.MeanSquaredError()(np.zeros((0, 2)), np.zeros((0, 2))), 0.0)


def test_a_last_axis_of_size_one_makes_no_difference(backend):
    y_true, y_pred = _native([1.0, 0.0, 3.0]), _native([[2.0], [2.0], [2.0]])
    _close(losses.MeanSquaredError()(y_true, y_pred), 2.0)
    _close(losses.SparseCategoricalCrossentropy()(CLASSES[:, None], _native(P)),
           _cce(ONE_HOT, P).mean())  # fmt: skip


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_dtypes(dtype, backend):
    loss = losses.MeanSquaredError(dtype=dtype)
    found = loss(T, ops.cast(_native(P), dtype))
    assert ops.dtype(found) == loss.dtype == dtype
    unit = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float64": 2.0**-24}[dtype]
    # Operands, difference and square are rounded; differences are as large as operands here.
    assert abs(float(found) - ((T - P) ** 2).mean()) <= 6 * unit


def test_a_short_float_sums_many_values(backend):
    ones = np.ones((5000, 1))
    found = losses.MeanSquaredError(dtype="float16")(ones * 0, ops.cast(ones, "float16"))
    assert float(found) == 1.0


def test_many_classes_in_a_short_float(backend):
    """4099 is no number of float16: the target must not go through it."""
    logits = np.zeros((1, 4100), np.float32)
    logits[0, 4099] = 100.0
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, dtype="float16")
    assert float(loss(np.array([4099]), logits)) == 0.0


def test_structures_of_outputs():
    loss = losses.LossFunctionWrapper(lambda t, p: losses.mean_squared_error(t["a"], p["a"]))
    _close(loss({"a": T}, {"a": P.astype(np.float32)}), ((T - P) ** 2).mean())


@pytest.mark.parametrize("name", ["mse", "MSE", "mean_squared_error"])
def test_get_function(name):
    assert losses.get(name) is losses.mean_squared_error


def test_get():
    assert losses.get(None) is None
    assert type(losses.get("MeanSquaredError")) is losses.MeanSquaredError
    assert type(losses.get(losses.MeanSquaredError)) is losses.MeanSquaredError
    made = losses.get({"class_name": "Huber", "config": {"delta": 2.0}})
    assert made.delta == 2.0
    function = losses.serialize(losses.huber)
    assert losses.deserialize(function) is losses.huber


def test_custom_loss_by_its_registered_name():
    @register_keras_serializable("test_losses")
    class Scaled(losses.Loss):
        def __init__(self, factor, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, y_true, y_pred):
            return self.factor * losses.mean_squared_error(y_true, y_pred)

        def get_config(self):
            return {**super().get_config(), "factor": self.factor}

    again = losses.get(losses.serialize(Scaled(3.0, name="s", dtype="float64")))
    assert (again.factor, again.name, again.dtype) == (3.0, "s", "float64")
    with pytest.raises(TypeError, match="Could not locate class 'NoSuch'.* unknown here"):
        losses.deserialize({**losses.serialize(Scaled(1.0)), "registered_name": "x>Scaled",
                            "class_name": "NoSuch"})  # fmt: skip


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: losses.get("no_such"), "Could not interpret loss identifier.*mean_squared_error"),
        (lambda: losses.get(3), "Could not interpret loss identifier"),
        (lambda: losses.MeanSquaredError("all"), "Expected one of .*sum_over_batch_size.*'all'"),
        (lambda: losses.mean_squared_error(np.ones((2, 3)), np.ones((2, 4))), "do not fit"),
        (lambda: losses.MeanSquaredError()(T, P, np.ones(3)), "sample weights.*\\(3, ?1?\\)"),
        (lambda: losses.categorical_crossentropy(ONE_HOT[:, :3], P), "same shape"),
        (lambda: losses.categorical_crossentropy(ONE_HOT, P, axis=True), "must be of type `int`"),
        (lambda: losses.sparse_categorical_crossentropy([4], P[:1]), "class 4.*4 classes"),
        (lambda: losses.sparse_categorical_crossentropy([-1], P[:1]), "ignore_class"),
        (lambda: losses.ctc(np.ones(3), STEPS), "`y_true` are expected"),
        (lambda: losses.ctc(np.ones((3, 2)), P), "`y_pred` are expected"),
        (lambda: losses.CategoricalGeneralizedCrossEntropy(q=1.0), "q must be in the interval"),
        (lambda: losses.LossFunctionWrapper(losses.huber)([T, T], [P]), "2 targets and 1 pred"),
    ],
)
def test_errors(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_one_class_is_worth_a_warning():
    with pytest.warns(SyntaxWarning, match="num_classes > 1"):
        losses.categorical_crossentropy(np.ones((2, 1)), np.ones((2, 1)))


def test_a_loss_without_call():
    with pytest.raises(NotImplementedError, match="define it"):
        losses.Loss()(T, P)


@pytest.mark.parametrize("backend", ["jax", "tensorflow"], indirect=True)
def test_all_in_one_program(backend):
    """Under jax.jit and tf.function, where no value can be looked at."""
    given = {case: tuple(map(_native, (t, p))) for case, (_, t, p, _) in CASES.items()}

    def values(given):
        return {
            case: getattr(losses, case.split()[0])(*pair, **CASES[case][0])
            for case, pair in given.items()
        }

    if backend == "jax":
        import jax

        values = jax.jit(values)
    else:
        import tensorflow as tf

        values = tf.function(values)
    for case, found in values(given).items():
        _close(found, CASES[case][3])


@pytest.mark.parametrize("case", CASES)
def test_gradients(case):
    """Of torch in float64 against differences of the values a step of 1e-6 to both sides."""
    import torch

    settings, y_true, y_pred, _ = CASES[case]
    function = getattr(losses, case.split()[0])
    x = torch.tensor(y_pred, requires_grad=True)
    with isozoo.use_backend("torch"):
        function(torch.tensor(y_true), x, **settings).sum().backward()
    place = (1,) * y_pred.ndim
    step = np.zeros_like(y_pred)
    step[place] = 1e-6
    with isozoo.use_backend("numpy"):
        high, low = (function(y_true, y_pred + s, **settings).sum() for s in (step, -step))
    assert torch.isfinite(x.grad).all()
    # The differences have an error of 1e-16 / 1e-6 relative to the values, and of 1e-12 by curves.
    np.testing.assert_allclose(x.grad[place], (high - low) / 2e-6, rtol=1e-6, atol=1e-7)


def test_a_sample_alone_in_its_class_has_no_gradient():
    import torch

    x = torch.tensor(EMBEDDED[:2], requires_grad=True)
    losses.Circle(dtype="float64")(np.array([0, 1]), x).backward()
    assert not x.grad.any()


def test_a_loss_of_symbolic_predictions(backend):
    y_true, y_pred = isozoo.Input((4,)), isozoo.Input((4,))
    model = isozoo.Model([y_true, y_pred], losses.MeanSquaredError()(y_true, y_pred))
    assert model.output.shape == ()
    _close(model([_native(T), _native(P)]), ((T - P) ** 2).mean())
