"""What the normalizations share."""

from typing import Any

from ... import ops
from ..weighted import WeightedLayer

HALVES = ("float16", "bfloat16")


class Normalization(WeightedLayer):
    """Base of layers that normalize along axes and may then scale (gamma) and shift (beta)."""

    supports_masking = True
    gamma: Any
    beta: Any
    axis: Any

    def _set_axes(self, axis: Any) -> None:
        """Keep one axis or several. TypeError for anything else."""
        if not isinstance(axis, int | list | tuple):
            raise TypeError(
                f"Expected an int or a list/tuple of ints for the argument 'axis', but received: "
                f"{axis!r}"
            )
        self.axis = axis if isinstance(axis, int) else tuple(axis)

    def _sizes_along(self, input_shape: Any) -> tuple[int, ...]:
        """The sizes of the axes, in the order of the inputs. ValueError where one is unknown."""
        rank = len(input_shape)
        axes = (self.axis,) if isinstance(self.axis, int) else self.axis
        for axis in axes:
            if not -rank <= axis < rank:
                raise ValueError(
                    f"Axis {axis} is out of bounds for input shape {tuple(input_shape)}. Received: "
                    f"axis={self.axis}"
                )
        places = sorted(axis % rank for axis in axes)
        found = tuple(input_shape[place] for place in places)
        if None in found:
            raise ValueError(
                f"Axis {axes[found.index(None)]} of input tensor should have a defined dimension "
                f"but the layer received an input with shape {tuple(input_shape)}. Layer: "
                f"{self.name!r}."
            )
        return found

    def _take_wide_inputs(self) -> None:
        """Under a mixed policy, have inputs come as they are: half precision may not hold them."""
        if self.dtype_policy.mixed:
            self.autocast = False

    def _in_compute_dtype(self, y: Any) -> Any:
        return y if self.autocast else ops.cast(y, self.compute_dtype)

    def _set_affine(
        self,
        center: bool,
        scale: bool,
        beta: tuple[Any, Any, Any],
        gamma: tuple[Any, Any, Any],
    ) -> None:
        """Keep whether there is a shift and a scale, and what was said of them."""
        self.center, self.scale = center, scale
        self._describe_weight("beta", *beta)
        self._describe_weight("gamma", *gamma)

    def _make_affine(self, shape: tuple[int, ...], **options: Any) -> None:
        self.gamma = self._make_weight("gamma", shape, **options) if self.scale else None
        self.beta = self._make_weight("beta", shape, **options) if self.center else None


def in_single(x: Any) -> Any:
    """Returns `x`, float32 in the place of half precision, in which statistics are too coarse."""
    return ops.cast(x, "float32") if ops.dtype(x) in HALVES else x
