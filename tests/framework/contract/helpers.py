"""What the rows share: layers with weights that nobody drew, their values, and comparisons."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from isozoo import Layer, Variable, backend, ops, random
from isozoo.framework.core.trackable import Trackable

from .cases import Case

BACKENDS = ("numpy", "torch", "jax", "tensorflow")
# Two orders of summation differ by at most (terms) x 2^-24 of the sum of magnitudes in each
# layer; the cases have sums of at most 72 terms (3 x 3 x 2 x 4), and five layers in a row.
SUMS = 5 * 72 * 2.0**-24


def fresh(case: Case, **options: Any) -> Any:
    """Returns the case's layer as it is made: with the same seeds and draws at each call."""
    random.set_random_seed(5)
    return case.make(**options)


# (case, backend) -> a layer that is only ever copied, which takes a small part of making it.
_originals: dict[tuple[str, str], Any] = {}


def built(case: Case) -> Any:
    """Returns the case's layer, built, with weights between 0.5 and 1.5; the same at each call."""
    key = case.name, backend.backend()
    if key not in _originals:
        _originals[key] = _built(case)
    return copy.deepcopy(_originals[key])


def _built(case: Case) -> Any:
    layer = fresh(case)
    layer(*case.inputs)
    randomize(layer)
    return layer


def randomize(layer: Any) -> None:
    """Assigns each weight values that no initializer gives, and that need no care (variances)."""
    draws = np.random.default_rng(1)
    for variable in layer.weights:
        variable.assign(draws.uniform(0.5, 1.5, variable.shape))


def arrays(outputs: Any) -> dict[str, np.ndarray]:
    """Returns the tensors of a layer's outputs as NumPy arrays, by their keys."""
    if not isinstance(outputs, dict):
        outputs = {"": outputs}
    return {key: np.asarray(ops.convert_to_numpy(x)) for key, x in outputs.items()}


def run(layer: Any, case: Case, **options: Any) -> dict[str, np.ndarray]:
    """Returns the outputs of a call on the case's inputs as NumPy arrays."""
    return arrays(layer(*case.inputs, **options))


def same(got: dict[str, np.ndarray], expected: dict[str, np.ndarray], within: float = 0.0) -> None:
    """Asserts that two sets of outputs are equal, or differ by a share of their magnitude."""
    assert list(got) == list(expected)
    for key, array in expected.items():
        assert got[key].shape == array.shape
        assert got[key].dtype == array.dtype
        if within:
            room = within * max(1.0, float(np.abs(array).max(initial=0)))
            np.testing.assert_allclose(got[key], array, rtol=0, atol=room)
        else:
            np.testing.assert_array_equal(got[key], array)


def differ(got: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> bool:
    """Whether any output has another value."""
    return any((got[key] != array).any() for key, array in expected.items())


def values(layer: Any) -> dict[str, np.ndarray]:
    """Returns the values of all variables, seeds' states included, by path."""
    return {path: np.array(v.numpy()) for path, v in layer.named_variables()}


def unchanged(layer: Any, before: dict[str, np.ndarray]) -> None:
    """Asserts that a layer's variables are those of `before`, with their values."""
    after = values(layer)
    assert list(after) == list(before)
    for path, value in before.items():
        np.testing.assert_array_equal(after[path], value, err_msg=path)


def plain_attributes(layer: Any) -> dict[str, Any]:
    """Returns the public attributes of a layer and of those in it, by path."""
    found = {}
    for prefix, inner in layers_by_path(layer):
        for name, value in vars(inner).items():
            if not name.startswith("_"):
                found[f"{prefix}{name}"] = value
    return found


def layers_by_path(layer: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields pairs (path with a dot at its end, layer) of a layer and all that are inside."""
    yield prefix, layer
    for name, inner in layer.named_sublayers():
        yield from layers_by_path(inner, f"{prefix}{name}.")


def changeable(x: Any, found: dict[int, Any] | None = None) -> dict[int, Any]:
    """Returns what can change and is reached from a layer: parts, lists, dicts, arrays, by id."""
    found = {} if found is None else found
    if id(x) in found:
        return found
    if isinstance(x, Trackable):
        found[id(x)] = x
        for name, value in vars(x).items():
            if name not in ("_owners", "_cache", "_backend", "_inbound"):
                changeable(value, found)
        changeable(dict(x._tracked), found)
    elif isinstance(x, Variable):
        found[id(x)] = x
        if x.initialized:
            found[id(x.native)] = x.native
    elif isinstance(x, list | dict | set | np.ndarray):
        found[id(x)] = x
        for item in [*x.values()] if isinstance(x, dict) else [] if _is_array(x) else [*x]:
            changeable(item, found)
    elif isinstance(x, tuple):
        for item in x:
            changeable(item, found)
    return found


def _is_array(x: Any) -> bool:
    return isinstance(x, np.ndarray)


def symbols(case: Case, batch: int | None = None) -> tuple[Any, ...]:
    """Returns symbolic tensors like the case's inputs, with a batch of any size unless given."""
    from isozoo import Input

    return case.mapped(lambda x: Input(batch_shape=(batch, *x.shape[1:]), dtype=x.dtype.name))


def specs(outputs: Any) -> dict[str, tuple[tuple, str]]:
    """Returns (shape, dtype) of the tensors of a layer's outputs, by their keys."""
    if not isinstance(outputs, dict):
        outputs = {"": outputs}
    return {key: (tuple(x.shape), ops.dtype(x)) for key, x in outputs.items()}


def all_layers(layer: Layer) -> list[Layer]:
    """Returns a layer and all layers inside."""
    return [inner for _, inner in layers_by_path(layer)]


def is_float(x: np.ndarray) -> bool:
    """Whether an array holds floats."""
    return x.dtype.kind == "f"
