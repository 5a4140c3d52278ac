"""What a model is exported for: the shapes and dtypes of its inputs."""

import inspect
from collections.abc import Iterator
from typing import Any

from .. import dtypes, nested
from ..core.input_spec import InputSpec
from ..core.keras_tensor import KerasTensor
from ..core.layer import Layer


def input_signature(model: Any) -> list[Any]:
    """Returns the specifications of a model's positional inputs, each perhaps nested.

    The batch is left open. They come from the model's graph, else from its method
    `export_signature`, else from its first call or the shapes that it was built for.

    Raises:
        TypeError: it is no model.
        ValueError: it has not been built, or was never called.
    """
    if not isinstance(model, Layer):
        raise TypeError(
            f"The model must be a `keras.Model`. Received: model={model} of the type {type(model)}"
        )
    graph = getattr(model, "_graph", None)
    if graph is not None:
        return [nested.map_structure(spec_of, graph.inputs_structure)]
    own = getattr(model, "export_signature", None)
    if own is not None and (given := own()) is not None:
        return nested.map_structure(spec_of, given)
    if not model.built:
        raise ValueError(
            "The model provided has not yet been built. It must be built before export."
        )
    if (first := vars(model).get("_first_call")) is not None:
        return nested.map_structure(spec_of, first)
    shapes = (vars(model).get("_build_shapes") or {}).values()
    if not shapes:
        raise ValueError(
            "The model provided has never called. It must be called at least once before export, "
            "or be given `input_signature`."
        )
    return [_of_shapes(shape, model.input_dtype) for shape in shapes]


def spec_of(x: Any) -> InputSpec:
    """Returns the specification of an input: of a symbolic tensor or a tensor with an open batch.

    What has `shape` and `dtype`, such as `tf.TensorSpec`, keeps both.

    Raises:
        TypeError: it has no shape and dtype.
        ValueError: an InputSpec that leaves one of them open.
    """
    if isinstance(x, InputSpec):
        if x.shape is None or x.dtype is None:
            raise ValueError(f"The `shape` and `dtype` must be provided. Received: x={x}")
        return x
    if not hasattr(x, "shape") or not hasattr(x, "dtype"):
        raise TypeError(
            f"Unsupported x={x} of the type ({type(x)}). Supported types are: `keras.InputSpec`, "
            "`keras.KerasTensor` and backend tensor."
        )
    shape = tuple(None if size is None else int(size) for size in x.shape)
    dtype = dtypes.standardize(getattr(x.dtype, "name", x.dtype))
    if isinstance(x, KerasTensor):
        return InputSpec(dtype, (None, *shape[1:]) if shape else (), name=x.name)
    given = type(x).__name__ == "TensorSpec"
    name = getattr(x, "name", None) if given else None
    return InputSpec(dtype, shape if given or not shape else (None, *shape[1:]), name=name)


def named(signature: list[Any], call: Any) -> list[Any]:
    """Returns a signature whose specifications have names, by which other programs call the model.

    In a dict a specification is named by its key, elsewhere by its own name, else by the parameter
    of the call that it stands for. A name that is taken gets a number.

    Args:
        signature: structures of InputSpec, one for each positional argument.
        call: the function that takes them.
    """
    parameters = [*inspect.signature(call).parameters]
    parameters += [f"args_{number}" for number in range(len(parameters), len(signature))]
    names: list[str] = []
    for structure, parameter in zip(signature, parameters, strict=False):
        for name in _labels(structure, parameter):
            taken = sum(1 for other in names if other == name or other.startswith(f"{name}_"))
            names.append(f"{name}_{taken}" if name in names else name)
    left = iter(names)
    return nested.map_structure(
        lambda spec: InputSpec(spec.dtype, spec.shape, name=next(left)), signature
    )


def _labels(structure: Any, name: str, is_key: bool = False) -> Iterator[str]:
    """How each specification of a structure would be called, others aside."""
    if isinstance(structure, dict):
        for key, part in structure.items():
            yield from _labels(part, str(key), True)
    elif isinstance(structure, list | tuple):
        for part in structure:
            yield from _labels(part, name, is_key)
    else:
        yield name if is_key else structure.name or name


def _of_shapes(shape: Any, dtype: str) -> Any:
    if isinstance(shape, dict):
        return {name: _of_shapes(part, dtype) for name, part in shape.items()}
    if isinstance(shape, tuple | list) and any(isinstance(x, tuple | list | dict) for x in shape):
        return type(shape)(_of_shapes(part, dtype) for part in shape)
    return InputSpec(dtype, (None, *tuple(shape)[1:]))
