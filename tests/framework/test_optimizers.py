"""Steps of every optimizer, against Keras's own on TensorFlow, on each backend."""

from __future__ import annotations

import inspect
from functools import cache

import keras
import numpy as np
import pytest

import isozoo
from isozoo import ops, optimizers

STEPS = 5
SHAPES = ((4, 3), (3,), (2, 4, 3))
_random = np.random.default_rng(7)
START = [_random.standard_normal(s).astype(np.float32) for s in SHAPES]
GRADIENTS = [[_random.standard_normal(s).astype(np.float32) for s in SHAPES] for _ in range(STEPS)]
NAMES = (
    "SGD", "RMSprop", "Adam", "AdamW", "Adadelta", "Adagrad", "Adamax", "Adafactor", "Nadam",
    "Ftrl", "Lion", "Lamb", "Muon",
)  # fmt: skip
# On TensorFlow and torch Keras's ScheduleFreeAdamW computes the average from an iterate that it has
# overwritten; it has a test of its own.
ALL = (*NAMES, "ScheduleFreeAdamW")
OWN = {
    "SGD": [{"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}],
    "RMSprop": [{"momentum": 0.5}, {"centered": True, "rho": 0.7}],
    "Adam": [{"amsgrad": True, "beta_1": 0.5}],
    "Adagrad": [{"initial_accumulator_value": 0.0, "epsilon": 0.01}],
    "Adafactor": [{"clip_threshold": 0.5}],
    "Ftrl": [
        {"l1_regularization_strength": 0.1, "l2_regularization_strength": 0.2, "beta": 0.1},
        {"l2_shrinkage_regularization_strength": 0.1, "learning_rate_power": -0.7},
    ],
    "Muon": [{"nesterov": False, "rms_rate": None}, {"adam_lr_ratio": 0.5, "ns_steps": 2}],
}
COMMON = [
    {"clipnorm": 0.5},
    {"clipvalue": 0.3},
    {"global_clipnorm": 1.5},
    {"weight_decay": 0.1},
    {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 3},
    {"gradient_accumulation_steps": 2, "weight_decay": 0.1},
    {"loss_scale_factor": 8.0},
]
CASES = [
    *[(name, {}) for name in NAMES],
    *[(name, options) for name, several in OWN.items() for options in several],
    *[("SGD", options) for options in COMMON],
    *[("Adam", options) for options in COMMON],
    ("Adafactor", {"clipnorm": 0.5}),
    ("Nadam", {"gradient_accumulation_steps": 2}),
    ("Muon", {"global_clipnorm": 1.0}),
]
IDS = [f"{name}-{'-'.join(map(str, options))}" for name, options in CASES]


@cache
def _keras(number: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Values of the variables, and of the optimizer's own, after Keras's steps."""
    name, options = CASES[number]
    made = getattr(keras.optimizers, name)(learning_rate=0.05, **options)
    variables = [keras.Variable(x) for x in START]
    for gradients in GRADIENTS:
        made.apply([keras.ops.convert_to_tensor(g) for g in gradients], variables)
    return [v.numpy() for v in variables], [v.numpy() for v in made.variables]


def _run(made, variables=None):
    variables = variables or [isozoo.Variable(x) for x in START]
    for gradients in GRADIENTS:
        made.apply([ops.convert_to_tensor(g) for g in gradients], variables)
    return variables


def _close(found, expected):
    """Within the roundings of five steps.

    A value below 4 is rounded five times, 1.2e-6 in all, and five steps of at most 0.1 come from
    some hundred roundings each, 3e-6.
    """
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(x), y, rtol=1e-5, atol=4e-6)


@pytest.mark.parametrize("number", range(len(CASES)), ids=IDS)
def test_steps_are_those_of_keras(number, backend):
    name, options = CASES[number]
    made = getattr(optimizers, name)(learning_rate=0.05, **options)
    variables = _run(made)
    values, own = _keras(number)
    _close(variables, values)
    assert [tuple(v.shape) for v in made.variables] == [x.shape for x in own], "in Keras's order"
    _close(made.variables, own)


def test_schedule_free_adamw_follows_the_paper(backend):
    variables = _run(optimizers.ScheduleFreeAdamW(0.05, warmup_steps=3, epsilon=1e-8))
    for i, y in enumerate(START):
        x = z = y = y.astype(np.float64)
        v = np.zeros_like(y)
        for t in range(1, STEPS + 1):
            g = GRADIENTS[t - 1][i]
            v = 0.999 * v + 0.001 * g**2
            step = 0.05 * min(t / 3, 1) * g / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
            z = z - step
            x = (1 - 1 / t) * x + z / t
            y = 0.1 * z + 0.9 * x
        _close([variables[i]], [y])


@pytest.mark.parametrize("name", ALL)
def test_constructors_and_configs_are_those_of_keras(name):
    ours, theirs = getattr(optimizers, name), getattr(keras.optimizers, name)
    shape = [
        [(p.name, p.default) for p in inspect.signature(cls).parameters.values()]
        for cls in (ours, theirs)
    ]
    assert shape[0] == shape[1]
    for options in ({}, {"weight_decay": 0.1, "clipnorm": 2.0, "name": "mine"}):
        config = ours(**options).get_config()
        wanted = theirs(**options).get_config()
        del config["name"], wanted["name"]
        assert config == wanted
    made = ours(learning_rate=0.5, name="mine")
    opened = keras.saving.deserialize_keras_object(optimizers.serialize(made))
    assert type(opened) is theirs and opened.get_config() == theirs(0.5, name="mine").get_config()
    again = optimizers.deserialize(keras.optimizers.serialize(theirs(0.5, name="mine")))
    assert type(again) is ours and again.get_config() == made.get_config()


def test_names_are_those_of_keras():
    for module, theirs in (
        (optimizers, keras.optimizers),
        (optimizers.schedules, keras.optimizers.schedules),
        (optimizers.legacy, keras.optimizers.legacy),
    ):
        missing = [n for n in dir(theirs) if n[0] != "_" and not hasattr(module, n)]
        assert missing == []
    with pytest.raises(ImportError, match="same name"):
        optimizers.legacy.Adam()


@pytest.mark.parametrize("name", ALL)
def test_names_in_lower_case(name):
    assert type(optimizers.get(name.lower())) is getattr(optimizers, name)
    assert optimizers.get({"class_name": name, "config": {"learning_rate": 0.5}}) is not None


@pytest.mark.parametrize("options", [{}, *COMMON], ids=str)
def test_stateless_steps_are_the_same(options, backend):
    made = optimizers.Adam(0.05, **options)
    expected = _run(made)
    again = optimizers.Adam(0.05, **options)
    model = [isozoo.Variable(x) for x in START]
    again.build(model)
    values, own = [v.value for v in model], [v.value for v in again.variables]
    for gradients in GRADIENTS:
        gradients = [ops.convert_to_tensor(g) for g in gradients]
        values, own = again.stateless_apply(own, gradients, values)
    _close(values, [v.numpy() for v in expected])
    _close(own, [v.numpy() for v in made.variables])
    for variable, start in zip(model, START, strict=True):
        np.testing.assert_array_equal(variable.numpy(), start)


@pytest.mark.parametrize("options", COMMON[4:6], ids=str)
def test_steps_inside_a_jax_program(options):
    import jax

    with isozoo.use_backend("jax"):
        made = optimizers.Adam(0.05, **options)
        expected = _run(made)
        again = optimizers.Adam(0.05, **options)
        model = [isozoo.Variable(x) for x in START]
        again.build(model)
        step = jax.jit(again.stateless_apply)
        values, own = [v.value for v in model], [v.value for v in again.variables]
        for gradients in GRADIENTS:
            values, own = step(own, gradients, values)
        _close(values, [v.numpy() for v in expected])
        _close(own, [v.numpy() for v in made.variables])


@pytest.mark.parametrize("options", COMMON[4:6], ids=str)
def test_steps_inside_a_tensorflow_graph(options):
    import tensorflow as tf

    with isozoo.use_backend("tensorflow"):
        expected = _run(optimizers.Adam(0.05, **options))
        again = optimizers.Adam(0.05, **options)
        model = [isozoo.Variable(x) for x in START]
        again.build(model)
        step = tf.function(lambda *gradients: again.apply(gradients), autograph=False)
        for gradients in GRADIENTS:
            step(*map(tf.constant, gradients))
        _close(model, [v.numpy() for v in expected])


def test_a_step_of_torch_follows_the_order_of_memory():
    import torch

    with isozoo.use_backend("torch"):
        start = _random.standard_normal((3, 2, 4, 5)).astype(np.float32)
        gradient = torch.from_numpy(_random.standard_normal((3, 2, 4, 5)).astype(np.float32))
        plain = isozoo.Variable(start)
        kernel = isozoo.Variable(start, memory_format="conv")
        odd = isozoo.Variable(start)
        assert kernel.value.stride() != plain.value.stride()
        made = optimizers.Adam(0.1)
        made.build([plain, kernel, odd])
        slot = made.variables[-1]
        slot.replace_native(slot.value.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0))
        for _ in range(2):
            made.apply([gradient] * 3)
        assert not np.allclose(plain.numpy(), start)
        _close([kernel, odd], [plain.numpy()] * 2)


@pytest.mark.parametrize("options", [{}, {"global_clipnorm": 1.0}, {"clipnorm": 0.5}], ids=str)
@pytest.mark.parametrize("name", ["Adam", "Lamb", "Nadam", "ScheduleFreeAdamW"])
def test_each_variable_steps_in_its_own_dtype(name, options, backend):
    starts = np.float32([[1, 2], [3, -4]]), np.float32([1, -2])
    # Roundings of numbers up to 4: of three steps, and some in each step.
    limits = {"float64": 0.0, "float32": 3e-6, "float16": 0.02, "bfloat16": 0.1}
    model = {dtype: [isozoo.Variable(x, dtype=dtype) for x in starts] for dtype in limits}
    flat = [v for variables in model.values() for v in variables]
    made = getattr(optimizers, name)(0.05, **options)
    for i in range(3):
        made.apply([np.float32(np.cos(np.arange(np.prod(v.shape)) + i)).reshape(v.shape)
                    for v in flat], flat)  # fmt: skip
    for dtype, limit in limits.items():
        assert {v.dtype for v in model[dtype]} == {dtype}
        for one, exact in zip(model[dtype], model["float64"], strict=True):
            found = one.numpy().astype(np.float64)
            np.testing.assert_allclose(found, exact.numpy(), rtol=0, atol=limit)


@pytest.mark.parametrize("backend", ["torch", "tensorflow"], indirect=True)
def test_variables_of_the_framework_are_updated(backend):
    if backend == "torch":
        import torch

        model = [torch.nn.Parameter(torch.from_numpy(x.copy())) for x in START]
    else:
        import tensorflow as tf

        model = [tf.Variable(x) for x in START]
    _run(optimizers.Adam(0.05), model)
    found = [(x.detach() if backend == "torch" else x).numpy() for x in model]
    _close(found, _keras(CASES.index(("Adam", {})))[0])


def test_an_optimizer_goes_where_its_variables_are():
    with isozoo.use_backend("jax"):
        made = optimizers.Adam(0.05)
    with isozoo.use_backend("torch"):
        variables = [isozoo.Variable(x) for x in START]
    with isozoo.use_backend("numpy"):
        for gradients in GRADIENTS:
            made.apply(gradients, variables)
    _close(variables, _keras(CASES.index(("Adam", {})))[0])
    assert {v.backend.name for v in made.variables} == {"torch"}
