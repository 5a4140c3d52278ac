"""The same layer on another backend: a copy of everything in it, tensor by tensor."""

import copy
from typing import Any

import numpy as np

from ..backends import registry
from ..backends.registry import TENSORS, Kind, classify
from ..dtypes import standardize
from .layer import Layer
from .scopes import deferred_initialization
from .symbolic import KerasTensor, Node
from .tracking import begin, is_view, plain_class
from .variable import Variable


class Target:
    """Where a copy goes: the backend, and how dtypes change on the way."""

    def __init__(self, backend: Any, dtypes: dict[str, str]) -> None:
        self.backend = backend
        self.dtypes = dtypes

    def dtype(self, name: str) -> str:
        """What the dtype `name` becomes."""
        return self.dtypes.get(name, name)


def transfer(layer: Layer, backend: Any, dtype: str | None = None) -> Layer:
    """`layer` with all that is in it, on `backend`. No `__init__` runs."""
    before = backend.activate()
    target = Target(backend, {} if dtype is None else {layer.dtype: standardize(dtype)})
    try:
        return _copy(layer, target, {})
    finally:
        registry.state.backend = before


def _copy(x: Any, target: Target, memo: dict[int, Any]) -> Any:
    if id(x) in memo:
        return memo[id(x)]
    owner = TENSORS.get(type(x)) or classify(type(x))
    if isinstance(x, Layer):
        return _copy_layer(x, target, memo)
    if isinstance(x, Variable):
        made = _copy_variable(x, target)
    elif isinstance(x, KerasTensor):
        made = memo[id(x)] = KerasTensor(x.shape, target.dtype(x.dtype), name=x.name)
        made.node = _copy(x.node, target, memo)
    elif isinstance(x, Node):
        made = memo[id(x)] = Node(
            _copy(x.target, target, memo),
            _copy(x.args, target, memo),
            _copy(x.kwargs, target, memo),
        )
        made.outputs = _copy(x.outputs, target, memo)
        if isinstance(made.target, Layer):
            made.target._inbound_nodes.append(made)
    elif not isinstance(owner, Kind):
        made = target.backend.asarray(np.array(owner.to_numpy(x)), target.dtype(owner.dtype(x)))
    elif is_view(x):
        plain = x.plain()
        made = _copy(plain, target, memo)
        del memo[id(plain)]  # it goes away, and another object may get its id
    elif isinstance(x, dict):
        made = {key: _copy(value, target, memo) for key, value in x.items()}
    elif isinstance(x, list):
        made = [_copy(value, target, memo) for value in x]
    elif isinstance(x, tuple):
        parts = [_copy(value, target, memo) for value in x]
        made = type(x)(*parts) if hasattr(x, "_fields") else tuple(parts)
    elif _is_bound(x):
        made = getattr(_copy(x.__self__, target, memo), x.__name__)
    elif callable(x) or isinstance(x, type):
        made = x
    else:
        made = copy.deepcopy(x) if type(x).__module__ == "builtins" else x
    memo[id(x)] = made
    return made


def _is_bound(x: Any) -> bool:
    return isinstance(getattr(x, "__self__", None), Layer)


def _copy_variable(x: Variable, target: Target) -> Variable:
    dtype = target.dtype(x.dtype)
    with deferred_initialization():
        made = type(x)(x.initializer, x.shape, dtype, x.trainable, x.name, x.layout)
    made.path = x.path
    if x.initialized:
        # A copy: the two models must not share memory.
        made.store(target.backend.make_value(np.array(x.numpy()), dtype, x.trainable, x.layout))
    return made


def _copy_layer(layer: Layer, target: Target, memo: dict[int, Any]) -> Layer:
    plain = plain_class(type(layer))
    made = begin(plain, target.backend)
    memo[id(layer)] = made
    # Attributes that belong to either native flavour, not to the layer.
    native = set(vars(made)) | set(vars(begin(plain, layer._backend)))
    made.__dict__["_trainable"] = layer._trainable
    for name, value in vars(layer).items():
        if name in native or name.startswith("_compiled"):
            continue
        setattr(made, name, _copy(value, target, memo))
    for name, item in layer._tracked.items():
        # Registered without an attribute of that name, as in a functional model.
        if name not in made._tracked:
            made.register(name, _copy(item, target, memo))
    made.__dict__["_arguments"] = _copy(layer._arguments, target, memo)
    made._set_dtype(target.dtype(layer.dtype))
    made.built = layer.built
    return made
