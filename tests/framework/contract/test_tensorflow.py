"""Rows on TensorFlow: a layer is traced, differentiated, saved and exported by its tools."""

from __future__ import annotations

import numpy as np
import pytest

from .cases import ACTIVE, ALL, STATEFUL, over
from .helpers import SUMS, arrays, built, fresh, run, same, values

tf = pytest.importorskip("tensorflow")
pytestmark = pytest.mark.parametrize("backend", ["tensorflow"], indirect=True)


def _function(layer, case, **options):
    signature = case.mapped(lambda x: tf.TensorSpec((None, *x.shape[1:]), x.dtype))
    return tf.function(lambda *x: layer(*x, **options), input_signature=signature)


@over(ALL)
def test_function_of_any_batch(case, backend):
    layer = built(case)
    same(arrays(_function(layer, case)(*case.inputs)), run(layer, case), SUMS)


@over(STATEFUL)
def test_gradient_tape(case, backend):
    """Watched by itself, and the gradients are those of the weights' variables."""
    layer = built(case)
    natives = [v.native for v in layer.trainable_variables]
    assert all(isinstance(native, tf.Variable) and native.trainable for native in natives)
    with tf.GradientTape() as tape:
        outputs = layer(*case.inputs)
        tensors = outputs.values() if isinstance(outputs, dict) else [outputs]
        loss = tf.add_n([tf.reduce_sum(tf.sin(tf.cast(x, "float32"))) for x in tensors])
    assert {id(v) for v in tape.watched_variables()} <= {id(native) for native in natives}
    assert all(gradient is not None for gradient in tape.gradient(loss, natives))


@over(STATEFUL)
def test_checkpoint(case, backend, tmp_path):
    layer, other = built(case), fresh(case)
    path = tf.train.Checkpoint(model=layer).save(str(tmp_path / "saved"))
    other(*case.inputs)
    status = tf.train.Checkpoint(model=other).restore(path)
    status.assert_existing_objects_matched()
    mine, theirs = values(layer), values(other)
    assert list(mine) == list(theirs)
    for name, value in mine.items():
        np.testing.assert_array_equal(theirs[name], value)
    same(run(other, case), run(layer, case))


@over([case for case in ALL if case.name in ("Dense", "subclassed", "functional")])
def test_saved_model(case, backend, tmp_path):
    layer = built(case)
    expected = run(layer, case)
    layer.serve = _function(layer, case)
    tf.saved_model.save(layer, str(tmp_path))
    again = tf.saved_model.load(str(tmp_path))
    same(arrays(again.serve(*case.inputs)), expected, SUMS)


@over([case for case in ACTIVE if "statistics" in case.flags])
def test_function_trains_the_statistics(case, backend):
    layer, other = built(case), built(case)
    step = _function(layer, case, training=True)
    for _ in range(2):
        step(*case.inputs)
        run(other, case, training=True)
    mine, theirs = values(layer), values(other)
    for name, value in mine.items():
        np.testing.assert_allclose(theirs[name], value, rtol=SUMS, atol=SUMS, err_msg=name)
