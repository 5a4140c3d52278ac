"""The same layer on another backend: a copy of everything in it, tensor by tensor."""

import copy
from typing import Any

import numpy as np

from ..backends import registry
from ..backends.registry import TENSORS, Kind, classify
from .layer import Layer
from .scopes import deferred_initialization
from .symbolic import KerasTensor, Node
from .tracking import TrackedDict, TrackedList, begin, plain_class
from .variable import Variable


def transfer(layer: Layer, backend: Any) -> Layer:
    """`layer` with all that is in it, on `backend`. No `__init__` runs."""
    before = backend.activate()
    try:
        return _copy(layer, backend, {})
    finally:
        registry.state.backend = before


def _copy(x: Any, backend: Any, memo: dict[int, Any]) -> Any:
    if id(x) in memo:
        return memo[id(x)]
    owner = TENSORS.get(type(x)) or classify(type(x))
    if isinstance(x, Layer):
        return _copy_layer(x, backend, memo)
    if isinstance(x, Variable):
        made = _copy_variable(x, backend)
    elif isinstance(x, KerasTensor):
        made = memo[id(x)] = KerasTensor(x.shape, x.dtype, x.name)
        made.node = _copy(x.node, backend, memo)
    elif isinstance(x, Node):
        made = memo[id(x)] = Node(
            _copy(x.target, backend, memo),
            _copy(x.args, backend, memo),
            _copy(x.kwargs, backend, memo),
        )
        made.outputs = _copy(x.outputs, backend, memo)
    elif not isinstance(owner, Kind):
        made = backend.asarray(np.array(owner.to_numpy(x)))
    elif isinstance(x, TrackedList):
        made = [_copy(value, backend, memo) for value in x]
    elif isinstance(x, TrackedDict):
        made = {key: _copy(value, backend, memo) for key, value in x.items()}
    elif isinstance(x, dict):
        made = {key: _copy(value, backend, memo) for key, value in x.items()}
    elif isinstance(x, list):
        made = [_copy(value, backend, memo) for value in x]
    elif isinstance(x, tuple):
        parts = [_copy(value, backend, memo) for value in x]
        made = type(x)(*parts) if hasattr(x, "_fields") else tuple(parts)
    elif _is_bound(x):
        made = getattr(_copy(x.__self__, backend, memo), x.__name__)
    elif callable(x) or isinstance(x, type):
        made = x
    else:
        made = copy.deepcopy(x) if type(x).__module__ == "builtins" else x
    memo[id(x)] = made
    return made


def _is_bound(x: Any) -> bool:
    return isinstance(getattr(x, "__self__", None), Layer)


def _copy_variable(x: Variable, backend: Any) -> Variable:
    with deferred_initialization():
        made = type(x)(x.initializer, x.shape, x.dtype, x.trainable, x.name, x.layout)
    made.path = x.path
    if x.initialized:
        # A copy: the two models must not share memory.
        made.store(backend.make_value(np.array(x.numpy()), x.dtype, x.trainable, x.layout))
    return made


def _copy_layer(layer: Layer, backend: Any, memo: dict[int, Any]) -> Layer:
    plain = plain_class(type(layer))
    made = begin(plain, backend)
    memo[id(layer)] = made
    # Attributes that belong to either native flavour, not to the layer.
    native = set(vars(made)) | set(vars(begin(plain, layer._backend)))
    made.__dict__["_trainable"] = layer._trainable
    for name, value in vars(layer).items():
        if name in native or name.startswith("_compiled"):
            continue
        setattr(made, name, _copy(value, backend, memo))
    for name, item in layer._tracked.items():
        # Registered without an attribute of that name, as in a functional model.
        if name not in made._tracked:
            made.register(name, _copy(item, backend, memo))
    made.__dict__["_arguments"] = _copy(layer._arguments, backend, memo)
    made._set_dtype(layer.dtype)
    made.built = layer.built
    return made
