"""Low-rank adapters: W + alpha / rank * A B, against that formula in NumPy."""

import copy
import pickle

import numpy as np
import pytest

import isozoo
from isozoo import layers, lora

BACKENDS = ("jax", "torch", "tensorflow", "numpy")
X = np.random.default_rng(0).standard_normal((5, 4)).astype("float32")


def _model(backend):
    with isozoo.use_backend(backend):
        isozoo.utils.set_random_seed(3)
        return isozoo.Sequential(
            [
                layers.Input((4,)),
                layers.Dense(6, "tanh", name="inner"),
                layers.Dense(2, name="head"),
            ]
        )


def _fill(model):
    """Give every B other values than zeros."""
    rng = np.random.default_rng(1)
    for _, _, _, kernel in lora.adapted(model):
        kernel.b.assign(rng.standard_normal(kernel.b.shape).astype("float32"))


def _expected(model, scale):
    values = {path: v.numpy().astype("float64") for path, v in model.named_variables()}
    a, b = values["inner.kernel_lora_a"], values["inner.kernel_lora_b"]
    hidden = np.tanh(X @ (values["inner.kernel"] + scale * a @ b) + values["inner.bias"])
    return hidden @ values["head.kernel"] + values["head.bias"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_adapted_kernel_is_the_sum(backend):
    model = _model(backend)
    before = model.predict(X, verbose=0)
    assert lora.enable(model, rank=2, alpha=6, train=["^head"]) == ["inner.kernel"]
    np.testing.assert_allclose(model.predict(X, verbose=0), before, rtol=1e-6, atol=1e-7)
    _fill(model)
    expected = _expected(model, 3.0)
    for found in (model.predict(X, verbose=0), np.asarray(isozoo.ops.convert_to_numpy(model(X)))):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    names = [path for path, v in model.named_variables() if v.trainable]
    assert names == ["inner.kernel_lora_a", "inner.kernel_lora_b", "head.kernel", "head.bias"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_merging_keeps_the_outputs_and_disabling_restores_them(backend):
    model = _model(backend)
    before = model.predict(X, verbose=0)
    trained = [path for path, v in model.named_variables() if v.trainable]
    lora.enable(model, rank=2)
    _fill(model)
    adapted = model.predict(X, verbose=0)
    merged = copy.deepcopy(model)
    lora.merge(merged)
    np.testing.assert_allclose(merged.predict(X, verbose=0), adapted, rtol=1e-5, atol=1e-5)
    lora.disable(model)
    np.testing.assert_array_equal(model.predict(X, verbose=0), before)
    assert [path for path, v in model.named_variables() if v.trainable] == trained
    assert next(lora.adapted(merged), None) is None
    with pytest.raises(ValueError, match="no adapters to merge"):
        lora.merge(model)


@pytest.mark.parametrize("backend", BACKENDS)
def test_copies_have_adapters_of_their_own(backend):
    model = _model(backend)
    lora.enable(model, rank=2)
    _fill(model)
    expected = model.predict(X, verbose=0)
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    copies += [model.to_backend(other) for other in BACKENDS]
    for found in copies:
        np.testing.assert_allclose(found.predict(X, verbose=0), expected, rtol=1e-5, atol=1e-5)
        assert len(list(lora.adapted(found))) == 2
        assert [*dict(found.named_variables())] == [*dict(model.named_variables())]
    for _, _, _, kernel in lora.adapted(copies[0]):
        kernel.b.assign(np.zeros(kernel.b.shape))
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_adapters_are_files_of_their_own(backend, tmp_path):
    model = _model(backend)
    base = {path: v.numpy() for path, v in model.named_variables()}
    lora.enable(model, rank=2, alpha=4, train=["^head"])
    _fill(model)
    expected = model.predict(X, verbose=0)
    file = lora.save(model, tmp_path / "adapter.safetensors")
    assert file.stat().st_size < 1500 and [*tmp_path.iterdir()] == [file]
    other = _model("torch" if backend == "jax" else "jax")
    assert lora.load(other, file) == ["inner.kernel"]
    np.testing.assert_allclose(other.predict(X, verbose=0), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(
        dict(other.named_variables())["inner.kernel"].numpy(), base["inner.kernel"]
    )


def test_what_does_not_fit_changes_nothing(tmp_path):
    model = _model("numpy")
    lora.enable(model, rank=2)
    file = lora.save(model, tmp_path / "adapter.safetensors")
    with isozoo.use_backend("numpy"):
        other = isozoo.Sequential([layers.Input((4,)), layers.Dense(3, name="inner")])
    before = {path: v.numpy() for path, v in other.named_variables()}
    with pytest.raises(ValueError, match=r"head.kernel: the model has no such kernel"):
        lora.load(other, file)
    assert {*before} == {path for path, _ in other.named_variables()}
    (tmp_path / "bad.safetensors").write_bytes(b"no such file")
    with pytest.raises(ValueError, match="cannot be read"):
        lora.load(other, tmp_path / "bad.safetensors")
    with pytest.raises(ValueError, match="no kernel of .* fits"):
        lora.enable(other, targets=["nothing"])
    with pytest.raises(ValueError, match="positive integer"):
        lora.enable(other, rank=0)
    with pytest.raises(ValueError, match="adapters already"):
        lora.enable(model)


@pytest.mark.parametrize("backend", ("jax", "torch", "tensorflow"))
def test_training_changes_the_adapters_alone(backend):
    model = _model(backend)
    lora.enable(model, rank=2, train=["^head"])
    before = {path: v.numpy() for path, v in model.named_variables()}
    model.compile("sgd", "mse")
    model.fit(X, np.ones((5, 2), "float32"), epochs=2, verbose=0)
    changed = {p for p, v in model.named_variables() if not np.array_equal(v.numpy(), before[p])}
    # A does not move at the first step, since B is zero; at the second it does.
    assert changed == {"inner.kernel_lora_a", "inner.kernel_lora_b", "head.kernel", "head.bias"}
