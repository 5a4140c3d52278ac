"""Programs in StableHLO by jax.export, and functions for SavedModels by jax2tf."""

import itertools
from collections.abc import Callable
from typing import Any

import jax
from jax import export

from ... import nested


def program(model: Any, signature: list[Any]) -> bytes:
    """Returns the model's call as bytes that `jax.export.deserialize` reads.

    The weights are constants of the program. Open sizes of the signature stay open: each is its own
    where the model allows that; else the first axes of all inputs are one batch; else sizes of the
    same axis are the same.

    Raises:
        RuntimeError: JAX cannot trace the model for open sizes.
    """
    called = jax.jit(lambda *args: model(*args))
    several = len(nested.flatten(signature)) > 1
    ways = (_each_its_own, _one_batch, _by_axis) if several else (_one_batch, _by_axis)
    for way in ways:
        try:
            made = export.export(called)(*_arguments(signature, way()))
            return bytes(made.serialize())
        except Exception as error:  # the last way tells what stands against it
            if way is ways[-1]:
                raise RuntimeError(f"The model cannot be exported by JAX: {error}") from error
    raise AssertionError("there is a way at least")


def for_tensorflow(fn: Any, specs: list[Any], kwargs: dict[str, Any]) -> Any:
    """Returns a function of JAX's arrays as one of TensorFlow's tensors."""
    from jax.experimental import jax2tf

    name = _one_batch()
    options = dict(kwargs.get("jax2tf_kwargs") or {})
    shapes = [nested.map_structure(lambda spec: _shape(spec, name), one) for one in specs]
    options.setdefault("polymorphic_shapes", shapes)
    return jax2tf.convert(fn, with_gradient=False, **options)


def on_tensorflow(fn: Any, tensors: list[Any]) -> list[Any]:
    """Returns `fn(*tensors)`, a list, of a function of JAX's arrays for TensorFlow's tensors.

    TensorFlow knows the gradient. An open size is one for the first axes, else each its own.
    """
    from jax.experimental import jax2tf

    name = _one_batch()
    shapes = [_shape(x, name) for x in tensors]
    return jax2tf.convert(fn, polymorphic_shapes=shapes)(*tensors)


def _arguments(signature: list[Any], name: Callable[[int], str]) -> list[Any]:
    scope = export.SymbolicScope()

    def argument(spec: Any) -> Any:
        shape = export.symbolic_shape(_shape(spec, name), scope=scope)
        return jax.ShapeDtypeStruct(shape, spec.dtype)

    return [nested.map_structure(argument, one) for one in signature]


# What open sizes of an axis are called.


def _each_its_own() -> Callable[[int], str]:
    numbers = itertools.count()
    return lambda axis: f"n{next(numbers)}"


def _one_batch() -> Callable[[int], str]:
    numbers = itertools.count()
    return lambda axis: "batch" if axis == 0 else f"n{next(numbers)}"


def _by_axis() -> Callable[[int], str]:
    return lambda axis: "batch" if axis == 0 else f"n{axis}"


def _shape(spec: Any, name: Callable[[int], str]) -> str:
    sizes = [name(axis) if size is None else str(size) for axis, size in enumerate(spec.shape)]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
