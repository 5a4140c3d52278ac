"""Distiller: its loss and one step of gradient descent, by hand; its config; what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

import isozoo
from isozoo import distillation, layers, ops, saving

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((6, 4)), RNG.standard_normal((6, 3))
# Sums of a few dozen float32 products and exponentials.
NEAR = {"rtol": 2**-18, "atol": 2**-18}


def _model(name):
    inputs = isozoo.Input((4,))
    middle = layers.Dense(3, use_bias=False, name="middle")(inputs)
    return isozoo.Model(inputs, layers.Rescaling(2.0)(middle), name=name)


def _distiller():
    features = distillation.FeatureDistillation("mse", "middle", "middle")
    return distillation.Distiller(
        _model("teacher"),
        _model("student"),
        [distillation.LogitsDistillation(temperature=2.0), features],
        distillation_loss_weights=[1.5, 0.5],
        student_loss_weight=0.25,
    )


def _by_hand(kernel, of_teacher):
    """The loss of the student, that of the teaching, and the gradient by the student's kernel."""
    middle, taught = X @ kernel, X @ of_teacher
    # Logits are twice the middle and divided by the temperature 2: the middle itself.
    target = softmax(taught, -1)
    divergence = (target * (log_softmax(taught, -1) - log_softmax(middle, -1))).sum(-1).mean()
    own = ((2 * middle - Y) ** 2).mean()
    teaching = 1.5 * 2.0**2 * divergence + 0.5 * ((middle - taught) ** 2).mean()
    steps = 0.25 * 2 * 2 * (2 * middle - Y) / Y.size
    steps += 0.75 * 1.5 * 4 * (softmax(middle, -1) - target) / len(X)
    steps += 0.75 * 0.5 * 2 * (middle - taught) / Y.size
    return own, teaching, X.T @ steps


@pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"], indirect=True)
def test_one_step_is_that_by_hand(backend, tmp_path):
    model = _distiller()
    model.compile(isozoo.optimizers.SGD(0.1), "mse")
    (teacher,), (student,) = model.teacher.weights, model.student.weights
    before, of_teacher = student.numpy().astype("float64"), teacher.numpy().astype("float64")
    own, teaching, gradient = _by_hand(before, of_teacher)
    found = model.fit(X, Y, batch_size=6, verbose=0).history
    np.testing.assert_allclose(found["student_loss"], [own], **NEAR)
    np.testing.assert_allclose(found["distillation_loss"], [teaching], **NEAR)
    np.testing.assert_allclose(found["total_loss"], [0.25 * own + 0.75 * teaching], **NEAR)
    np.testing.assert_allclose(student.numpy(), before - 0.1 * gradient, **NEAR)
    np.testing.assert_array_equal(teacher.numpy(), of_teacher.astype("float32"))
    assert [v.path for v in model.trainable_weights] == [student.path]
    if backend == "torch":
        model.save(tmp_path / "d.keras")
        again = saving.load_model(tmp_path / "d.keras", compile=False)
        outputs = np.array(ops.convert_to_numpy(model(X)))
        np.testing.assert_allclose(outputs, X @ (2 * student.numpy()), **NEAR)
        np.testing.assert_array_equal(np.array(ops.convert_to_numpy(again(X))), outputs)
        assert again.distillation_loss_weights == [1.5, 0.5] and again.student_loss_weight == 0.25


def test_what_is_refused():
    teacher, student = _model("teacher"), _model("student")
    logits = distillation.LogitsDistillation()
    wide = isozoo.Sequential([isozoo.Input((4,)), layers.Dense(5)])
    missing = distillation.FeatureDistillation("mse", "none", "middle")
    for message, args, kwargs in (
        ("must be a keras.Model", (None, student, logits), {}),
        ("shapes are incompatible", (teacher, wide, logits), {}),
        ("between 0.0 and 1.0", (teacher, student, logits), {"student_loss_weight": 2.0}),
        ("must match number", (teacher, student, [logits], [1, 2]), {}),
        ("cannot be `None`", (teacher, student, None), {}),
        ("In teacher model: .*none", (teacher, student, missing), {}),
    ):
        with pytest.raises(ValueError, match=message):
            distillation.Distiller(*args, **kwargs)
    with pytest.raises(ValueError, match="temperature must be positive"):
        distillation.LogitsDistillation(temperature=0)
    with pytest.raises(ValueError, match="'loss' cannot be `None`"):
        _distiller().compile("sgd")
