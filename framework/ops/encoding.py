"""Categories as numbers."""

from .. import dtypes
from .dispatch import Tensor, tensor
from .op import op


@op
def one_hot(x, num_classes: int, axis: int = -1, dtype=None) -> Tensor:
    """1 at the position that each integer of `x` names, along a new axis; zeros out of range."""
    backend, x = tensor(x)
    return backend.one_hot(x, num_classes, axis, dtypes.standardize(dtype))
