"""InputLayer: the beginning of a model of symbolic tensors, as a layer."""

import warnings
from typing import Any

from ... import dtypes
from ...backends import registry
from ...core.keras_tensor import Input, KerasTensor
from ...core.layer import Layer


class InputLayer(Layer):
    """A symbolic tensor as the output of a layer without inputs; `Input` gives the tensor alone.

    Args:
        shape: the shape without the batch; unknown sizes are None.
        batch_size: the size of the batch; None for any.
        dtype: a dtype; None for the default float.
        sparse: whether sparse tensors will be given.
        ragged: whether ragged tensors will be given.
        batch_shape: the shape with the batch, in the place of `shape`.
        input_tensor: a symbolic tensor to take, which the other arguments must not contradict.
        optional: whether None may be given in its place.
        name: its name.
        **kwargs: `input_shape` and `batch_input_shape`, older names of `shape` and `batch_shape`.

    Raises ValueError for arguments that contradict each other, and for sparse or ragged tensors on
    a backend that has none.
    """

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: Any = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name)
        if "input_shape" in kwargs:
            warnings.warn(
                "Argument `input_shape` is deprecated. Use `shape` instead.", stacklevel=2
            )
            shape = kwargs.pop("input_shape")
        batch_shape = kwargs.pop("batch_input_shape", batch_shape)
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments passed to InputLayer: {kwargs}")
        if input_tensor is not None:
            _check_tensor(input_tensor, shape, batch_size, batch_shape, dtype, sparse)
        else:
            if batch_size is not None and batch_shape is not None:
                raise ValueError(
                    "You cannot pass both `batch_size` and `batch_shape` at the same time."
                )
            input_tensor = Input(
                shape, batch_size, dtype, sparse, ragged, batch_shape, self.name, optional=optional
            )
        for kind in ("sparse", "ragged"):
            if getattr(input_tensor, kind) and not _has(kind):
                raise ValueError(f"`{kind}=True` is not supported with the {self.backend} backend")
        self.optional = optional
        self.sparse, self.ragged = input_tensor.sparse, input_tensor.ragged
        self.output = self.input = input_tensor
        input_tensor.input_layer = self
        self.built = True

    def call(self) -> None:
        """Returns nothing: the layer has no inputs."""

    @property
    def batch_shape(self) -> tuple[int | None, ...]:
        """The shape of the tensor, with the batch."""
        return self.output.shape

    @property
    def dtype(self) -> str:
        """The dtype of the tensor."""
        return self.output.dtype

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same layer again."""
        return {
            "batch_shape": self.batch_shape,
            "dtype": self.dtype,
            "sparse": self.sparse,
            "ragged": self.ragged,
            "name": self.name,
            "optional": self.optional,
        }


def input_layer_of(x: KerasTensor) -> InputLayer:
    """Returns the one InputLayer that stands for an input among the layers of models."""
    return x.input_layer or InputLayer(input_tensor=x, name=x.name, optional=x.optional)


def _has(kind: str) -> bool:
    """Whether the current backend has tensors of a kind, "sparse" or "ragged"."""
    backend = registry.current()
    return backend.has_sparse_tensors if kind == "sparse" else backend.name == "tensorflow"


def _check_tensor(
    tensor: Any, shape: Any, batch_size: Any, batch_shape: Any, dtype: Any, sparse: Any
) -> None:
    """ValueError unless `tensor` is symbolic, and as the other arguments say."""
    if not isinstance(tensor, KerasTensor):
        raise ValueError(
            "Argument `input_tensor` must be a KerasTensor. Received invalid type: "
            f"input_tensor={tensor} (of type {type(tensor)})"
        )
    fits = {
        "batch_size": batch_size in (None, *tensor.shape[:1]),
        "shape": shape is None or tuple(shape) == tensor.shape[1:],
        "batch_shape": batch_shape is None or tuple(batch_shape) == tensor.shape,
        "dtype": dtype is None or dtypes.standardize(dtype) == tensor.dtype,
        "sparse": sparse in (None, tensor.sparse),
    }
    wrong = next((name for name, fine in fits.items() if not fine), None)
    if wrong is not None:
        raise ValueError(
            "When providing the `input_tensor` argument, you cannot provide an incompatible "
            f"`{wrong}` argument."
        )
