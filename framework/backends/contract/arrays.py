"""Kernels that make, convert, move and gather elements, and that reduce over axes."""

from typing import Any, Protocol

from ...typing import Tensor

Axes = int | tuple[int, ...] | None


class ArrayKernels(Protocol):
    """Kernels on the elements of tensors (…) as they are."""

    # Conversion

    def asarray(self, x: Any, dtype: str | None = None) -> Tensor:
        """Converts a native tensor, array, number or nested list, to `dtype` if given."""
        ...

    def to_numpy(self, x: Tensor) -> Any:
        """Converts to a NumPy array of the same shape and dtype."""
        ...

    def dtype(self, x: Tensor) -> str:
        """Names the dtype."""
        ...

    def cast(self, x: Tensor, dtype: str) -> Tensor:
        """Converts elements to another dtype; floats outside an integer's range saturate."""
        ...

    def bitcast(self, x: Tensor, dtype: str) -> Tensor:
        """Reads the bits of each element as a dtype of the same width."""
        ...

    def shape(self, x: Tensor) -> tuple[Any, ...]:
        """Gives the sizes: ints, and scalar tensors where a graph does not know one."""
        ...

    def copy(self, x: Tensor, /) -> Tensor:
        """Copies the elements."""
        ...

    # Making

    def zeros(self, shape: Any, dtype: str) -> Tensor:
        """Makes a tensor of zeros."""
        ...

    def full(self, shape: Any, value: Any, dtype: str) -> Tensor:
        """Makes a tensor with `value`, a number or scalar tensor, in each place."""
        ...

    def arange(self, start: Any, stop: Any, step: Any, dtype: str) -> Tensor:
        """Makes the numbers from `start` in steps of `step`, without `stop`: (n,)."""
        ...

    def eye(self, rows: int, columns: int, k: int, dtype: str) -> Tensor:
        """Makes a matrix (rows, columns) with ones on diagonal `k`."""
        ...

    def complex_from(self, real: Tensor, imag: Tensor, /) -> Tensor:
        """Joins real and imaginary parts of one shape."""
        ...

    # Shape

    def reshape(self, x: Tensor, shape: Any, /) -> Tensor:
        """Gives the elements another shape of as many elements; one size may be -1."""
        ...

    def transpose(self, x: Tensor, axes: Any = None, /) -> Tensor:
        """Permutes the axes; None reverses them."""
        ...

    def swapaxes(self, x: Tensor, axis1: int, axis2: int, /) -> Tensor:
        """Exchanges two axes."""
        ...

    def moveaxis(self, x: Tensor, source: Any, destination: Any, /) -> Tensor:
        """Moves axes to other places; the rest keeps its order."""
        ...

    def expand_dims(self, x: Tensor, axis: Any, /) -> Tensor:
        """Puts axes of size 1 in."""
        ...

    def squeeze(self, x: Tensor, axis: Any = None, /) -> Tensor:
        """Takes axes of size 1 out; None takes all of them."""
        ...

    def broadcast_to(self, x: Tensor, shape: Any, /) -> Tensor:
        """Repeats along new axes and axes of size 1, by NumPy's rule."""
        ...

    def concatenate(self, xs: Any, axis: int, /) -> Tensor:
        """Joins tensors along an axis."""
        ...

    def stack(self, xs: Any, axis: int = 0, /) -> Tensor:
        """Joins tensors of one shape along a new axis."""
        ...

    def split(self, x: Tensor, sections: Any, axis: int) -> Any:
        """Cuts along an axis into so many equal parts, or at the places given."""
        ...

    def pad(self, x: Tensor, pads: Any, mode: str, value: Any) -> Tensor:
        """Puts elements around: pairs (before, after) for each axis, by NumPy's modes."""
        ...

    def tile(self, x: Tensor, repeats: Any, /) -> Tensor:
        """Repeats the whole along each axis."""
        ...

    def repeat(self, x: Tensor, repeats: Any, axis: int | None = None, /) -> Tensor:
        """Repeats each element, so often or as often as a list says for its place."""
        ...

    def flip(self, x: Tensor, axis: Axes = None, /) -> Tensor:
        """Turns the order along axes round; None takes all of them."""
        ...

    def roll(self, x: Tensor, shift: Any, axis: Axes = None, /) -> Tensor:
        """Shifts elements along axes, those beyond the end to the begin."""
        ...

    # Picking

    def where(self, condition: Tensor, x1: Any, x2: Any, /) -> Tensor:
        """Takes x1 where the condition (bool) holds, else x2; all three broadcast."""
        ...

    def take(self, x: Tensor, indices: Any, axis: int | None) -> Tensor:
        """Gathers along an axis; negative indices count from the end; None flattens `x`."""
        ...

    def take_along_axis(self, x: Tensor, indices: Tensor, axis: Any, /) -> Tensor:
        """Gathers along an axis by an index for each place of the result."""
        ...

    def slice(self, x: Tensor, start: Any, shape: Any) -> Tensor:
        """Cuts out the block of `shape` that begins at `start`."""
        ...

    def slice_update(self, x: Tensor, start: Any, updates: Tensor) -> Tensor:
        """Puts a block in the place of the one that begins at `start`."""
        ...

    def overwrite(self, x: Tensor, start: Any, updates: Tensor) -> Tensor:
        """Does what `slice_update` does, and may write into `x`, which is not used again."""
        ...

    def scatter(self, x: Tensor, indices: Tensor, updates: Tensor, reduction: Any) -> Tensor:
        """Puts updates at places (n, axes), or joins them with what is there."""
        ...

    def nonzero(self, x: Tensor, /) -> Any:
        """Gives the places of elements that are not 0: int32 (n,) for each axis."""
        ...

    def diag(self, x: Tensor, k: int, /) -> Tensor:
        """Makes a matrix with (n,) on diagonal `k`, or takes that diagonal of a matrix."""
        ...

    def diagonal(self, x: Tensor, offset: int, axis1: int, axis2: int, /) -> Tensor:
        """Takes a diagonal over two axes, which becomes the last axis."""
        ...

    def tril(self, x: Tensor, k: int = 0, /) -> Tensor:
        """Puts zeros above diagonal `k` of matrices (…, n, m)."""
        ...

    def triu(self, x: Tensor, k: int = 0, /) -> Tensor:
        """Puts zeros below diagonal `k` of matrices (…, n, m)."""
        ...

    # Order

    def sort(self, x: Tensor, axis: int) -> Tensor:
        """Sorts along an axis; NaN comes last."""
        ...

    def argsort(self, x: Tensor, axis: int) -> Tensor:
        """Gives the places of the sorted elements, int32; equal ones keep their order."""
        ...

    def top_k(self, x: Tensor, k: int, sorted: bool) -> Any:
        """Gives the `k` largest along the last axis, and their places (int32)."""
        ...

    def searchsorted(self, line: Tensor, values: Tensor, side: str) -> Tensor:
        """Gives the places in sorted (n,) before which values would be put, int32."""
        ...

    # Along axes: None takes all of them

    def sum(self, x: Tensor, axis: Axes = None, keepdims: bool = False, /) -> Tensor:
        """Adds up, in the dtype of `x`."""
        ...

    def prod(self, x: Tensor, axis: Axes = None, keepdims: bool = False, /) -> Tensor:
        """Multiplies, in the dtype of `x`."""
        ...

    def max(self, x: Tensor, axis: Axes = None, keepdims: bool = False, /) -> Tensor:
        """Takes the largest; NaN where there is one."""
        ...

    def min(self, x: Tensor, axis: Axes = None, keepdims: bool = False, /) -> Tensor:
        """Takes the smallest; NaN where there is one."""
        ...

    def all(self, x: Tensor, axis: Axes = None, keepdims: bool = False, /) -> Tensor:
        """Says whether all of booleans hold."""
        ...

    def any(self, x: Tensor, axis: Axes = None, keepdims: bool = False, /) -> Tensor:
        """Says whether any of booleans holds."""
        ...

    def argmax(self, x: Tensor, axis: int | None = None, keepdims: bool = False, /) -> Tensor:
        """Gives the first place of the largest, or of a NaN, int32."""
        ...

    def argmin(self, x: Tensor, axis: int | None = None, keepdims: bool = False, /) -> Tensor:
        """Gives the first place of the smallest, or of a NaN, int32."""
        ...

    def cumsum(self, x: Tensor, axis: int, /) -> Tensor:
        """Adds up along an axis, place by place, in the dtype of `x`."""
        ...

    def cumprod(self, x: Tensor, axis: int, /) -> Tensor:
        """Multiplies along an axis, place by place, in the dtype of `x`."""
        ...

    def segment_reduce(
        self, kind: str, data: Tensor, ids: Tensor, number: int, sorted: bool
    ) -> Tensor:
        """Joins the rows of `data` with one id: (number, …); "sum", "prod", "max" or "min"."""
        ...

    def count_segments(self, ids: Tensor) -> Any:
        """Gives the largest id and one."""
        ...
