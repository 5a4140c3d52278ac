"""Arrays of rows: what an array, tensor or frame must be able to do to be cut into batches."""

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from ...backends import registry
from ...nested import map_structure
from .foreign import is_from, is_sparse_matrix

Rows = slice | np.ndarray

_NO_ARRAY = (
    "{name}: expected an array of rows: a NumPy array, a tensor of an installed framework, a "
    "pandas DataFrame or Series, a SciPy sparse matrix or an h5py dataset, or a dict, list or "
    "tuple of them. Received {value!r} of type {kind}.{hint}"
)


class Column(ABC):
    """One array of rows.

    Attributes:
        name: what messages call it, such as `x["image"]`.
        shape: (rows, ...).
    """

    name: str
    shape: tuple[int, ...]

    @abstractmethod
    def take(self, rows: Rows) -> Any:
        """Returns some rows, as a NumPy array or tensor.

        Args:
            rows: a slice without negative ends, or numbers of rows in any order.
        """

    @abstractmethod
    def part(self, start: int, stop: int) -> "Column":
        """Returns the rows from `start` to `stop` as a column, where that can be without a copy."""

    def whole(self) -> np.ndarray:
        """Returns all rows as a NumPy array."""
        return as_host_array(self.take(slice(0, self.shape[0])))


class ArrayColumn(Column):
    """Rows of a NumPy array, which may be mapped from a file."""

    def __init__(self, name: str, array: np.ndarray) -> None:
        self.name, self._array, self.shape = name, array, array.shape

    def take(self, rows: Rows) -> np.ndarray:
        """Returns some rows; a view of the array for a slice."""
        return self._array[rows]

    def part(self, start: int, stop: int) -> "ArrayColumn":
        """Returns a column of a view."""
        return ArrayColumn(self.name, self._array[start:stop])


class TensorColumn(Column):
    """Rows of a tensor on an accelerator: they are picked there."""

    def __init__(self, name: str, backend: Any, tensor: Any) -> None:
        self.name, self._backend, self._tensor = name, backend, tensor
        self.shape = backend.static_shape(tensor)

    def take(self, rows: Rows) -> Any:
        """Returns some rows, on the same device."""
        if isinstance(rows, slice):
            return self._tensor[rows]
        place, backend = self._backend.device_of(self._tensor), self._backend
        return backend.take(self._tensor, backend.place(backend.asarray(rows), place), 0)

    def part(self, start: int, stop: int) -> "TensorColumn":
        """Returns a column of a slice."""
        return TensorColumn(self.name, self._backend, self._tensor[start:stop])


class SparseColumn(Column):
    """Rows of a sparse matrix; each batch is filled with its zeros.

    Args:
        name: of the column.
        matrix: a SciPy sparse array in CSR form, (rows, product of the other sizes).
        shape: the shape that it stands for.
    """

    def __init__(self, name: str, matrix: Any, shape: tuple[int, ...]) -> None:
        self.name, self._matrix, self.shape = name, matrix, shape

    def take(self, rows: Rows) -> np.ndarray:
        """Returns some rows with their zeros."""
        return self._matrix[rows].toarray().reshape(-1, *self.shape[1:])

    def part(self, start: int, stop: int) -> "SparseColumn":
        """Returns a column of those rows of the matrix."""
        return SparseColumn(self.name, self._matrix[start:stop], (stop - start, *self.shape[1:]))


class FileColumn(Column):
    """Rows of an h5py dataset, read batch by batch."""

    def __init__(self, name: str, dataset: Any, start: int = 0, stop: int | None = None) -> None:
        self.name, self._dataset, self._start = name, dataset, start
        end = dataset.shape[0] if stop is None else stop
        self.shape = (end - start, *dataset.shape[1:])

    def take(self, rows: Rows) -> np.ndarray:
        """Returns some rows. HDF5 reads them in the order of the file, each once."""
        if isinstance(rows, slice):
            return self._dataset[self._start + rows.start : self._start + rows.stop]
        unique, places = np.unique(rows, return_inverse=True)
        return self._dataset[self._start + unique][places]

    def part(self, start: int, stop: int) -> "FileColumn":
        """Returns a column of those rows; nothing is read."""
        return FileColumn(self.name, self._dataset, self._start + start, self._start + stop)


def column(name: str, x: Any) -> Any:
    """Returns the Column of an array, tensor or frame; None for None.

    Args:
        name: what messages call it.
        x: a NumPy array, tensor, DataFrame, Series, sparse matrix or HDF5 dataset.

    Raises:
        ValueError: something else, a number, an array of Python objects, or a frame with text.
    """
    if x is None or isinstance(x, Column):
        return x
    if is_from(x, "pandas"):
        return ArrayColumn(name, _of_pandas(name, x))
    if is_sparse_matrix(x):
        return SparseColumn(name, x.tocsr(), x.shape)
    if is_from(x, "h5py") and hasattr(x, "shape"):
        return FileColumn(name, x)
    owner = registry.owner_of(x)
    if isinstance(owner, registry.Kind):
        if owner is not registry.ARRAY:
            hint = " Wrap lists of numbers: np.array(...)." if owner is registry.SCALAR else ""
            kind = type(x).__name__
            raise ValueError(_NO_ARRAY.format(name=name, value=x, kind=kind, hint=hint))
        return ArrayColumn(name, _checked(name, np.asarray(x)))
    if owner.symbolic:
        raise ValueError(f"{name} is a symbolic tensor, which has no values; give an array.")
    if owner.is_sparse(x):
        return _of_sparse_tensor(name, owner, x)
    full = owner.full_backend or owner
    if owner is not full:  # rows of different lengths: zeros fill them up
        x = owner.densify(x)
    if full.device_of(x) is not None:
        return TensorColumn(name, full, x)
    return ArrayColumn(name, _checked(name, full.to_numpy(x)))


def columns(name: str, x: Any) -> Any:
    """Returns nested arrays with a Column in the place of each."""
    if isinstance(x, dict):
        made = iter([columns(f"{name}[{key!r}]", value) for key, value in x.items()])
        return map_structure(lambda _: next(made), {key: 0 for key in x})
    if isinstance(x, list | tuple) and not hasattr(x, "_fields"):
        return type(x)([columns(f"{name}[{i}]", value) for i, value in enumerate(x)])
    if isinstance(x, tuple):
        return type(x)(*(columns(f"{name}[{i}]", value) for i, value in enumerate(x)))
    return column(name, x)


def as_host_array(x: Any) -> np.ndarray:
    """Returns an array or tensor of any framework as a NumPy array, with the zeros of sparse ones.

    Args:
        x: a NumPy array, a tensor, a pandas object, a SciPy sparse matrix, or nested numbers.
    """
    if is_sparse_matrix(x):
        return x.toarray()
    owner = registry.owner_of(x)
    if isinstance(owner, registry.Kind):
        return np.asarray(x.value if owner is registry.BOX else x)
    full = owner.full_backend or owner
    return full.to_numpy(x if owner is full else owner.densify(x))


def _checked(name: str, array: np.ndarray) -> np.ndarray:
    """An array that has rows, and holds numbers or text."""
    if array.ndim == 0:
        raise ValueError(
            f"{name} is a single value, {array!r}, and has no rows. Give an array of shape "
            "(rows, ...)."
        )
    if array.dtype.kind in "mM":
        raise ValueError(
            f"{name} holds dates or times ({array.dtype}), which no model takes. Convert them to "
            'numbers, for example by .astype("int64").'
        )
    if array.dtype.kind == "O" and not all(isinstance(v, str | bytes) for v in array.flat):
        kinds = sorted({type(v).__name__ for v in array.flat})
        raise ValueError(
            f"{name} is an array of Python objects ({', '.join(kinds[:5])}), not of numbers. Rows "
            "of different lengths have to be padded to one length first; mixed numbers converted: "
            '.astype("float32").'
        )
    return array


def _of_pandas(name: str, x: Any) -> np.ndarray:
    """A frame's numbers, (rows, columns); a Series as one column, as in Keras."""
    frame = x.to_frame() if x.ndim == 1 else x
    kinds = list(zip(frame.columns, frame.dtypes, strict=True))
    bad = [label for label, dtype in kinds if not _is_number(dtype)]
    if bad:
        raise ValueError(
            f"{name} has columns without numbers: {', '.join(map(repr, bad))}. Encode them (for "
            'example frame["c"].astype("category").cat.codes), drop them, or pass each as an input '
            "of its own, in a dict of arrays."
        )
    if any(hasattr(dtype, "na_value") for _, dtype in kinds):  # pandas's own, with missing values
        whole = all(dtype.kind in "iub" for _, dtype in kinds) and not frame.isna().any().any()
        if not whole:
            return frame.to_numpy(dtype="float64", na_value=float("nan"))
        return frame.to_numpy(dtype=np.result_type(*(dtype.numpy_dtype for _, dtype in kinds)))
    return frame.to_numpy()


def _is_number(dtype: Any) -> bool:
    return getattr(dtype, "kind", "O") in "iufb" and getattr(dtype, "name", "") != "category"


def _of_sparse_tensor(name: str, owner: Any, x: Any) -> SparseColumn:
    from scipy.sparse import coo_array

    places, values, real = (owner.full_backend.to_numpy(part) for part in owner.entries(x))
    shape = tuple(int(size) for size in owner.static_shape(x))
    places, values = places[real], values[real]
    rows, *others = places.T
    inner = np.ravel_multi_index(others, shape[1:]) if others else np.zeros_like(rows)
    matrix = coo_array((values, (rows, inner)), shape=(shape[0], math.prod(shape[1:])))
    return SparseColumn(name, matrix.tocsr(), shape)
