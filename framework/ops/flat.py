"""Functions of the user as the kernels call them: flat lists of tensors in, flat lists out."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..backends import registry
from ..backends.registry import ARRAY, BOX, SCALAR, Kind, owner_of
from ..structures import Form, map_leaves, split
from .dispatch import common_backend, together
from .errors import InvalidArgumentError, describe, wrong


@contextmanager
def running(backend: Any) -> Iterator[None]:
    """Makes `backend` current within the block, for ops that a function of the user calls."""
    before = registry.state.backend
    registry.state.backend = backend
    try:
        yield
    finally:
        registry.state.backend = before


def check_callable(argument: str, function: Any) -> None:
    """Raises InvalidArgumentError unless `function` can be called."""
    if not callable(function):
        raise InvalidArgumentError(
            f"argument `{argument}` should be a callable. Got {describe(function)}."
        )


def tensors_of(structure: Any) -> tuple[Any, list[Any], Form]:
    """Returns the backend of a structure, its leaves as tensors, and its form."""
    leaves, form = split(structure)
    if not leaves:
        return registry.current(), leaves, form
    backend, leaves = together(*leaves)
    return backend, leaves, form


def is_tensor(x: Any) -> bool:
    """Tells whether `x` is a tensor of a backend."""
    return not isinstance(owner_of(x), Kind)


def is_data(x: Any) -> bool:
    """Tells whether `x` is a tensor or a variable, or a NumPy array or a number, which can become
    one.
    """
    owner = owner_of(x)
    return not isinstance(owner, Kind) or owner in (BOX, ARRAY, SCALAR)


def backend_of(*structures: Any) -> Any:
    """Returns the backend of the tensors in `structures`; with none in them, the current one."""
    return common_backend([x for x in split(structures)[0] if is_data(x)])


def native(backend: Any, structure: Any, numbers: bool = False) -> Any:
    """Returns `structure` with tensors for variables and NumPy arrays, and for `numbers` if so
    asked.
    """

    def convert(x: Any) -> Any:
        owner = owner_of(x)
        if owner in (BOX, ARRAY) or (numbers and owner is SCALAR):
            return together(x, backend=backend)[1][0]
        return x

    return map_leaves(convert, structure)


class FlattenedFunction:
    """Presents a function as one that gives a flat list of tensors.

    `form` is the structure that the last call returned, `specs` the dtypes and shapes in it.
    """

    def __init__(self, backend: Any, function: Callable[..., Any]) -> None:
        self.backend = backend
        self.function = function
        self.form: Any = None
        self.specs: list[tuple] = []

    def __call__(self, *args: Any) -> list[Any]:
        return self.keep(self.function(*args))

    def silent(self, *args: Any) -> list[Any]:
        """Returns the tensors alone, for a compiler that allows for no side effects."""
        leaves, _ = split(self.function(*args))
        return list(together(*leaves, backend=self.backend)[1]) if leaves else []

    def keep(self, out: Any) -> list[Any]:
        """Returns the tensors of a structure, whose form is kept."""
        leaves, self.form = split(out)
        _, leaves = together(*leaves, backend=self.backend) if leaves else (None, [])
        backend = self.backend
        self.specs = [(backend.dtype(x), backend.static_shape(x)) for x in leaves]
        return leaves

    def join(self, leaves: Any) -> Any:
        """Rebuilds what was returned, with `leaves` for the tensors."""
        return self.form.join(leaves)


class WithAux:
    """A function of the user as one that gives (value, other tensors).

    With `has_aux` the function gives a pair, the tensors in whose second part are the others.
    """

    def __init__(self, function: Callable[..., Any], has_aux: bool) -> None:
        self.function = function
        self.has_aux = has_aux
        self.form: Any = None

    def __call__(self, *args: Any, **kwargs: Any) -> tuple[Any, list[Any]]:
        out = self.function(*args, **kwargs)
        if not self.has_aux:
            return out, []
        if not isinstance(out, list | tuple) or len(out) != 2:
            raise InvalidArgumentError(
                f"the function returned {describe(out)}; with has_aux, expected a pair of the "
                "value and of what to hand on."
            )
        others, self.form = split(out[1], is_tensor)
        return out[0], others

    def aux(self, others: list[Any]) -> tuple[Any, ...]:
        """Returns what the function handed on, in a tuple of one; none without `has_aux`."""
        return (self.form.join(others),) if self.has_aux else ()


def differentiable_leaves(
    backend: Any, args: Sequence[Any], places: Sequence[int]
) -> tuple[list[Any], Form]:
    """Returns the tensors in the arguments `places`, by which to differentiate, and their form."""
    for i in places:
        if not -len(args) <= i < len(args):
            raise wrong("argnums", i, f"the place of one of {len(args)} positional arguments")
    leaves, form = split(tuple(args[i] for i in places))
    leaves = list(together(*leaves, backend=backend)[1]) if leaves else []
    for x in leaves:
        if x.dtype not in backend.float_types:
            raise InvalidArgumentError(
                f"an argument by which to differentiate is {describe(x)}; expected a float dtype. "
                "Cast it, or leave it out of `argnums`."
            )
    return leaves, form


def check_alike(argument: str, branches: list[FlattenedFunction]) -> None:
    """Raises InvalidArgumentError unless all branches that were called return the same kind of
    things.
    """
    called = [b for b in branches if b.form is not None]
    for branch in called[1:]:
        first = called[0]
        if branch.form != first.form or not _fit(first.specs, branch.specs):
            raise InvalidArgumentError(
                f"argument `{argument}`: all branches should return tensors in the same structure, "
                f"of the same shapes and dtypes; got {_listed(first)} and {_listed(branch)}."
            )


def _fit(first: list[tuple], second: list[tuple]) -> bool:
    return all(
        a[0] == b[0]
        and len(a[1]) == len(b[1])
        and all(m == n or None in (m, n) for m, n in zip(a[1], b[1], strict=True))
        for a, b in zip(first, second, strict=True)
    )


def _listed(branch: FlattenedFunction) -> str:
    return f"{branch.form} ({', '.join(f'{dtype} {shape}' for dtype, shape in branch.specs)})"


def check_loop_carry(
    backend: Any, argument: str, before: list[Any], form: Form, out: Any
) -> list[Any]:
    """Returns the leaves of `out`, which a loop's function returned for the next round.

    Raises InvalidArgumentError unless they have the structure, shapes and dtypes that came in.
    """
    leaves, got = split(out)
    if got != form:
        raise InvalidArgumentError(
            f"argument `{argument}`: the loop carries {form}, and the function returned {got}; "
            "expected the same structure."
        )
    made = []
    for old, new in zip(before, leaves, strict=True):
        if type(new) in (bool, int, float):
            new = backend.asarray(new, backend.dtype(old))
        made.append(together(new, backend=backend)[1][0])
    have, want = (
        [(backend.dtype(x), backend.static_shape(x)) for x in xs] for xs in (made, before)
    )
    for path, a, b in zip(form.paths, have, want, strict=True):
        if not _fit([a], [b]):
            place = "".join(f"[{key!r}]" for key in path)
            raise InvalidArgumentError(
                f"argument `{argument}`: the loop carries {b[0]} {b[1]}{place and ' at ' + place}, "
                f"and the function returned {a[0]} {a[1]} for it; expected the same shape and "
                "dtype in every round. Start with the final ones, or cast in the function."
            )
    return made


def truth(backend: Any, argument: str, x: Any) -> Any:
    """Returns a condition as a boolean scalar of `backend`."""
    (found,) = together(x, backend=backend)[1]
    if len(backend.static_shape(found)) != 0:
        raise wrong(argument, x, "a scalar")
    return found if backend.dtype(found) == "bool" else backend.cast(found, "bool")
