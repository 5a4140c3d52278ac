"""Recurrent layers against loops of NumPy in float64, written from the papers' formulas."""

from __future__ import annotations

import numpy as np
import pytest

import isozoo
from isozoo import Input, layers, ops, random
from isozoo.scripts.references import kernels as references

_random = np.random.default_rng(4)
STEPS, UNITS = 5, 3
X = _random.standard_normal((2, STEPS, 4)).astype(np.float32)
MASK = np.array([[0, 1, 1, 0, 1], [1, 1, 0, 0, 0]], bool)
# A step sums 4 + 3 terms, and has at most ten more roundings, each of half a unit of 2^-23, of
# numbers below 4; activations do not enlarge an error, and there are five steps.
ERROR = STEPS * (4 + UNITS + 10) * 2.0**-24 * 4


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _simple(x, states, w):
    h = np.tanh(x @ w["kernel"] + states[0] @ w["recurrent_kernel"] + w.get("bias", 0))
    return h, [h]


def _lstm(x, states, w):
    h, c = states
    z = x @ w["kernel"] + h @ w["recurrent_kernel"] + w.get("bias", 0)
    i, f, g, o = np.split(z, 4, -1)
    c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
    h = _sigmoid(o) * np.tanh(c)
    return h, [h, c]


def _gru(x, states, w):
    h, bias = states[0], w.get("bias", np.zeros((2, 3 * UNITS)))
    x_z, x_r, x_g = np.split(x @ w["kernel"] + bias[0], 3, -1)
    h_z, h_r, h_g = np.split(h @ w["recurrent_kernel"] + bias[1], 3, -1)
    z, r = _sigmoid(x_z + h_z), _sigmoid(x_r + h_r)
    h = z * h + (1 - z) * np.tanh(x_g + r * h_g)
    return h, [h]


def _gru_before(x, states, w):
    h = states[0]
    k_z, k_r, k_g = np.split(w["recurrent_kernel"], 3, -1)
    x_z, x_r, x_g = np.split(x @ w["kernel"] + w["bias"], 3, -1)
    z, r = _sigmoid(x_z + h @ k_z), _sigmoid(x_r + h @ k_r)
    h = z * h + (1 - z) * np.tanh(x_g + (r * h) @ k_g)
    return h, [h]


KINDS = {
    "simple": (layers.SimpleRNN, {}, _simple, 1),
    "lstm": (layers.LSTM, {}, _lstm, 2),
    "lstm_without_bias": (layers.LSTM, {"use_bias": False}, _lstm, 2),
    "gru": (layers.GRU, {}, _gru, 1),
    "gru_without_bias": (layers.GRU, {"use_bias": False}, _gru, 1),
    "gru_reset_before": (layers.GRU, {"reset_after": False}, _gru_before, 1),
}


def _run(step, x, states, w, mask=None, zero=False):
    """Outputs of all steps, and the last states, with Keras's rules about masks."""
    outputs, before = [], np.zeros_like(states[0])
    for t in range(x.shape[1]):
        output, new = step(x[:, t], states, w)
        if mask is not None:
            counts = mask[:, t, None]
            output = np.where(counts, output, 0 if zero else before)
            new = [np.where(counts, a, b) for a, b in zip(new, states, strict=True)]
        before, states = output, new
        outputs.append(output)
    return np.stack(outputs, 1), states


def _weights(layer):
    """Values that no initializer gives, by the name in the cell."""
    draws = np.random.default_rng(7)
    for variable in layer.weights:
        variable.assign(draws.uniform(-0.5, 0.5, variable.shape))
    paths = layer.weights_by_path().items()
    return {path.rpartition(".")[2]: v.numpy().astype(np.float64) for path, v in paths}


def _near(found, expected, error=ERROR):
    found = ops.convert_to_numpy(found)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=error)


def _all_near(found, expected, error=ERROR):
    for a, b in zip(found, expected, strict=True):
        _near(a, b, error)


@pytest.mark.parametrize("kind", KINDS)
def test_values(kind, backend):
    make, options, step, count = KINDS[kind]
    layer = make(UNITS, return_sequences=True, return_state=True, **options)
    layer(X)
    w = _weights(layer)
    zeros = [np.zeros((2, UNITS))] * count
    x = X.astype(np.float64)
    outputs, states = _run(step, x, zeros, w)
    _all_near(layer(X), [outputs, *states])
    outputs, states = _run(step, x, zeros, w, MASK)
    _all_near(layer(X, mask=MASK), [outputs, *states])
    first = [_random.standard_normal((2, UNITS)) for _ in range(count)]
    outputs, states = _run(step, x, first, w)
    _all_near(layer(X, initial_state=[s.astype(np.float32) for s in first]), [outputs, *states])
    layer.zero_output_for_mask = True
    _near(layer(X, mask=MASK)[0], _run(step, x, zeros, w, MASK, zero=True)[0])


@pytest.mark.parametrize("kind", ["simple", "lstm", "gru"])
def test_backwards_and_last_outputs(kind, backend):
    """Outputs are in the order in which they were computed."""
    make, options, step, count = KINDS[kind]
    layer = make(UNITS, go_backwards=True, unroll=True, **options)
    layer(X)
    w, zeros = _weights(layer), [np.zeros((2, UNITS))] * count
    x, mask = X[:, ::-1].astype(np.float64), MASK[:, ::-1]
    _near(layer(X), _run(step, x, zeros, w)[0][:, -1])
    _near(layer(X, mask=MASK), _run(step, x, zeros, w, mask)[0][:, -1])
    layer.zero_output_for_mask = True
    _near(layer(X, mask=MASK), _run(step, x, zeros, w, mask, zero=True)[0][:, -1])
    layer.return_sequences = True
    _near(layer(X), _run(step, x, zeros, w)[0])


class Sum:
    """A cell that is no layer, with states of two sizes."""

    state_size = [2, 4]
    output_size = 1

    def call(self, inputs, states):
        total, last = states
        total = ops.add(total, inputs[:, :2])
        return ops.sum(total, -1, keepdims=True), [total, ops.add(inputs, ops.multiply(last, 0))]


def test_a_cell_of_the_user(backend):
    layer = layers.RNN(Sum(), return_sequences=True, return_state=True)
    outputs, total, last = layer(X)
    sums = X[..., :2].cumsum(1)
    _near(outputs, sums.sum(-1, keepdims=True))
    _near(total, sums[:, -1])
    _near(last, X[:, -1], 0)
    masked = np.where(MASK[..., None], X[..., :2], 0).cumsum(1).sum(-1, keepdims=True)
    _near(layer(X, mask=MASK)[0], masked)
    _near(layers.RNN(Sum())(X, mask=MASK), masked[:, -1])


def test_stacked_cells(backend):
    cells = [layers.LSTMCell(UNITS), layers.GRUCell(UNITS)]
    layer = layers.RNN(cells, return_sequences=True, return_state=True)
    outputs, first, second = layer(X)
    inner, *states = layers.RNN(cells[0], return_sequences=True, return_state=True)(X)
    expected, last = layers.RNN(cells[1], return_sequences=True, return_state=True)(inner)
    _near(outputs, ops.convert_to_numpy(expected))
    _all_near(first, [ops.convert_to_numpy(s) for s in states])
    _near(second[0], ops.convert_to_numpy(last))


def test_states_stay_between_calls(backend):
    layer = layers.LSTM(UNITS, stateful=True, return_sequences=True)
    first = ops.convert_to_numpy(layer(X[:, :2]))
    rest = ops.convert_to_numpy(layer(X[:, 2:]))
    layer.reset_state()
    whole = ops.convert_to_numpy(layer(X))
    _near(np.concatenate([first, rest], 1), whole)
    assert [v.shape for v in layer.weights] == [(4, 12), (3, 12), (12,)]
    with pytest.raises(ValueError, match="Expected batch size: 2\n- Received batch size: 1"):
        layer(X[:1])
    with pytest.raises(ValueError, match="batch size must be static"):
        layers.LSTM(2, stateful=True)(Input((STEPS, 4)))


def test_dropout_has_one_mask_for_all_steps(backend):
    """The layer's outputs are those of its cell's steps with the masks that its seed gives."""
    layer = layers.GRU(UNITS, dropout=0.5, recurrent_dropout=0.25, seed=3, return_sequences=True)
    layer(X)
    _weights(layer)
    found = ops.convert_to_numpy(layer(X, training=True))
    cell = layer.cell
    cell.seed_generator.state.assign(random.SeedGenerator(3).state.numpy())
    states = [np.zeros((2, UNITS), np.float32)]
    masks = cell.make_dropout_masks(ops.convert_to_tensor(X[:, 0]), states)
    assert [len(part) for part in masks] == [3, 3]
    assert set(np.unique(ops.convert_to_numpy(masks[0][0]))) <= {0, 2}
    for t in range(STEPS):
        output, states = cell(X[:, t], states, training=True, dropout_masks=masks)
        _near(output, found[:, t])
    assert (found != ops.convert_to_numpy(layer(X))).any()


@pytest.mark.parametrize("make", [layers.LSTM, layers.GRU])
def test_torch_kernel_for_all_steps_has_the_loops_gradients(make):
    torch = pytest.importorskip("torch")
    from isozoo import use_backend

    with use_backend("torch"):
        layer = make(UNITS, return_sequences=True)
        layer(X)
        _weights(layer)
        found = []
        for use in (True, False):
            layer.use_cudnn = use
            y = layer(X)
            parameters = [v.native for v in layer.trainable_variables]
            found.append([y.detach(), *torch.autograd.grad((y * y).sum(), parameters)])
        for a, b in zip(*found, strict=True):
            # A gradient sums what all steps and examples give, of numbers below 4.
            _near(a, b.numpy(), 2 * STEPS * ERROR)


def test_a_kernel_that_there_is_not(backend):
    layer = layers.LSTM(2, activation="relu", use_cudnn=True)
    with pytest.raises(ValueError, match="cuDNN is not supported for this layer configuration"):
        layer(X)


# Wrappers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["concat", "sum", "ave", "mul", None])
def test_bidirectional(mode, backend):
    layer = layers.Bidirectional(layers.SimpleRNN(UNITS, return_sequences=True), merge_mode=mode)
    layer(X)
    w = [_weights(part) for part in (layer.forward_layer, layer.backward_layer)]
    x, zeros = X.astype(np.float64), [np.zeros((2, UNITS))]
    y = _run(_simple, x, zeros, w[0], MASK, zero=True)[0]
    reverse = _run(_simple, x[:, ::-1], zeros, w[1], MASK[:, ::-1], zero=True)[0][:, ::-1]
    expected = {
        "concat": np.concatenate([y, reverse], -1),
        "sum": y + reverse,
        "ave": (y + reverse) / 2,
        "mul": y * reverse,
    }
    found = layer(X, mask=MASK)
    _all_near(found, [y, reverse]) if mode is None else _near(found, expected[mode])


def test_bidirectional_states_and_errors(backend):
    layer = layers.Bidirectional(layers.LSTM(UNITS, return_state=True))
    outputs, *states = layer(X)
    assert len(states) == 4
    again = layer(X, initial_state=states)
    assert (ops.convert_to_numpy(again[0]) != ops.convert_to_numpy(outputs)).any()
    with pytest.raises(ValueError, match="different `go_backwards`"):
        layers.Bidirectional(layers.GRU(2), backward_layer=layers.GRU(2))
    with pytest.raises(ValueError, match="Invalid merge mode"):
        layers.Bidirectional(layers.GRU(2), merge_mode="max")


def test_time_distributed_runs_statistics_step_by_step(backend):
    layer = layers.TimeDistributed(layers.BatchNormalization(momentum=0.5, epsilon=0.0))
    found = layer(X, training=True)
    mean, moving = X.astype(np.float64).mean(0, keepdims=True), np.zeros(4)
    deviation = X.astype(np.float64).std(0, keepdims=True)
    # Of two examples the normalized values are 1 and -1, and their roundings grow with 1 / spread.
    _near(found, (X - mean) / deviation, 16 * 2.0**-24 * (np.abs(X).max() / deviation.min()) ** 2)
    for step in mean[0]:
        moving = 0.5 * moving + 0.5 * step
    _near(layer.layer.moving_mean.numpy(), moving)


def test_time_distributed_hands_masks_on(backend):
    layer = layers.TimeDistributed(layers.GlobalAveragePooling1D())
    x = _random.standard_normal((2, 3, 4, 2)).astype(np.float32)
    mask = _random.random((2, 3, 4)) < 0.5
    mask[..., 0] = True
    expected = (x * mask[..., None]).sum(2) / mask.sum(2)[..., None]
    _near(layer(x, mask=mask), expected)
    with pytest.raises(ValueError, match="incompatible with the input shape"):
        layer(x, mask=mask[:, :2])


def test_convolutional_memory(backend):
    layer = layers.ConvLSTM2D(2, 2, strides=2, padding="same", return_sequences=True)
    x = _random.standard_normal((2, 3, 5, 4, 3)).astype(np.float32)
    layer(x)
    w, states = _weights(layer), [np.zeros((2, 3, 2, 2))] * 2

    def step(x, states, w):
        h, c = states
        z = references.conv(x, w["kernel"], 2, "same") + w["bias"]
        z = z + references.conv(h, w["recurrent_kernel"], 1, "same")
        i, f, g, o = np.split(z, 4, -1)
        c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
        h = _sigmoid(o) * np.tanh(c)
        return h, [h, c]

    # The sums have 4 (3 + 2) terms.
    _near(layer(x), _run(step, x.astype(np.float64), states, w)[0], 3 * ERROR)


# Models -----------------------------------------------------------------------------------------


def test_masks_of_an_embedding_reach_the_cells(backend):
    tokens = np.array([[1, 2, 0, 0], [3, 0, 0, 0]])
    embed, layer = layers.Embedding(4, 4, mask_zero=True), layers.LSTM(UNITS)
    found = ops.convert_to_numpy(layer(embed(tokens)))
    _near(found[:1], ops.convert_to_numpy(layer(embed(tokens[:1, :2]))))
    _near(found[1:], ops.convert_to_numpy(layer(embed(tokens[1:, :1]))))


def test_unknown_sizes(backend):
    sequences = Input((None, 4))
    assert layers.LSTM(UNITS, return_sequences=True)(sequences).shape == (None, None, UNITS)
    outputs, state = layers.GRU(UNITS, return_state=True)(sequences)
    assert outputs.shape == state.shape == (None, UNITS)
    both = layers.Bidirectional(layers.GRU(UNITS, return_sequences=True))(sequences)
    assert both.shape == (None, None, 2 * UNITS)
    each = layers.TimeDistributed(layers.Dense(2))(sequences)
    assert each.shape == (None, None, 2)


def test_listed_cells_keep_their_dtypes(backend):
    """A state has the dtype of its cell, which was made before the layer around it."""

    class Sum(layers.Layer):
        def __init__(self, units, dtype=None):
            super().__init__(dtype=dtype)
            self.units = self.state_size = units

        def build(self, input_shape):
            self.kernel = self.add_weight((input_shape[-1], self.units), "ones")

        def call(self, inputs, states):
            made = ops.add(ops.matmul(inputs, self.kernel), states[0])
            return made, [made]

    for cells in ([Sum(3), Sum(2)], [Sum(3, "mixed_float16"), Sum(2)], [Sum(3), Sum(2, "float16")]):
        layer = layers.RNN(cells, dtype="mixed_float16")
        found = layer(np.ones((1, 2, 4), "float32"))
        assert isozoo.backend.standardize_dtype(found.dtype) == "float16"
        # 4 in each of 3 after the first step, 8 after the second; sums of 3 of both.
        np.testing.assert_array_equal(ops.convert_to_numpy(found), [[36, 36]])


@pytest.mark.parametrize("kind", ["simple", "lstm", "gru"])
def test_a_cell_keeps_its_dtype_in_a_layer_of_another(kind, backend):
    """The cell computes in its own dtype; what comes out has the layer's."""
    cell = {"simple": layers.SimpleRNNCell, "lstm": layers.LSTMCell, "gru": layers.GRUCell}[kind]
    step, count = KINDS[kind][2:]
    for made in (cell(UNITS, dropout=0.5), [cell(UNITS, dropout=0.5)]):
        layer = layers.RNN(made, return_sequences=True, return_state=True, dtype="float64")
        layer(X)
        w = _weights(layer)
        found = layer(X.astype(np.float64))
        assert {isozoo.backend.standardize_dtype(x.dtype) for x in found[:1]} == {"float64"}
        zeros = [np.zeros((2, UNITS))] * count
        _near(found[0], _run(step, X.astype(np.float64), zeros, w)[0], ERROR)
        assert np.isfinite(ops.convert_to_numpy(layer(X, training=True)[0])).all()
