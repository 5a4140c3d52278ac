"""Programs in StableHLO by jax.export, and functions for SavedModels by jax2tf."""

import itertools
from typing import Any

import jax
from jax import export

from ... import nested


def program(model: Any, signature: list[Any]) -> bytes:
    """Returns the model's call as bytes that `jax.export.deserialize` reads.

    The weights are constants of the program. Open sizes of the signature stay open.

    Raises:
        RuntimeError: JAX cannot trace the model for open sizes.
    """
    names = itertools.count()
    scope = export.SymbolicScope()

    def argument(spec: Any) -> Any:
        sizes = [f"n{next(names)}" if size is None else str(size) for size in spec.shape]
        shape = export.symbolic_shape(f"({', '.join(sizes)},)" if sizes else "()", scope=scope)
        return jax.ShapeDtypeStruct(shape, spec.dtype)

    arguments = [nested.map_structure(argument, one) for one in signature]
    try:
        made = export.export(jax.jit(lambda *args: model(*args)))(*arguments)
    except Exception as error:
        raise RuntimeError(f"The model cannot be exported by JAX: {error}") from error
    return bytes(made.serialize())


def for_tensorflow(fn: Any, specs: list[Any], kwargs: dict[str, Any]) -> Any:
    """Returns a function of JAX's arrays as one of TensorFlow's tensors."""
    from jax.experimental import jax2tf

    names = itertools.count()

    def shape(spec: Any) -> str:
        sizes = [f"n{next(names)}" if size is None else str(size) for size in spec.shape]
        return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"

    options = dict(kwargs.get("jax2tf_kwargs") or {})
    options.setdefault("polymorphic_shapes", [nested.map_structure(shape, one) for one in specs])
    return jax2tf.convert(fn, with_gradient=False, **options)
