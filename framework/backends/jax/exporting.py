"""Programs in StableHLO by jax.export, and functions for SavedModels by jax2tf."""

import itertools
from collections.abc import Callable
from typing import Any

import jax
from jax import export

from ... import nested


def program(model: Any, signature: list[Any]) -> bytes:
    """Returns the model's call as bytes that `jax.export.deserialize` reads.

    The weights are constants of the program. Open sizes of the signature stay open: the first is
    the batch, one for all inputs; others are each their own, or where the model does not allow
    that, the same for the same axis of all inputs.

    Raises:
        RuntimeError: JAX cannot trace the model for open sizes.
    """
    called = jax.jit(lambda *args: model(*args))
    try:
        made = export.export(called)(*_arguments(signature, False))
    except Exception:
        try:
            made = export.export(called)(*_arguments(signature, True))
        except Exception as error:
            raise RuntimeError(f"The model cannot be exported by JAX: {error}") from error
    return bytes(made.serialize())


def for_tensorflow(fn: Any, specs: list[Any], kwargs: dict[str, Any]) -> Any:
    """Returns a function of JAX's arrays as one of TensorFlow's tensors."""
    from jax.experimental import jax2tf

    name = _names(False)
    options = dict(kwargs.get("jax2tf_kwargs") or {})
    shapes = [nested.map_structure(lambda spec: _shape(spec, name), one) for one in specs]
    options.setdefault("polymorphic_shapes", shapes)
    return jax2tf.convert(fn, with_gradient=False, **options)


def on_tensorflow(fn: Any, tensors: list[Any]) -> list[Any]:
    """Returns `fn(*tensors)`, a list, of a function of JAX's arrays for TensorFlow's tensors.

    TensorFlow knows the gradient. An open size is one for the first axes, else each its own.
    """
    from jax.experimental import jax2tf

    name = _names(False)
    shapes = [_shape(x, name) for x in tensors]
    return jax2tf.convert(fn, polymorphic_shapes=shapes)(*tensors)


def _arguments(signature: list[Any], by_axis: bool) -> list[Any]:
    name, scope = _names(by_axis), export.SymbolicScope()

    def argument(spec: Any) -> Any:
        shape = export.symbolic_shape(_shape(spec, name), scope=scope)
        return jax.ShapeDtypeStruct(shape, spec.dtype)

    return [nested.map_structure(argument, one) for one in signature]


def _names(by_axis: bool) -> Callable[[int], str]:
    """What an open size of an axis is called."""
    numbers = itertools.count()
    return lambda axis: "batch" if axis == 0 else f"n{axis if by_axis else next(numbers)}"


def _shape(spec: Any, name: Callable[[int], str]) -> str:
    sizes = [name(axis) if size is None else str(size) for axis, size in enumerate(spec.shape)]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
