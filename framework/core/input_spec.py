"""InputSpec: what a layer says of the inputs that it takes, and the check of a call against it."""

from typing import Any

from .. import dtypes, nested


class InputSpec:
    """Says which rank, shape and dtype an input of a layer must have; None leaves it open.

    A layer sets one, or a nested structure of them, as `input_spec`.

    Args:
        dtype: its dtype.
        shape: its shape with the batch; None in it fits any size.
        ndim: its number of axes.
        max_ndim: the most axes.
        min_ndim: the fewest axes.
        axes: axis -> size.
        allow_last_axis_squeeze: whether a last axis of one element may be there or not.
        name: the key by which it stands in a dictionary of inputs.
        optional: whether None will do.

    Raises:
        TypeError: keys of `axes` that are not integers.
        ValueError: an axis beyond the rank.
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Any = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = None if dtype is None else dtypes.standardize(dtype)
        self.shape = None if shape is None else tuple(shape)
        self.ndim = ndim if self.shape is None else len(self.shape)
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.name, self.optional = name, optional
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        try:
            self.axes = {int(axis): size for axis, size in (axes or {}).items()}
        except (ValueError, TypeError, AttributeError):
            raise TypeError(
                f"Argument `axes` must be a dict with integer keys. Received: axes={axes}"
            ) from None
        most = self.ndim or max_ndim
        if self.axes and most is not None and max(self.axes) >= most:
            raise ValueError(
                f"Axis {max(self.axes)} is greater than the maximum allowed value: {most - 1}"
            )

    def __repr__(self) -> str:
        names = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes")
        said = [f"{name}={getattr(self, name)}" for name in names if getattr(self, name)]
        return f"InputSpec({', '.join(said)})"

    def __eq__(self, other: Any) -> bool:
        return type(other) is InputSpec and vars(other) == vars(self)

    __hash__ = object.__hash__

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same specification."""
        names = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes", "optional")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "InputSpec":
        """Makes a specification from what `get_config` gives."""
        return cls(**config)

    def fault(self, shape: tuple, dtype: str | None) -> str | None:
        """Returns what is wrong with an input of a shape and dtype, or None."""
        rank = len(shape)
        if self.ndim is not None and not self.allow_last_axis_squeeze and rank != self.ndim:
            return f"expected ndim={self.ndim}, found ndim={rank}. Full shape received: {shape}"
        if self.max_ndim is not None and rank > self.max_ndim:
            return f"expected max_ndim={self.max_ndim}, found ndim={rank}"
        if self.min_ndim is not None and rank < self.min_ndim:
            return (
                f"expected min_ndim={self.min_ndim}, found ndim={rank}. "
                f"Full shape received: {shape}"
            )
        if self.dtype is not None and dtype != self.dtype:
            return f"expected dtype={self.dtype}, found dtype={dtype}"
        for axis, size in self.axes.items():
            if size is not None and shape[axis] not in (size, None):
                return (
                    f"expected axis {axis} of input shape to have value {size}, but received "
                    f"input with shape {shape}"
                )
        return None if self.shape is None else self._shape_fault(shape)

    def _shape_fault(self, shape: tuple) -> str | None:
        wanted: tuple = self.shape or ()
        if self.allow_last_axis_squeeze:
            shape = shape[:-1] if shape and shape[-1] == 1 else shape
            wanted = wanted[:-1] if wanted and wanted[-1] == 1 else wanted
        for m, n in zip(wanted, shape, strict=False):
            if m is not None and n is not None and m != n:
                return f"expected shape={self.shape}, found shape={shape}"
        return None


def check_inputs(layer: Any, inputs: Any) -> None:
    """Raises a ValueError that names the layer where `inputs` do not fit its `input_spec`."""
    specs = nested.flatten(layer.input_spec)
    inputs = _in_order(layer, specs, inputs)
    if len(inputs) != len(specs):
        raise ValueError(_wrong_number(layer, specs, inputs))
    for number, (x, spec) in enumerate(zip(inputs, specs, strict=True)):
        if spec is None or (x is None and spec.optional):
            continue
        if not hasattr(x, "shape"):
            raise ValueError(
                f"Inputs to a layer should be tensors. Got {x!r} (of type {type(x).__name__}) as "
                f"input for layer '{layer.name}'."
            )
        dtype = None
        if spec.dtype is not None:
            dtype = getattr(x, "dtype", None)
            dtype = dtype if isinstance(dtype, str) else layer._backend.dtype(x)
        shape = layer._shape_of(x)
        fault = spec.fault(shape, dtype)
        if fault is not None:
            raise ValueError(
                f"Input {number} with name '{spec.name}' of layer '{layer.name}' is incompatible "
                f"with the layer: {fault}"
            )


def _in_order(layer: Any, specs: list[Any], inputs: Any) -> list[Any]:
    """The inputs as a list; those of a dictionary in the order of the specifications' names."""
    names = [getattr(spec, "name", None) for spec in specs]
    if not isinstance(inputs, dict) or not all(names):
        return nested.flatten(inputs)
    for name in names:
        if name not in inputs:
            raise ValueError(
                f'Missing data for input "{name}" of layer "{layer.name}". You passed a data '
                f"dictionary with keys {list(inputs)}. Expected the following keys: {names}"
            )
    return [inputs[name] for name in names]


def _wrong_number(layer: Any, specs: list[Any], inputs: list[Any]) -> str:
    names = [getattr(spec, "name", None) for spec in specs]
    if all(names):
        given = ", ".join(f"{name!r}: ..." for name in names)
        return (
            f'Layer "{layer.name}" expects {len(specs)} named input(s) with keys {names}, but it '
            f"received {len(inputs)} input tensors. Pass inputs as a dict, e.g. "
            f"`layer({{{given}}})`."
        )
    return (
        f'Layer "{layer.name}" expects {len(specs)} input(s), but it received {len(inputs)} '
        f"input tensors. Inputs received: {[getattr(x, 'shape', x) for x in inputs]}"
    )
