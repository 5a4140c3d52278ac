"""What a rule learns about the node that it computes, and how it gets at numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..backends import registry as backends
from ..ops.conversion import convert_to_numpy
from .errors import GraphError
from .ir import ForeignGraph, Node, numpy_dtype

# The most elements of one tensor that numbers in a graph may ask for.
MOST_ELEMENTS = 1 << 31
# The most elements that are computed on the host, where a graph computes its own sizes.
MOST_ON_HOST = 1 << 16


class Narrow(NamedTuple):
    """Elements of a dtype that no framework computes in, such as int4 or float8.

    Attributes:
        values: the same numbers in a dtype that frameworks have (float32 or int8, …).
        dtype: what they are.
    """

    values: Any
    dtype: str


class Call:
    """One application of an operator while a graph runs: the node, and what is around it."""

    __slots__ = ("node", "run")

    def __init__(self, node: Node, run: Any) -> None:
        self.node, self.run = node, run

    @property
    def version(self) -> int:
        """The version of the node's operator set."""
        return self.node.version

    @property
    def training(self) -> bool:
        """Whether the model trains."""
        return self.run.training

    def follows(self, *names: str) -> bool:
        """Tells whether a normalization follows the batches: the model trains, and not all of its
        factors are frozen.

        Args:
            *names: of the factors, "" for one that is left out.
        """
        return self.training and self.run.trains([name for name in names if name])

    @property
    def backend(self) -> Any:
        """The backend on which the rule runs: NumPy's for what is computed on the host."""
        return backends.current()

    def get(self, name: str, default: Any = None) -> Any:
        """Returns an attribute of the node."""
        return self.node.attributes.get(name, default)

    def body(self, name: str) -> ForeignGraph:
        """Returns a graph among the attributes. GraphError if there is none."""
        found = self.node.attributes.get(name)
        if not isinstance(found, ForeignGraph):
            raise self.wrong(f"its attribute {name!r} should be a graph")
        return found

    def wants(self, place: int) -> bool:
        """Tells whether somebody may use the output at `place`."""
        return place < len(self.node.outputs) and bool(self.node.outputs[place])

    def dtype(self, name: str) -> str:
        """Returns the dtype in which the model computes what the graph says is of dtype `name`."""
        return self.run.dtypes.get(name, name)

    def wrong(self, what: str) -> GraphError:
        """Returns the error that says what is wrong with the node."""
        return GraphError(f"{self.node.title}: {what}")

    def limit(self, count: int | None) -> None:
        """Raises GraphError where a tensor of `count` elements is more than any program needs."""
        if count is not None and count > MOST_ELEMENTS:
            raise self.wrong(
                f"it would make a tensor of {count} elements; {MOST_ELEMENTS} are the most"
            )

    # Numbers ----------------------------------------------------------------------------------

    def numbers(self, x: Any, what: str) -> np.ndarray:
        """Returns an input as an array of the host; of formulas, where sizes are symbolic.

        Raises:
            GraphError: its numbers are known only when the compiled program runs.
        """
        if isinstance(x, np.ndarray):
            return x
        if isinstance(x, Narrow):
            return self.numbers(x.values, what).astype(numpy_dtype(x.dtype))
        backend, found = backends.owner_of(x), x
        if isinstance(backend, backends.Kind):
            return np.asarray(x)
        if not backend.is_tracing(found):
            try:
                return convert_to_numpy(found)
            except Exception as error:  # each framework has its own way to say it is traced
                raise self._unknown(what) from error
        raise self._unknown(what)

    def _unknown(self, what: str) -> GraphError:
        return self.wrong(
            f"{what} depends on the values of the model's inputs, and so has no numbers while the "
            "program is compiled. Call the model itself, model(x), which computes step by step; or "
            "on torch or numpy `infer` and `predict`, which compile nothing."
        )

    def ints(self, x: Any, what: str) -> list[Any]:
        """Returns an input of one axis, or an attribute, as a list of ints, or of formulas."""
        if isinstance(x, list | tuple):
            return list(x)
        found = self.numbers(x, what)
        return [n if found.dtype == object else int(n) for n in found.reshape(-1)]

    def int(self, x: Any, what: str) -> Any:
        """Returns an input of one element as an int, or as a formula."""
        found = self.ints(x, what)
        if len(found) != 1:
            raise self.wrong(f"{what} should be one number; got {len(found)}")
        return found[0]

    def axes(self, x: Any, rank: int, what: str = "axes") -> tuple[int, ...]:
        """Returns axes counted from the front, each once. GraphError for others."""
        found = [int(n) for n in self.ints(x, what)]
        if any(not -rank <= n < rank for n in found):
            raise self.wrong(f"{what} {found} of a tensor of {rank} axes")
        turned = tuple(n % rank for n in found)
        if len(set(turned)) != len(turned):
            raise self.wrong(f"{what} {found} name an axis twice")
        return turned

    def axis(self, n: int, rank: int) -> int:
        """Returns one axis counted from the front. GraphError for another."""
        if not -rank <= n < max(rank, 1):
            raise self.wrong(f"axis {n} of a tensor of {rank} axes")
        return n % max(rank, 1)


def shape_of(x: Any) -> tuple[Any, ...]:
    """Returns the sizes of a tensor or array; formulas where they are symbolic."""
    if isinstance(x, np.ndarray):
        return x.shape
    if isinstance(x, Narrow):
        return shape_of(x.values)
    return tuple(backends.owner_of(x).shape(x))


def rank_of(x: Any) -> int:
    """Returns the number of axes."""
    return len(x.values.shape) if isinstance(x, Narrow) else len(x.shape)


def dtype_of(x: Any) -> str:
    """Returns the name of a dtype, "string" for text."""
    if isinstance(x, Narrow):
        return x.dtype
    if isinstance(x, np.ndarray):
        if x.dtype == object:
            return "int64"
        return "string" if x.dtype.kind in "UT" else x.dtype.name
    return backends.owner_of(x).dtype(x)


def product(sizes: Sequence[Any]) -> int | None:
    """Returns the number of elements of a shape; None where a size is symbolic."""
    total = 1
    for n in sizes:
        if not isinstance(n, int | np.integer):
            return None
        total *= int(n)
    return total
