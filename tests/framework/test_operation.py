"""Operations of users, and Functions made of symbolic calls."""

from __future__ import annotations

import numpy as np
import pytest

import isozoo
from isozoo import Function, Input, KerasTensor, Operation, layers, ops
from isozoo.utils import get_source_inputs

_random = np.random.default_rng(5)


def _draw(*shape):
    return _random.standard_normal(shape).astype(np.float32)


def _near(result, expected):
    np.testing.assert_allclose(ops.convert_to_numpy(result), expected, rtol=1e-6, atol=1e-6)


class Scale(Operation):
    def __init__(self, factor, *, shift=0.0, name=None):
        super().__init__(name=name)
        self.factor, self.shift = factor, shift

    def call(self, x, other=None):
        x = ops.add(ops.multiply(x, self.factor), self.shift)
        return x if other is None else ops.subtract(x, other)


class Halves(Operation):
    def call(self, x):
        return {"first": x[: x.shape[0] // 2], "rest": (x[x.shape[0] // 2 :],)}


class Told(Operation):
    """Its shapes cannot be found by evaluating it."""

    def call(self, x):
        return ops.convert_to_tensor(ops.convert_to_numpy(x) * 2)

    def compute_output_spec(self, x):
        return KerasTensor(x.shape, x.dtype)


def test_eager_calls(backend):
    x, y = _draw(2, 3), _draw(2, 3)
    for result in (Scale(2.0, shift=1.0)(x, y), Scale(2.0, shift=1.0)(x, other=y)):
        assert ops.is_tensor(result)
        _near(result, x * 2 + 1 - y)


def test_symbolic_calls(backend):
    x, y = KerasTensor((None, 3)), KerasTensor((1, 3))
    scale = Scale(2.0)
    first = scale(x, other=y)
    assert (first.shape, first.dtype) == ((None, 3), "float32")
    second = scale(y)
    assert second.shape == (1, 3)
    assert scale.input == [x, y] and scale.output is first
    halves = Halves()(KerasTensor((4, 3)))
    assert halves["first"].shape == halves["rest"][0].shape == (2, 3)
    assert Told()(x).shape == (None, 3)
    assert scale.compute_output_spec(y).shape == (1, 3)
    assert scale.compute_output_shape((5, 3)) == (5, 3)
    assert Halves().compute_output_shape((4, 3)) == {"first": (2, 3), "rest": ((2, 3),)}


def test_names():
    isozoo.utils.clear_session()
    assert [Halves().name for _ in range(3)] == ["halves", "halves_1", "halves_2"]
    assert isozoo.backend.get_uid("halves") == 4
    assert Halves(name="mine").name == "mine"
    isozoo.backend.clear_session(free_memory=False)
    assert Halves().name == "halves"
    with pytest.raises(ValueError, match="must be a string and cannot contain character `/`"):
        Halves(name="a/b")
    with pytest.raises(ValueError, match="cannot contain"):
        layers.Dense(1, name="a/b")


def test_no_call_no_input():
    for what in ("input", "output"):
        with pytest.raises(AttributeError, match=f"scale' has no {what}: it was never called"):
            getattr(Scale(1.0, name="scale"), what)
    with pytest.raises(NotImplementedError, match="must define `call`"):
        Operation()(1)


class Rest(Operation):
    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)


class Nameless(Operation):
    def __init__(self, size=(1, 2)):
        super().__init__()


class Listed(Operation):
    def __init__(self, *sizes, name=None):
        super().__init__(name=name)


class Own(Operation):
    def __init__(self, thing, name=None):
        super().__init__(name=name)

    def get_config(self):
        return {**super().get_config(), "thing": 7}


def test_configs():
    for made, expected in (
        (Scale(2.0, name="s"), {"factor": 2.0, "shift": 0.0, "name": "s"}),
        (Rest(3, name="r"), {"size": 3, "name": "r"}),
        (Nameless(), {"size": (1, 2)}),
        (Own(object(), name="o"), {"name": "o", "thing": 7}),
        (Listed(name="l"), {"name": "l"}),
    ):
        assert made.get_config() == expected
        again = type(made).from_config(made.get_config())
        assert again.get_config() == expected
    with pytest.raises(NotImplementedError, match=r"`factor` is <object .*Define `get_config`"):
        Scale(object()).get_config()
    with pytest.raises(NotImplementedError, match="`sizes` has no name"):
        Listed(1, 2).get_config()


def test_layers_are_operations(backend):
    dense = layers.Dense(2)
    x = Input((3,))
    y = dense(x)
    assert isinstance(dense, Operation)
    assert dense.input is x and dense.output is y
    assert dense.compute_output_shape((None, 3)) == (None, 2)
    assert layers.Dense(4).compute_output_spec(x).shape == (None, 4)
    model = isozoo.Model(x, ops.relu(y))
    assert model.input is x and model.output is model.outputs[0]
    assert [o.name for o in model.operations] == [dense.name, "relu"]
    features = isozoo.Model(x, model.get_layer(dense.name).output)
    data = _draw(5, 3)
    _near(features(data), ops.convert_to_numpy(dense(data)))
    with isozoo.use_backend("numpy"):
        moved = model.to_backend("numpy")
        features = isozoo.Model(moved.input, moved.get_layer(dense.name).output)
        assert features(data).shape == (5, 2)


def test_a_layer_may_have_parts_called_input_and_output(backend):
    class Both(isozoo.Layer):
        def __init__(self):
            super().__init__()
            self.input, self.output = layers.Dense(2, input_dim=3), layers.Dense(1, input_dim=2)

        def call(self, x):
            return self.output(self.input(x))

    both = Both()
    assert both(_draw(4, 3)).shape == (4, 1)
    paths = [path for path, _ in both.named_variables()]
    assert paths == ["input.kernel", "input.bias", "output.kernel", "output.bias"]


def test_function(backend):
    x1, x2 = KerasTensor((None, 3)), KerasTensor((2, 3))
    total = ops.add(x1, x2)
    function = Function({"a": x1, "b": [x2]}, (total * 3, {"square": total**2}), name="f")
    a, b = _draw(2, 3), _draw(2, 3)
    tripled, rest = function({"a": a, "b": [b]})
    _near(tripled, (a + b) * 3)
    _near(rest["square"], (a + b) ** 2)
    assert function.name == "f"
    assert function.inputs == [x1, x2] and len(function.outputs) == 2
    assert [o.name for o in function.operations] == ["add", "multiply", "power"]


def test_function_of_symbolic_tensors(backend):
    x = KerasTensor((None, 3))
    function = Function(x, x**2)
    assert function.compute_output_spec(KerasTensor((4, 3))).shape == (4, 3)
    assert function.compute_output_shape((None, 3)) == (None, 3)
    start = KerasTensor((4, 3))
    outer = Function(start, function(start) + 1)
    data = _draw(4, 3)
    _near(outer(data), data**2 + 1)
    assert outer.operations[0] is function


def test_function_starts_where_it_is_told(backend):
    x = Input((3,))
    middle = x * 2
    function = Function(middle, (middle + 1) ** 2)
    assert [o.name for o in function.operations] == ["add", "power"]
    data = _draw(2, 3)
    _near(function(data), (data + 1) ** 2)


def test_function_refuses():
    x, y = KerasTensor((2, 3)), KerasTensor((2, 3))
    function = Function([x, y], x + y)
    with pytest.raises(ValueError, match="invalid input structure"):
        function(np.ones((2, 3)))
    for shape in ((2, 3, 3), (4, 3)):
        with pytest.raises(ValueError, match=r"incompatible inputs\..*expected shape \(2, 3\)"):
            function([np.ones(shape), np.ones((2, 3))])
    for shapes in ((2, 3), [(2, 3)], {"x": (2, 3)}, None):
        with pytest.raises(ValueError, match="invalid structure of shapes"):
            function.compute_output_shape(shapes)
    assert function.compute_output_shape([(2, 3), (2, None)]) == (2, 3)
    for what, given in (("inputs", ([], x)), ("outputs", (x, []))):
        with pytest.raises(ValueError, match=f"`{what}` argument cannot be empty"):
            Function(*given)
    with pytest.raises(ValueError, match="must be symbolic tensors; got float64"):
        Function(np.ones(2), x)
    with pytest.raises(ValueError, match="Output 0, .* is not connected to `inputs`"):
        Function(x, x + y)


def test_no_history_no_graph():
    x = KerasTensor((2,), record_history=False)
    with pytest.raises(ValueError, match="not connected"):
        Function(x, x + 1)


def test_history():
    x = KerasTensor((4, 3))
    assert not hasattr(x, "_keras_history")
    halves = Halves()
    first = halves(x)  # held: a call is counted as long as its results live
    operation, call, result = halves(x)["rest"][0]._keras_history
    assert first["rest"][0]._keras_history.node_index == 0
    assert (operation, call, result) == (halves, 1, 1)
    assert ops.cast(x, "float16")._keras_history.operation.name == "cast"


def test_source_inputs():
    x1, x2 = KerasTensor((2,)), KerasTensor((2,))
    y = ops.square(x1 + x2 + 2 + x1)
    assert get_source_inputs(y) == [x1, x2]
    assert get_source_inputs(x1) == [x1]
    assert get_source_inputs([x2 + 1, y]) == [x2, x1]


def test_an_output_that_is_an_input_is_another_tensor():
    class Same(Operation):
        def call(self, x):
            return x

        def compute_output_spec(self, x):
            return x

    x = KerasTensor((2,))
    y = Same()(x)
    assert y is not x and x.node is None
    _near(Function(x, y)(np.ones(2)), np.ones(2))
