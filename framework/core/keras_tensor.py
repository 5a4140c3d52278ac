"""The symbolic tensor: a shape, a dtype, and how it comes about from others."""

from collections.abc import Iterable
from typing import Any

from .. import dtypes
from ..typing import Axis, Shape
from .naming import auto_name
from .operator_ops import ARITHMETIC, COMPARISONS


def _constant(name: str) -> property:
    """A property that reads `_name` and cannot be set."""

    def read(self) -> Any:
        return getattr(self, f"_{name}")

    def refuse(self, value: Any) -> Any:
        raise AttributeError(
            f"The `{name}` attribute of KerasTensor is immutable. One should create a new instance "
            "of KerasTensor for this."
        )

    return property(read, refuse)


def _standardized(shape: Any) -> tuple[int | None, ...]:
    """A shape as a tuple of ints and None. ValueError for anything else."""
    try:
        sizes = tuple(None if n is None else n.__index__() for n in shape)
    except (TypeError, AttributeError):
        sizes = None
    if sizes is None or any(n is not None and n < 0 for n in sizes):
        raise ValueError(
            "The shape of a KerasTensor is a tuple of sizes, each an int that is not negative or, "
            f"where unknown, None; got {shape!r}."
        )
    return sizes


class KerasTensor:
    """A tensor that is not computed yet: ops and layers given one tell what they would return.

    Attributes: `shape` (ints, None where unknown), `dtype` (a name), `sparse`, `ragged`, `name`,
    and `node`, the call that gives it (None for an input).

    Args:
        shape: tuple of ints and None.
        dtype: a dtype; None for the default float.
        sparse: whether the tensor will be a sparse one.
        ragged: whether the tensor will be a ragged one. ValueError together with `sparse`.
        record_history: whether calls that take this tensor remember how their results came about;
            without that no `Function` or `Model` can be made of them.
        name: its name; made up if None.
        ragged_rank: of a ragged tensor, the number of its ragged axes.
        row_splits_dtype: of a ragged tensor, the dtype of its row splits.
        optional: of an input, whether None may be given in its place.
    """

    # NumPy leaves `array + x` to this class instead of making an array of objects.
    __array_ufunc__ = None

    node: Any
    # The InputLayer that stands for it among a model's layers, once it was asked for.
    input_layer: Any = None
    # The symbolic mask of its time steps, by the name that programs written for Keras read.
    _keras_mask: Any = None

    def __init__(
        self,
        shape: Iterable[int | None],
        dtype: Any = "float32",
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
        *,
        ragged_rank: int | None = None,
        row_splits_dtype: Any = None,
        optional: bool = False,
    ) -> None:
        if sparse and ragged:
            raise ValueError(
                "KerasTensor cannot have `sparse=True` and `ragged=True` at the same time."
            )
        self._shape = _standardized(shape)
        self._dtype = dtypes.standardize(dtype)
        self._sparse = bool(sparse)
        self._ragged = bool(ragged)
        self._ragged_rank = None if ragged_rank is None else int(ragged_rank)
        self._row_splits_dtype = (
            None if row_splits_dtype is None else dtypes.standardize(row_splits_dtype)
        )
        self.record_history = record_history
        self.name = name or auto_name("keras_tensor")
        self.optional = optional
        self.node = None

    shape = _constant("shape")
    dtype = _constant("dtype")
    sparse = _constant("sparse")
    ragged = _constant("ragged")
    ragged_rank = _constant("ragged_rank")
    row_splits_dtype = _constant("row_splits_dtype")

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._shape)

    def with_dtype(self, dtype: str) -> "KerasTensor":
        """Returns a tensor like this one, in `dtype` and without its history."""
        return KerasTensor(
            self._shape,
            dtype,
            self._sparse,
            self._ragged,
            self.record_history,
            self.name,
            ragged_rank=self._ragged_rank,
            row_splits_dtype=self._row_splits_dtype,
            optional=self.optional,
        )

    def __getstate__(self) -> dict[str, Any]:
        # The history is the graph's, which packs it without cycles.
        return {**vars(self), "node": None, "input_layer": None, "_keras_mask": None}

    @property
    def _keras_history(self) -> Any:
        # The name by which programs written for Keras ask whether and how a tensor came about.
        if self.node is None:
            raise AttributeError(f"No call gave {self.name!r}: it has no history.")
        from .graph import history

        return history(self)

    def reshape(self, newshape: Shape) -> "KerasTensor":
        """Returns `ops.reshape` of the tensor."""
        from .. import ops

        return ops.reshape(self, newshape)

    def squeeze(self, axis: Axis = None) -> "KerasTensor":
        """Returns `ops.squeeze` of the tensor."""
        from .. import ops

        return ops.squeeze(self, axis)

    def __repr__(self) -> str:
        return (
            f"<KerasTensor shape={self.shape}, dtype={self.dtype}, sparse={self.sparse}, "
            f"ragged={self.ragged}, name={self.name}>"
        )

    def __getitem__(self, index):
        from .. import ops

        return ops.get_item(self, index)

    def __round__(self, ndigits=None):
        from .. import ops

        return ops.round(self, decimals=ndigits or 0)

    # What needs values -------------------------------------------------------------------------

    def __bool__(self):
        raise TypeError(
            "A symbolic KerasTensor cannot be used as a boolean. It has no value; choose by "
            "`ops.where` or `ops.cond`, not by `if`."
        )

    def __iter__(self):
        # Keras raises this one. Without the method Python would count up indices without end.
        raise NotImplementedError(
            "Iterating over a symbolic KerasTensor is not supported. Use `ops.unstack`."
        )

    def __int__(self):
        raise ValueError(_NO_VALUE.format("an int"))

    def __float__(self):
        raise ValueError(_NO_VALUE.format("a float"))

    def __array__(self, dtype=None, copy=None):
        raise ValueError(_NO_VALUE.format("a NumPy array"))

    def __jax_array__(self):
        raise ValueError(_FOREIGN.format("JAX"))

    def __tf_tensor__(self, dtype=None, name=None):
        raise ValueError(_FOREIGN.format("TensorFlow"))


_NO_VALUE = (
    "A KerasTensor is symbolic: a shape and a dtype. It doesn't have any actual numerical value, "
    "and cannot be made into {}. Call the model or the Function on real tensors instead."
)
_FOREIGN = (
    "A KerasTensor cannot be used as input to a {} function: it is symbolic and has no value. Pass "
    "it to layers and to functions of `isozoo.ops`, or wrap the function in the `call` of a Layer."
)


def _operator(name: str, swapped: bool = False):
    def apply(self, *other: Any) -> Any:
        from .. import ops

        function = getattr(ops, name)
        return function(*other, self) if swapped else function(self, *other)

    return apply


_BINARY = {**ARITHMETIC, "and": "logical_and", "or": "logical_or", "xor": "logical_xor"}
# `==` stays identity, as in Keras: symbolic tensors are looked for in lists and dicts.
_ONE_WAY = {
    **COMPARISONS,
    "neg": "negative",
    "abs": "absolute",
    "invert": "logical_not",
}
for _symbol, _op in {**_BINARY, **_ONE_WAY}.items():
    setattr(KerasTensor, f"__{_symbol}__", _operator(_op))
for _symbol, _op in _BINARY.items():
    setattr(KerasTensor, f"__r{_symbol}__", _operator(_op, swapped=True))


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
) -> KerasTensor:
    """Makes a symbolic tensor to start a functional model from.

    Args:
        shape: the shape without the batch axis; unknown sizes are None.
        batch_size: the size of the batch axis; None for any.
        dtype: a dtype; None for the default float.
        sparse: whether sparse tensors will be given.
        ragged: whether ragged tensors will be given.
        batch_shape: the shape with the batch axis, in the place of `shape`.
        name: its name, by which a dict of inputs gives it; made up if None.
        tensor: a symbolic tensor to take as it is.
        optional: whether None may be given in its place.

    Raises:
        ValueError: neither or both of `shape` and `batch_shape`.
    """
    if tensor is not None:
        return tensor
    if batch_shape is not None and shape is None:
        full = tuple(batch_shape)
    elif shape is not None and batch_shape is None:
        full = (batch_size, *((shape,) if isinstance(shape, int) else shape))
    else:
        if shape is None:
            raise ValueError("You must pass a `shape` argument. Or give a `batch_shape`.")
        raise ValueError("You cannot pass both `shape` and `batch_shape` at the same time.")
    return KerasTensor(
        full,
        dtype,
        bool(sparse),
        bool(ragged),
        name=name or auto_name("input_layer"),
        optional=optional,
    )


def is_keras_tensor(x: Any) -> bool:
    """Tells whether `x` is a symbolic tensor, such as `Input()` gives."""
    return isinstance(x, KerasTensor)
