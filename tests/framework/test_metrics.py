"""Metrics: values against closed forms and scikit-learn's numbers, states, copies, errors."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import isozoo
from isozoo import losses, metrics, ops
from isozoo.framework.core.masks import set_mask

# One label.
TRUE = np.array([0, 0, 1, 1, 0, 1, 1, 0])
SCORES = np.array([0.1, 0.4, 0.35, 0.8, 0.55, 0.65, 0.9, 0.2])
WEIGHTS = np.array([1, 2, 1, 3, 1, 2, 1, 0.5])
COLUMN = TRUE[:, None]
# Three labels.
LABELS = np.array([[1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 1], [1, 0, 0]])
LABEL_SCORES = np.array(
    [[0.9, 0.2, 0.6], [0.3, 0.7, 0.6], [0.2, 0.8, 0.1], [0.4, 0.3, 0.9], [0.7, 0.6, 0.2]]
)
LABEL_WEIGHTS = np.array([1, 2, 0.5, 1, 3.0])
# Numbers.
A = np.array([[1.0, 2], [3, 5], [2, 1], [4, 4]])
B = np.array([[1.5, 2], [2.5, 4], [2, 2], [5, 3]])
SAMPLES = np.array([1, 2, 1, 0.5])
# Classes.
CLASSES = np.array([0, 1, 2, 2, 1, 0, 2])
FOUND = np.array([0, 2, 2, 1, 1, 0, 2])


def _interpolated_pr(true, scores, steps=20000):
    """The area under Davis and Goadrich's curve, by the midpoint rule over the true positives."""
    borders = [-np.inf, *sorted(scores)]
    tp = [(true * (scores > b)).sum() for b in borders]
    fp = [((1 - true) * (scores > b)).sum() for b in borders]
    area = 0.0
    for i in range(len(borders) - 1):
        if tp[i] == tp[i + 1]:
            continue
        x = (np.arange(steps) + 0.5) / steps
        t, f = (v[i + 1] + x * (v[i] - v[i + 1]) for v in (tp, fp))
        area += (t / (t + f)).mean() * (tp[i] - tp[i + 1])
    return area / true.sum()


def _pearson(a, b):
    return np.mean([np.corrcoef(x, y)[0, 1] for x, y in zip(a, b, strict=True)])


def _concordance(a, b):
    x, y = a - a.mean(-1, keepdims=True), b - b.mean(-1, keepdims=True)
    apart = (a.mean(-1) - b.mean(-1)) ** 2
    return np.mean(2 * (x * y).mean(-1) / (a.var(-1) + b.var(-1) + apart))


m = metrics
# Name of the case -> metric, arguments of update_state, result. Numbers without a formula are
# scikit-learn's: roc_auc_score, precision_score, recall_score, confusion_matrix, fbeta_score,
# r2_score, jaccard_score.
CASES = {
    "Sum": (lambda: m.Sum(), (A,), 22),
    "Sum weighted": (lambda: m.Sum(), (A, SAMPLES), 3 + 16 + 3 + 4),
    "Mean": (lambda: m.Mean(), (A,), 2.75),
    "Mean weighted": (lambda: m.Mean(), (A, SAMPLES), (1.5 + 8 + 1.5 + 2) / 4.5),
    "Mean of a number": (lambda: m.Mean(), (3.0, 2.0), 3),
    "MeanMetricWrapper": (lambda: m.MeanMetricWrapper(losses.huber, delta=0.5), (A, B), 0.21875),
    "Accuracy": (lambda: m.Accuracy(), (CLASSES, FOUND), 5 / 7),
    "BinaryAccuracy": (lambda: m.BinaryAccuracy(), (TRUE, SCORES), 6 / 8),
    "BinaryAccuracy threshold": (lambda: m.BinaryAccuracy(threshold=0.3), (TRUE, SCORES), 6 / 8),
    "CategoricalAccuracy": (
        lambda: m.CategoricalAccuracy(), (np.eye(3)[[0, 1, 1, 2, 1]], LABEL_SCORES), 4 / 5),
    "SparseCategoricalAccuracy": (
        lambda: m.SparseCategoricalAccuracy(),
        ([[0], [1], [1], [2], [1]], LABEL_SCORES, LABEL_WEIGHTS), 4.5 / 7.5),
    "TopKCategoricalAccuracy": (
        lambda: m.TopKCategoricalAccuracy(k=2), (np.eye(3)[[1, 2, 2, 0, 1]], LABEL_SCORES), 3 / 5),
    "SparseTopKCategoricalAccuracy": (
        lambda: m.SparseTopKCategoricalAccuracy(k=2), ([1, 2, 2, 0, 1], LABEL_SCORES), 3 / 5),
    "SparseTopKCategoricalAccuracy ids": (
        lambda: m.SparseTopKCategoricalAccuracy(k=2, from_sorted_ids=True),
        ([1, 2], [[1, 0, 2], [0, 1, 2]]), 1 / 2),
    "MeanSquaredError": (lambda: m.MeanSquaredError(), (A, B), ((A - B) ** 2).mean()),
    "MeanAbsoluteError": (lambda: m.MeanAbsoluteError(), (A, B), np.abs(A - B).mean()),
    "MeanAbsolutePercentageError": (
        lambda: m.MeanAbsolutePercentageError(), (A, B), 100 * np.abs((A - B) / A).mean()),
    "MeanSquaredLogarithmicError": (
        lambda: m.MeanSquaredLogarithmicError(), (A, B),
        ((np.log1p(A) - np.log1p(B)) ** 2).mean()),
    "RootMeanSquaredError": (
        lambda: m.RootMeanSquaredError(), (A, B), np.sqrt(((A - B) ** 2).mean())),
    "CosineSimilarity": (
        lambda: m.CosineSimilarity(), (A, B),
        ((A * B).sum(-1) / np.linalg.norm(A, axis=-1) / np.linalg.norm(B, axis=-1)).mean()),
    "LogCoshError": (lambda: m.LogCoshError(), (A, B), np.log(np.cosh(A - B)).mean()),
    "R2Score": (lambda: m.R2Score(), (A, B), 0.7),
    "R2Score weighted": (
        lambda: m.R2Score("variance_weighted_average"), (A, B, SAMPLES), 0.7224025974025974),
    "R2Score of each": (
        lambda: m.R2Score(None), (A, B, SAMPLES), [0.69594594594595, 0.73076923076923]),
    "R2Score adjusted": (lambda: m.R2Score(num_regressors=2), (A, B), 1 - 0.3 * 7 / 5),
    "PearsonCorrelation": (
        lambda: m.PearsonCorrelation(), (LABEL_SCORES, LABEL_SCORES[::-1]),
        _pearson(LABEL_SCORES, LABEL_SCORES[::-1])),
    "ConcordanceCorrelation": (
        lambda: m.ConcordanceCorrelation(), (LABEL_SCORES, LABEL_SCORES[::-1]),
        _concordance(LABEL_SCORES, LABEL_SCORES[::-1])),
    "Hinge": (
        lambda: m.Hinge(), (COLUMN, SCORES[:, None]),
        np.maximum(1 - (2 * TRUE - 1) * SCORES, 0).mean()),
    "SquaredHinge": (
        lambda: m.SquaredHinge(), (COLUMN, SCORES[:, None]),
        (np.maximum(1 - (2 * TRUE - 1) * SCORES, 0) ** 2).mean()),
    "CategoricalHinge": (
        lambda: m.CategoricalHinge(), (np.eye(3)[:1], LABEL_SCORES[:1]), 0.6 - 0.9 + 1),
    "KLDivergence": (lambda: m.KLDivergence(), ([[0.3, 0.7]], [[0.4, 0.6]]),
                     0.3 * np.log(0.75) + 0.7 * np.log(7 / 6)),
    "Poisson": (lambda: m.Poisson(), (A, B), (B - A * np.log(B)).mean()),
    "BinaryCrossentropy": (
        lambda: m.BinaryCrossentropy(), (COLUMN, SCORES[:, None]),
        -np.log(np.where(TRUE, SCORES, 1 - SCORES)).mean()),
    "CategoricalCrossentropy": (
        lambda: m.CategoricalCrossentropy(), (np.eye(3)[:1], LABEL_SCORES[:1]),
        -np.log(0.9 / 1.7)),
    "SparseCategoricalCrossentropy": (
        lambda: m.SparseCategoricalCrossentropy(), ([0], LABEL_SCORES[:1]), -np.log(0.9 / 1.7)),
    "TruePositives": (lambda: m.TruePositives(), (TRUE, SCORES, WEIGHTS), 6),
    "FalsePositives": (lambda: m.FalsePositives(), (TRUE, SCORES, WEIGHTS), 1),
    "TrueNegatives": (lambda: m.TrueNegatives(), (TRUE, SCORES, WEIGHTS), 3.5),
    "FalseNegatives": (lambda: m.FalseNegatives([0.5, 0.3]), (TRUE, SCORES, WEIGHTS), [1, 0]),
    "Precision": (lambda: m.Precision(), (TRUE, SCORES, WEIGHTS), 0.8571428571428571),
    "Precision of the best": (lambda: m.Precision(top_k=1), (LABELS, LABEL_SCORES), 1),
    "Recall": (lambda: m.Recall(), (TRUE, SCORES), 0.75),
    "Recall of a class": (lambda: m.Recall(class_id=0), (LABELS, LABEL_SCORES), 2 / 3),
    "Recall at many thresholds": (
        lambda: m.Recall(list(np.linspace(1, 0.05, 20))), (TRUE, SCORES),
        [(TRUE * (np.float32(SCORES) > t)).sum() / 4
         for t in np.linspace(1, 0.05, 20).astype(np.float32)]),
    "SensitivityAtSpecificity": (
        lambda: m.SensitivityAtSpecificity(0.7), (TRUE, SCORES), 0.75),
    "SpecificityAtSensitivity": (lambda: m.SpecificityAtSensitivity(0.9), (TRUE, SCORES), 0.5),
    "PrecisionAtRecall": (lambda: m.PrecisionAtRecall(0.7), (TRUE, SCORES), 1),
    "RecallAtPrecision": (lambda: m.RecallAtPrecision(0.8, 20), (TRUE, SCORES), 0.75),
    "AUC": (lambda: m.AUC(), (TRUE, SCORES), 0.875),
    "AUC weighted": (lambda: m.AUC(), (TRUE, SCORES, WEIGHTS), 0.9047619047619048),
    "AUC of few thresholds": (
        lambda: m.AUC(thresholds=[0.5]), (TRUE, SCORES), (0.25 * 0.75 + 0.75 * 1.75) / 2),
    "AUC minoring": (
        lambda: m.AUC(thresholds=[0.5], summation_method="minoring"), (TRUE, SCORES), 0.5625),
    "AUC majoring": (
        lambda: m.AUC(thresholds=[0.5], summation_method="majoring"), (TRUE, SCORES), 0.9375),
    "AUC of logits": (
        lambda: m.AUC(from_logits=True), (TRUE, np.log(SCORES / (1 - SCORES))), 0.875),
    "AUC of PR": (lambda: m.AUC(curve="PR"), (TRUE, SCORES), _interpolated_pr(TRUE, SCORES)),
    # Gains 1 - odds FN / TP and 1 - odds FP / TP at thresholds below 0, 0.5 and above 1.
    "AUC of gains": (
        lambda: m.AUC(curve="PRGAIN", thresholds=[0.5]), (TRUE, SCORES),
        (1 - 2 / 3) * (0 + 2 / 3) / 2 + 2 / 3 * (2 / 3 + 1) / 2),
    "AUC of labels": (
        lambda: m.AUC(multi_label=True), (LABELS, LABEL_SCORES), 0.861111111111111),
    "AUC of labels weighted": (
        lambda: m.AUC(multi_label=True, num_labels=3, label_weights=[1, 2, 1]),
        (LABELS, LABEL_SCORES), (0.6666666666666667 + 2 + 0.9166666666666667) / 4),
    "FBetaScore": (
        lambda: m.FBetaScore(beta=2.0, threshold=0.5), (LABELS, LABEL_SCORES),
        [0.7142857142857143, 0.9090909090909091, 0.9090909090909091]),
    "FBetaScore micro": (
        lambda: m.FBetaScore("micro", 2.0, 0.5), (LABELS, LABEL_SCORES, LABEL_WEIGHTS),
        0.8585858585858586),
    "FBetaScore macro": (
        lambda: m.FBetaScore("macro", 2.0, 0.5), (LABELS, LABEL_SCORES), 0.8441558441558441),
    "FBetaScore weighted": (
        lambda: m.FBetaScore("weighted", 2.0, 0.5), (LABELS, LABEL_SCORES), 0.8256029684601113),
    "F1Score": (lambda: m.F1Score(threshold=0.5), (LABELS, LABEL_SCORES), [0.8, 0.8, 0.8]),
    "IoU": (lambda: m.IoU(3, [0, 1]), (CLASSES, FOUND), 2 / 3),
    "MeanIoU": (lambda: m.MeanIoU(3), (CLASSES, FOUND), 0.611111111111111),
    "MeanIoU weighted": (
        lambda: m.MeanIoU(3, dtype="float32"), (CLASSES, FOUND, [1, 2, 1, 3, 1, 1, 2.0]),
        0.513888888888889),
    "MeanIoU ignored": (
        lambda: m.MeanIoU(3, ignore_class=2), (CLASSES, FOUND), (1 + 1 / 2 + 0) / 3),
    "BinaryIoU": (lambda: m.BinaryIoU(), (TRUE, SCORES), 0.6),
    "OneHotIoU": (
        lambda: m.OneHotIoU(3, [1, 2]), (np.eye(3)[CLASSES], np.eye(3)[FOUND]),
        (1 / 3 + 1 / 2) / 2),
    "OneHotMeanIoU": (
        lambda: m.OneHotMeanIoU(3, sparse_y_pred=True), (np.eye(3)[CLASSES], FOUND),
        0.611111111111111),
}  # fmt: skip
# The means of losses, which are compared on every backend as losses.
OF_LOSSES = {case for case in CASES if hasattr(losses, case)}


def _close(found, expected):
    """Within 64 roundings of float32, and twice epsilon() where that keeps a division finite."""
    found = np.asarray(ops.convert_to_numpy(found), np.float64)
    expected = np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    bound = (64 * 2.0**-24 + 2e-7) * max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=bound)


def _native(x):
    x = np.asarray(x)
    return ops.convert_to_tensor(x.astype(np.float32) if x.dtype.kind == "f" else x)


@pytest.mark.parametrize("case", [case for case in CASES if case not in OF_LOSSES])
def test_result(case, backend):
    """The metric was made on another backend and follows its values."""
    make, given, expected = CASES[case]
    with isozoo.use_backend("torch" if backend == "numpy" else "numpy"):
        metric = make()
    given = [_native(x) for x in given]
    _close(metric(*given), expected)
    assert {v.backend.name for v in metric.variables} <= {backend, "torch"}
    metric.reset_state()
    assert all(not np.any(v.numpy()) for v in metric.variables)


@pytest.mark.parametrize("case", CASES)
def test_batches_add_up(case):
    make, given, expected = CASES[case]
    with isozoo.use_backend("numpy"):
        given = [_native(x) for x in given]
        metric = make()
        if given[0].ndim and len(given[0]) > 1:
            for part in (slice(0, 1), slice(1, None)):
                metric.update_state(*[x[part] for x in given])
        else:
            metric.update_state(*given)
        _close(metric.result(), expected)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("backend", ["numpy"], indirect=True)
def test_copies_and_configs(case, backend):
    make, given, expected = CASES[case]
    metric = make()
    metric.update_state(*given)
    for copied in (copy.deepcopy(metric), metric.to_backend("torch")):
        _close(copied.result(), expected)
        paths = [path for path, _ in copied.named_variables()]
        assert paths == [path for path, _ in metric.named_variables()]
        copied.reset_state()
    _close(metric.result(), expected)
    config = metrics.serialize(metric)
    again = metrics.deserialize(config)
    assert type(again) is type(metric) and again.get_config() == config["config"]
    _close(again(*given), expected)


@pytest.mark.parametrize(
    "case", ["Mean weighted", "AUC", "MeanIoU", "R2Score of each", "RecallAtPrecision"]
)
def test_pure_functions_of_the_variables(case, backend):
    make, given, expected = CASES[case]
    metric = make()
    given = [_native(x) for x in given]
    metric.update_state(*given)  # some make variables with their first values
    start = metric.stateless_reset_state()
    before = [v.numpy() for v in metric.variables]
    after = metric.stateless_update_state(start, *given)
    _close(metric.stateless_result(after), expected)
    assert all(np.array_equal(v.numpy(), x) for v, x in zip(metric.variables, before, strict=True))
    with pytest.raises(ValueError, match="1:1 to .*length 0"):
        metric.stateless_update_state([], *given)


@pytest.mark.parametrize(
    ("case", "backend"),
    [
        ("Mean weighted", "torch"),  # the others cost 10 s each to trace
        *(("AUC of labels weighted", name) for name in ("jax", "tensorflow")),
        *(("Precision", name) for name in ("jax", "tensorflow")),
    ],
    indirect=["backend"],
)
def test_compiled(case, backend):
    """Under jax.jit, tf.function and torch.compile."""
    make, given, expected = CASES[case]
    metric = make()
    given = [_native(x) for x in given]

    def pure(state, values):
        return metric.stateless_update_state(state, *values)

    if backend == "jax":
        import jax

        pure = jax.jit(pure)
    elif backend == "tensorflow":
        import tensorflow as tf

        pure = tf.function(pure)
    elif backend == "torch":
        import torch

        pure = torch.compile(pure, backend="eager")
    state = [ops.convert_to_tensor(v.numpy()) for v in metric.variables]
    _close(metric.stateless_result(pure(pure(state, given), given)), expected)


def test_updates_within_a_tf_function():
    import tensorflow as tf

    with isozoo.use_backend("numpy"):
        metric = metrics.MeanSquaredError()
    step = tf.function(lambda a, b: metric.update_state(a, b))
    for _ in range(2):
        step(tf.constant(A), tf.constant(B))
    _close(metric.result(), ((A - B) ** 2).mean())
    assert metric.total.backend.name == "tensorflow" and float(metric.count.numpy()) == 8


def test_what_a_metric_gathers_is_not_recorded():
    import torch

    x = torch.ones(3, requires_grad=True)
    metric = metrics.Mean()
    assert not metric(x).requires_grad
    assert metric.total.native.grad_fn is None


def test_a_mean_counts_on_in_half_precision():
    metric = metrics.Mean(dtype="float16")
    for _ in range(3):
        metric.update_state(np.ones(2000, np.float16))
    assert float(metric.count.numpy()) == 6000
    assert ops.dtype(metric.result()) == "float16" and float(metric.result()) == 1


def test_the_mask_of_predictions(backend):
    y_pred = _native(B)
    set_mask(y_pred, ops.convert_to_tensor(np.array([True, False, True, False])))
    metric = metrics.MeanSquaredError()
    _close(metric(A, y_pred), ((A - B) ** 2)[[0, 2]].mean())
    metric.reset_state()
    _close(metric(A, y_pred, SAMPLES), (((A - B) ** 2).mean(-1) * SAMPLES)[[0, 2]].sum() / 2)


def test_parts_of_a_model():
    """What a metric gathers is among a layer's `metrics_variables` alone, as in Keras."""
    layer = isozoo.layers.Dense(2)
    layer.seen = metrics.Mean()
    layer(np.ones((1, 3), np.float32))
    assert len(layer.variables) == len(layer.weights) == 2
    assert "seen.total" not in layer.weights_by_path()
    assert layer.metrics == [layer.seen]
    assert [id(v) for v in layer.metrics_variables] == [id(v) for v in layer.seen.variables]


def test_a_metric_of_ones_own():
    class Largest(metrics.Metric):
        def __init__(self, name="largest", dtype=None):
            super().__init__(dtype, name)
            self.found = self.add_weight(name="kept")
            self.inner = metrics.Sum()

        def update_state(self, values):
            self.found.assign(ops.maximum(self.found, ops.max(values)))
            self.inner.update_state(values)

        def result(self):
            return {"largest": self.found, "sum": self.inner.result()}

    metric = Largest()
    found = metric(isozoo.ops.convert_to_tensor(A))
    assert float(found["largest"]) == 5 and float(found["sum"]) == 22
    assert [path for path, _ in metric.named_variables()] == ["found", "inner.total"]
    assert metric.from_config(metric.get_config()).name == "largest"
    metric.reset_state()
    assert float(metric.inner.result()) == 0


def test_pickle():
    metric = metrics.MeanSquaredError()
    metric.update_state(A, B)
    _close(pickle.loads(pickle.dumps(metric)).result(), ((A - B) ** 2).mean())


def test_get():
    assert metrics.get(None) is None
    for name in ("mse", "MSE", "MeanSquaredError", "mean_squared_error"):
        assert type(metrics.get(name)) is metrics.MeanSquaredError
    assert type(metrics.get(metrics.AUC)) is metrics.AUC


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: m.get("no_such"), "Could not interpret metric identifier.*mean_squared_error"),
        (lambda: m.Precision(1.5), r"must be in \[0, 1\]. Received: \[1.5\]"),
        (lambda: m.AUC(curve="ROCK"), "Invalid AUC curve value.*PR"),
        (lambda: m.AUC(summation_method="x"), "Invalid AUC summation method value.*minoring"),
        (lambda: m.AUC(1), "`num_thresholds` must be an integer > 1"),
        (lambda: m.AUC(thresholds=[2.0]), "must be in"),
        (lambda: m.AUC(num_labels=2), "only when `multi_label` is True"),
        (lambda: m.AUC(multi_label=True)(TRUE, SCORES), "must have rank 2"),
        (lambda: m.AUC(multi_label=True, num_labels=2)(LABELS, LABEL_SCORES), "counts 2"),
        (lambda: m.AUC(label_weights=[1, 2])(LABELS, LABEL_SCORES), "2 label weights"),
        (lambda: m.PrecisionAtRecall(2), r"`recall` must be in the range \[0, 1\]"),
        (lambda: m.PrecisionAtRecall(0.5, 0), "must be an integer > 0"),
        (lambda: m.Precision(class_id=0)(TRUE, SCORES), "When class_id is provided"),
        (lambda: m.Precision(class_id=7)(LABELS, LABEL_SCORES), "class_id=7.*3 classes"),
        (lambda: m.Precision()(LABELS, LABEL_SCORES[:, :2]), "one target for each prediction"),
        (lambda: m.Recall()(TRUE, SCORES, np.ones(3)), "sample weights"),
        (lambda: m.Accuracy()(np.ones(3), np.ones(4)), "do not fit"),
        (lambda: m.FBetaScore("all"), "Invalid `average` argument value"),
        (lambda: m.FBetaScore(beta=1), "Invalid `beta`.*Python float"),
        (lambda: m.FBetaScore(beta=-1.0), "Invalid `beta`.*> 0"),
        (lambda: m.FBetaScore(threshold=2.0), "Invalid `threshold`"),
        (lambda: m.FBetaScore()(TRUE, SCORES), "FBetaScore expects 2D inputs"),
        (lambda: m.FBetaScore().result(), "no values yet"),
        (lambda: m.R2Score("mean"), "Invalid value for argument `class_aggregation`"),
        (lambda: m.R2Score(num_regressors=-1), "Expected a value >= 0"),
        (lambda: m.R2Score()(TRUE, SCORES), "R2Score expects 2D inputs"),
        (lambda: m.IoU(2, [2]), r"Target class id 2 is out of range, which is \[0, 2\)"),
        (lambda: m.MeanIoU(3)(CLASSES, FOUND[:3]), "7 targets and 3 predictions"),
    ],
)
def test_errors(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_tensors_of_two_backends():
    with isozoo.use_backend("torch"):
        y_true = ops.convert_to_tensor(A)
    with isozoo.use_backend("numpy"), pytest.raises(ValueError, match="torch"):
        with isozoo.use_backend("jax"):
            y_pred = ops.convert_to_tensor(B)
        metrics.MeanSquaredError()(y_true, y_pred)


def test_too_many_regressors_are_worth_a_warning():
    with pytest.warns(UserWarning, match="More independent predictors"):
        _close(metrics.R2Score(num_regressors=9)(A, B), 0.7)
    with pytest.warns(UserWarning, match="Division by zero"):
        _close(metrics.R2Score(num_regressors=7)(A, B), 0.7)


def test_float_weights_of_integer_counts_are_worth_a_warning():
    with pytest.warns(UserWarning, match="dtype is `int`"):
        metrics.MeanIoU(3)(CLASSES, FOUND, np.ones(7))


def test_without_super():
    class Lost(metrics.Metric):
        def __init__(self):
            self.x = 1

    with pytest.raises(RuntimeError, match="forgot to call `super"):
        Lost().add_variable(())
    with pytest.raises(NotImplementedError, match="define it"):
        metrics.Metric().update_state(1)
    with pytest.raises(NotImplementedError, match="define it"):
        metrics.Metric().result()


def test_a_column_of_weights_counts_for_one_hot_classes(backend):
    classes, found = np.array([0, 1, 2, 1]), np.array([0, 2, 2, 1])
    weights = np.array([1, 3, 2, 1])
    eye = np.eye(3, dtype="float32")
    metric = metrics.OneHotMeanIoU(num_classes=3)
    metric.update_state(eye[classes], eye[found], weights[:, None])
    # 1 of 1, 1 of 4, and 2 of 5.
    assert ops.convert_to_numpy(metric.result()) == pytest.approx(np.mean([1, 1 / 4, 2 / 5]))
