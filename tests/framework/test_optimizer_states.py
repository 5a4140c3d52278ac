"""Optimizers around their steps: schedules, wrappers, paths, copies, files, errors."""

from __future__ import annotations

import copy
import pickle
import warnings

import keras
import numpy as np
import pytest

import isozoo
from isozoo import layers, ops, optimizers
from isozoo.optimizers import schedules

# Class, arguments; t_mul of 1 is a case of its own.
SCHEDULES = [
    ("ExponentialDecay", (0.5, 10, 0.7)),
    ("ExponentialDecay", (0.5, 10, 0.7, True)),
    ("InverseTimeDecay", (0.5, 10, 0.7)),
    ("InverseTimeDecay", (0.5, 10, 0.7, True)),
    ("PiecewiseConstantDecay", ([3, 12], [0.5, 0.25, 0.125])),
    ("PolynomialDecay", (0.5, 10, 0.1, 2.0)),
    ("PolynomialDecay", (0.5, 10, 0.1, 1.0, True)),
    ("CosineDecay", (0.5, 10, 0.1)),
    ("CosineDecay", (0.1, 10, 0.1, "rising", 0.5, 4)),
    ("CosineDecayRestarts", (0.5, 4)),
    ("CosineDecayRestarts", (0.5, 4, 1.0, 0.5, 0.1)),
]


def _model():
    isozoo.random.set_random_seed(1)
    return isozoo.Sequential([isozoo.Input((3,)), layers.Dense(2, name="first"), layers.Dense(1)])


def _ones(variables):
    return [ops.ones(v.shape) for v in variables]


@pytest.mark.parametrize(("name", "arguments"), SCHEDULES)
def test_schedules_are_those_of_keras(name, arguments, backend):
    ours = getattr(schedules, name)(*arguments)
    theirs = getattr(keras.optimizers.schedules, name)(*arguments)
    assert ours.get_config() == theirs.get_config()
    again = schedules.deserialize(keras.optimizers.schedules.serialize(theirs))
    opened = keras.optimizers.schedules.deserialize(schedules.serialize(ours))
    assert type(again) is type(ours) and opened.get_config() == theirs.get_config()
    counter = isozoo.Variable(0, dtype="int32", trainable=False)
    for step in (0, 1, 3, 4, 9, 10, 13, 28, 40):
        counter.assign(step)
        wanted = float(theirs(step))
        # Some ten roundings of numbers below 1, where a phase of up to 3 pi is rounded first.
        assert float(ours(counter)) == pytest.approx(wanted, rel=1e-5, abs=1e-6)
        assert float(again(step)) == pytest.approx(wanted, rel=1e-5, abs=1e-6)


def test_a_schedule_of_a_users_own(backend):
    class Halves(schedules.LearningRateSchedule):
        def __init__(self, first):
            self.first = first

        def __call__(self, step):
            return ops.multiply(ops.power(0.5, ops.cast(step, "float32")), self.first)

    made = optimizers.SGD(Halves(1.0))
    variable = isozoo.Variable([0.0])
    for expected in (-1.0, -1.5, -1.75):
        made.apply(_ones([variable]), [variable])
        assert variable.numpy() == [expected]
    assert len(made.variables) == 1
    with pytest.raises(TypeError, match="not settable"):
        made.learning_rate = 0.1
    opened = optimizers.deserialize(optimizers.serialize(made), {"Halves": Halves})
    assert opened.learning_rate.shape == () and opened.get_config() == made.get_config()


def test_the_learning_rate_can_be_set(backend):
    made = optimizers.SGD(0.5)
    variable = isozoo.Variable([0.0])
    made.apply(_ones([variable]), [variable])
    made.learning_rate = 0.25
    made.apply(_ones([variable]), [variable])
    assert variable.numpy() == [-0.75]
    made.learning_rate = schedules.PolynomialDecay(made.learning_rate, 4)
    assert [path for path, _ in made.named_variables()] == ["iteration"]
    made = optimizers.SGD(lambda: 2.0)
    made.apply(_ones([variable]), [variable])
    assert variable.numpy() == [-2.75]


@pytest.mark.parametrize("traced", [False, True])
def test_loss_scale_optimizer(traced, backend):
    made = optimizers.LossScaleOptimizer(optimizers.SGD(0.5), 4.0, dynamic_growth_steps=2)
    variable = isozoo.Variable([1.0, 2.0])
    made.build([variable])
    if traced and backend == "jax":
        import jax

        pure = jax.jit(made.stateless_apply)

        def step(gradients):
            values, own = pure([v.value for v in made.variables], gradients, [variable.value])
            for held, value in zip([variable, *made.variables], [*values, *own], strict=True):
                held.assign(value)
    elif traced and backend == "tensorflow":
        import tensorflow as tf

        step = tf.function(made.apply, autograph=False)
    else:
        step = made.apply
    seen = []
    for gradient in ([4.0, 8.0], [np.inf, 1.0], [2.0, 2.0], [2.0, 2.0], [np.nan, 0.0], [4.0, 0.0]):
        step([ops.convert_to_tensor(np.float32(gradient))])
        seen.append([*variable.numpy().tolist(), float(made.dynamic_scale.numpy())])
    assert seen == [
        [0.5, 1.0, 4.0],  # divided by 4, times 0.5
        [0.5, 1.0, 2.0],  # dropped
        [0.0, 0.5, 2.0],
        [-0.5, 0.0, 4.0],  # the second finite step
        [-0.5, 0.0, 2.0],
        [-1.5, 0.0, 2.0],
    ]
    assert int(made.iterations.numpy()) == 4
    assert float(made.scale_loss(ops.array(3.0))) == 6.0
    own = [path for path, _ in made.named_variables()]
    assert "dynamic_scale" in own and "inner_optimizer.iteration" in own


def test_loss_scale_optimizer_refuses_what_is_the_inner_ones():
    inner = optimizers.SGD(0.5)
    for options in ({"clipnorm": 1.0}, {"use_ema": True}, {"dynamic": False}, {"size": 3}):
        with pytest.raises(ValueError, match="inner_optimizer"):
            optimizers.LossScaleOptimizer(inner, **options)
    made = optimizers.LossScaleOptimizer(inner, 2.0, name="mine", clipnorm=None, use_ema=False)
    theirs = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.5), 2.0, name="mine")
    config = made.get_config()
    config["inner_optimizer"]["config"]["name"] = theirs.inner_optimizer.name
    wanted = theirs.get_config()
    wanted["inner_optimizer"].pop("build_config", None)
    assert config == wanted
    assert optimizers.deserialize(optimizers.serialize(made)).inner_optimizer.momentum == 0.0


def test_multi_optimizer(backend):
    model = _model()
    slow, fast = optimizers.SGD(0.1), optimizers.SGD(1.0)
    table = optimizers.OptimizerMap(fast)
    table["first/.*"] = slow  # a pattern as Keras has them
    made = optimizers.MultiOptimizer(table, loss_scale_factor=2.0)
    before = [v.numpy().copy() for v in model.trainable_variables]
    made.apply(_ones(before), model.trainable_variables)
    steps = [b - v.numpy().copy() for b, v in zip(before, model.trainable_variables, strict=True)]
    for step, rate in zip(steps, (0.1, 0.1, 1.0, 1.0), strict=True):
        np.testing.assert_allclose(step, rate / 2, rtol=1e-5)
    assert len(made.variables) == 6
    assert [int(o.iterations.numpy()) for o in (made, *made.optimizers)] == [1, 1, 1]
    again = optimizers.deserialize(optimizers.serialize(made))
    again.build(model.trainable_variables)
    rates = [float(o.learning_rate.numpy()) for o in again.optimizers]
    assert rates == [pytest.approx(0.1), 1.0]
    with pytest.raises(AttributeError, match="individual sub-optimizers"):
        made.learning_rate  # noqa: B018
    table[r"first\.kernel"] = optimizers.Adam()
    with pytest.raises(ValueError, match="Multiple optimizers assigned to variable first.kernel"):
        table(model.layers[0].kernel)


def test_paths_are_those_of_the_model(backend):
    model = _model()
    made = optimizers.Adam(use_ema=True)
    made.build(model.trainable_variables)
    paths = [path for path, _ in made.named_variables()]
    assert paths[:3] == ["iteration", "learning_rate", "first.kernel.average"]
    assert {"first.kernel.momentum", "first.bias.velocity"} < set(paths)
    assert [v.path for v in made.variables] == paths


def test_copies_share_nothing(backend):
    model = _model()
    made = optimizers.Adam(1.0)
    made.apply(_ones(model.trainable_variables), model.trainable_variables)
    other, copied = copy.deepcopy((model, made))
    opened = pickle.loads(pickle.dumps(made))
    values = [v.numpy().copy() for v in made.variables]
    copied.apply(_ones(other.trainable_variables), other.trainable_variables)
    opened.apply(_ones(model.trainable_variables))
    for variable, value in zip(made.variables, values, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    assert int(copied.iterations.numpy()) == int(opened.iterations.numpy()) == 2
    for one, two in zip(copied.variables, opened.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy())


def test_states_go_through_files_of_keras(backend):
    model = _model()
    made = optimizers.Adam(0.5)
    made.apply(_ones(model.trainable_variables), model.trainable_variables)
    store: dict[str, np.ndarray] = {}
    made.save_own_variables(store)
    theirs = keras.optimizers.Adam()
    theirs.build([keras.Variable(v.numpy()) for v in model.trainable_variables])
    theirs.load_own_variables(store)
    for ours, other in zip(made.variables, theirs.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), other.numpy())
    store.clear()
    theirs.save_own_variables(store)
    again = optimizers.Adam()
    with pytest.warns(UserWarning, match="Skipping variable loading"):
        again.load_own_variables(store)
    with pytest.raises(ValueError, match="not yet been built"):
        again.set_weights(made.variables)
    again.build(model.trainable_variables)
    again.load_own_variables(store)
    other = optimizers.Adam()
    other.build(model.trainable_variables)
    other.set_weights([v.numpy() for v in again.variables])
    for ours, two in zip(made.variables, other.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), two.numpy())


def test_variables_without_weight_decay(backend):
    kernel, bias, plain = (isozoo.Variable([2.0], name=n) for n in ("kernel", "bias", "scale"))
    made = optimizers.SGD(0.5, weight_decay=0.5)
    made.exclude_from_weight_decay(var_list=[plain], var_names=["bi.s"])
    made.apply([ops.zeros((1,))] * 3, [kernel, bias, plain])
    assert [float(v.numpy()[0]) for v in (kernel, bias, plain)] == [1.5, 2.0, 2.0]


@pytest.mark.parametrize("accumulate", [None, 2])
def test_variables_that_take_their_gradients_value(accumulate, backend):
    scale, weight = isozoo.Variable([1.0]), isozoo.Variable([1.0])
    scale.overwrite_with_gradient = True
    made = optimizers.Adam(1.0, gradient_accumulation_steps=accumulate, clipnorm=0.1)
    for value in (5.0, 3.0):
        made.apply([ops.array([value]), ops.array([0.0])], [scale, weight])
    assert scale.numpy() == [5.0 if accumulate else 3.0], "the largest of those accumulated"
    assert weight.numpy() == [1.0]


def test_lion_hides_no_gradient_that_is_not_a_number(backend):
    variables = [isozoo.Variable([1.0, 1.0, 1.0]) for _ in range(2)]
    gradients = [ops.array([np.nan, np.inf, -2.0]), ops.array([0.0, 1.0, -1.0])]
    optimizers.Lion(0.5).apply(gradients, variables)
    np.testing.assert_array_equal(variables[0].numpy(), [np.nan, 0.5, 1.5])
    np.testing.assert_array_equal(variables[1].numpy(), [1.0, 0.5, 1.5])


def test_constraints_hold_after_a_step(backend):
    variable = isozoo.Variable([1.0, -1.0])
    variable.constraint = lambda x: ops.maximum(x, 0.0)
    optimizers.SGD(0.5).apply([ops.zeros((2,))], [variable])
    assert variable.numpy().tolist() == [1.0, 0.0]


@pytest.mark.parametrize("backend", ["jax", "tensorflow"], indirect=True)
@pytest.mark.parametrize("options", [{}, {"clipnorm": 0.5}, {"gradient_accumulation_steps": 2}])
def test_sparse_gradients(options, backend):
    rows, values = [0, 2, 4], np.float32([[1, 2], [3, 4], [5, 6]])
    dense = np.zeros((5, 2), np.float32)
    dense[rows] = values
    if backend == "jax":
        import jax.experimental.sparse as jax_sparse

        sparse = jax_sparse.BCOO((values, np.array(rows)[:, None]), shape=(5, 2))
    else:
        import tensorflow as tf

        sparse = tf.IndexedSlices(tf.constant(values), rows, (5, 2))
    found = []
    for gradient in (sparse, ops.convert_to_tensor(dense)):
        variable = isozoo.Variable(np.ones((5, 2), np.float32))
        made = optimizers.Adam(0.1, **options)
        for _ in range(3):
            made.apply([gradient], [variable])
        found.append(variable.numpy())
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)


def test_an_optimizer_of_a_users_own_as_keras_writes_it(backend):
    class Momentum(isozoo.Optimizer):
        def build(self, variables):
            super().build(variables)
            self.momentums = []
            for variable in variables:
                slot = self.add_variable_from_reference(variable, name="momentum")
                self.momentums.append(slot)

        def update_step(self, gradient, variable, learning_rate):
            m = self.momentums[self._get_variable_index(variable)]
            self.assign(m, ops.subtract(ops.multiply(m, 0.5), gradient * learning_rate))
            self.assign_add(variable, m)

    model = _model()
    before = [v.numpy().copy() for v in model.trainable_variables]
    made = Momentum(learning_rate=1.0)
    for _ in range(2):
        made.apply_gradients(zip(_ones(before), model.trainable_variables, strict=True))
    for variable, start in zip(model.trainable_variables, before, strict=True):
        np.testing.assert_allclose(variable.numpy(), start - 2.5, rtol=1e-6)
    assert "first.kernel.momentum" in [path for path, _ in made.named_variables()]
    assert len(made.variables) == 6


def test_name_scopes_name_variables_without_an_owner():
    with isozoo.name_scope("encoder"), isozoo.name_scope("dense") as scope:
        variable = isozoo.Variable([1.0], name="kernel")
        owned = layers.Dense(1, input_dim=2)
    assert scope.name == "dense" and variable.name == "kernel"
    assert variable.path == copy.deepcopy(variable).path == "encoder.dense.kernel"
    assert isozoo.Variable([1.0], name="kernel").path == owned.kernel.path == "kernel"
    with pytest.raises(ValueError, match="cannot contain"):
        isozoo.name_scope("a/b")


def test_errors_say_what_was_wrong(backend):
    variable, other = isozoo.Variable([1.0]), isozoo.Variable([1.0], name="other")
    for options, match in (
        ({"clipnorm": 1.0, "clipvalue": 1.0}, "Only one of"),
        ({"gradient_accumulation_steps": 1}, "must be an integer >= 2"),
        ({"use_ema": True, "ema_momentum": 2.0}, r"range \[0, 1\]"),
        ({"use_ema": True, "ema_overwrite_frequency": 0.5}, "integer >= 1"),
        ({"learning_rate": "fast"}, "should be float"),
        ({"speed": 1.0}, r"not recognized: \{'speed': 1.0\}"),
        ({"momentum": 2.0}, "between"),
    ):
        with pytest.raises(ValueError, match=match):
            optimizers.SGD(**options)
    made = optimizers.SGD(1.0)
    with pytest.raises(ValueError, match="must already be built"):
        made.apply([ops.ones((1,))])
    with pytest.raises(ValueError, match="must be built"):
        made.stateless_apply([], [], [])
    with pytest.raises(ValueError, match="No gradients provided"):
        made.apply([None], [variable])
    with pytest.raises(ValueError, match="Unknown variable: 'other'"):
        made.apply([ops.ones((1,))], [other])
    with pytest.raises(ValueError, match="2 gradients, but the optimizer was built with 1"):
        made.apply([ops.ones((1,))] * 2)
    with pytest.raises(ValueError, match="expected 2 variables"):
        made.stateless_apply([], [ops.ones((1,))], [variable.value])
    for identifier in ("adamm", 3, {"class_name": "Adamm", "config": {}}):
        with pytest.raises((ValueError, TypeError), match="(?i)adamm|identifier: 3"):
            optimizers.get(identifier)
    with pytest.raises(NotImplementedError, match="update_step"):
        optimizers.Optimizer(0.1).apply([ops.ones((1,))], [variable])
    made = optimizers.SGD(1.0)
    with pytest.warns(UserWarning, match=r"do not exist for variables \['other'\]"):
        made.apply([ops.ones((1,)), None], [variable, other])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made.apply([])
    assert variable.numpy() == [0.0] and other.numpy() == [1.0]
