"""Concatenate: tensors one behind the other along an axis."""

from typing import Any

from ... import ops
from ...typing import Tensor
from .merge import Merge, check_masks


class Concatenate(Merge):
    """A list of tensors one behind the other along an axis; their other sizes are equal.

    Where an input has a mask, so has the result: inputs without one count wholly.

    Args:
        axis: the axis.
        **kwargs: see Layer.
    """

    _spec_settings = ("axis",)

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def build(self, input_shape: Any) -> None:
        """Checks that the shapes differ along the axis alone; there are no weights.

        Raises:
            ValueError: no list, or other shapes.
        """
        if not input_shape or not isinstance(input_shape[0], list | tuple):
            raise ValueError(
                "A `Concatenate` layer should be called on a list of at least 1 input. Received: "
                f"input_shape={input_shape}"
            )
        rests = []
        for shape in input_shape:
            rest = list(shape)
            if -len(rest) <= self.axis < len(rest):
                del rest[self.axis]
            rests.append(rest)
        alike = len({len(rest) for rest in rests}) == 1
        if not alike or any(len(set(sizes) - {None}) > 1 for sizes in zip(*rests, strict=True)):
            raise ValueError(
                "A `Concatenate` layer requires inputs with matching shapes except for the "
                f"concatenation axis. Received: input_shape={input_shape}"
            )

    def _result_shape(self, inputs: Any) -> tuple[int | None, ...] | None:
        shapes = [x.shape for x in inputs] if isinstance(inputs, list) else []
        rank = len(shapes[0]) if shapes else 0
        if not -rank <= self.axis < rank or any(len(shape) != rank for shape in shapes):
            return None
        axis, found = self.axis % rank, list(shapes[0])
        if any(s[i] != n for s in shapes for i, n in enumerate(found) if i != axis):
            return None
        sizes = [shape[axis] for shape in shapes]
        found[axis] = None if None in sizes else sum(sizes)
        return tuple(found)

    def merged(self, inputs: list[Tensor]) -> Tensor:
        """Returns the concatenated tensors."""
        return ops.concatenate(inputs, self.axis)

    def compute_mask(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, inputs: Any, mask: Any = None
    ) -> Any:
        """Returns the concatenated masks, or None where no input has one."""
        if mask is None:
            return None
        check_masks(inputs, mask)
        if all(m is None for m in mask):
            return None
        whole = [self._of_elements(x, m) for x, m in zip(inputs, mask, strict=True)]
        return ops.any(ops.concatenate(whole, self.axis), axis=-1)

    def _of_elements(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """The mask of an input for each of its elements."""
        if mask is None:
            return ops.ones_like(x, dtype="bool")
        if len(mask.shape) < len(x.shape):
            return ops.broadcast_to(ops.expand_dims(mask, -1), ops.shape(x))
        return mask
