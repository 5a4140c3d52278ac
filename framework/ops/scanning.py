"""Functions along the first axis of tensors: with a carry, without one, and by halves."""

from collections.abc import Callable
from typing import Any

from ..backends.base import Spec
from ..structures import split
from . import flat
from .errors import InvalidArgumentError, describe, wrong
from .op import program


@program
def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:
    """Computes `carry, y = f(carry, x)` for each x along the first axis of `xs`.

    The carry keeps its structure, shapes and dtypes; y may be any structure, None included, of the
    same shapes each time. Compiled as one loop on jax, and in a tf.function; steps of their own in
    the programs of torch.compile.

    Args:
        f: function of (carry, x), which gives (carry, y).
        init: the first carry, tensors (n...) in any structure.
        xs: tensors (length, ...) in any structure, or None: then f gets None for x.
        length: int; needed where `xs` is None.
        reverse: whether to go from the last x to the first; the y stay in the places of their x.
        unroll: how many steps to put into one turn of a compiled loop; True for all.

    Returns: the last carry, and the y stacked along a new first axis.

    Raises InvalidArgumentError where lengths differ or are unknown, or the carry changes.
    """
    flat.check_callable("f", f)
    _check_unroll(unroll)
    items, items_form = split(xs)
    if not items and length is None:
        raise InvalidArgumentError(
            "got no `xs` to scan over and `length` not provided. Expected one of them."
        )
    carry, form = split(init)
    backend, tensors, _ = flat.tensors_of([*carry, *items])
    carry, items = tensors[: len(carry)], tensors[len(carry) :]
    length = _common_length(backend, "xs", items, length)
    ys = flat.FlattenedFunction(backend, lambda y: y)

    def called(carry: Any, rows: Any) -> Any:
        out = f(form.join(carry), None if xs is None else items_form.join(rows))
        if not isinstance(out, list | tuple) or len(out) != 2:
            raise InvalidArgumentError(
                f"argument `f`: returned {describe(out)}; expected a pair (carry, y)."
            )
        return flat.check_loop_carry(backend, "f", list(carry), form, out[0]), out[1]

    def step(carry: Any, rows: Any) -> Any:
        carry, y = called(carry, rows)
        return carry, ys.keep(y)

    def silent(carry: Any, rows: Any) -> Any:
        carry, y = called(carry, rows)
        return carry, split(y)[0]

    # For compilers that allow for no side effects.
    step.silent = silent  # pyright: ignore[reportFunctionMemberAccess]

    with flat.running(backend):
        carry, results = _steps(backend, step, ys, carry, items, length, reverse, unroll)
    return form.join(carry), ys.join(results)


def _check_unroll(unroll: Any) -> None:
    if not isinstance(unroll, bool) and (not isinstance(unroll, int) or unroll < 1):
        raise InvalidArgumentError(
            f"argument `unroll` must be an positive integer or boolean. Got {describe(unroll)}."
        )


def _steps(backend, step, ys, carry, items, length, reverse=False, unroll=1):
    """The kernel's scan; of no steps at all, what one would have given, stacked no times."""
    if length != 0:
        return backend.scan(step, carry, items, length, reverse, unroll)
    count = len(carry)
    given = [Spec(backend.static_shape(x), backend.dtype(x)) for x in carry]
    given += [Spec(backend.static_shape(x)[1:], backend.dtype(x)) for x in items]
    backend.abstract(lambda *xs: step(list(xs[:count]), list(xs[count:]))[1], given)
    return carry, [backend.zeros((0, *shape), dtype) for dtype, shape in ys.specs]


def _common_length(backend: Any, name: str, items: list[Any], length: int | None = None) -> Any:
    """The size of the first axis that all have; None where only a graph knows it."""
    if length is not None and not isinstance(length, int):
        raise wrong("length", length, "an int")
    for x in items:
        shape = backend.static_shape(x)
        if not shape:
            raise wrong(name, x, "a tensor with at least one axis")
        if length is not None and shape[0] not in (length, None):
            raise wrong(name, x, f"{length} rows")
        length = shape[0] if length is None else length
    return length


@program
def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """Returns `f` of each row of `xs`, one after the other, stacked.

    `vectorized_map` computes all rows at once, where `f` allows for it.

    Args:
        f: function of one row; what it returns may be any structure of tensors.
        xs: tensors (n, ...) in any structure.

    Returns: the results with a new first axis of size n.

    Raises InvalidArgumentError if the tensors of `xs` differ in their first size or there are none.
    """
    flat.check_callable("f", f)
    backend, items, form = flat.tensors_of(xs)
    if not items:
        raise wrong("xs", xs, "at least one tensor")
    length = _common_length(backend, "xs", items)
    ys = flat.FlattenedFunction(backend, lambda rows: f(form.join(rows)))
    with flat.running(backend):
        _, results = _steps(backend, lambda _, rows: ([], ys(rows)), ys, [], items, length)
    return ys.join(results)


@program
def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """Returns `function` of each row of `elements`, all at once, stacked.

    The function is called once, with tensors that stand for a row; it cannot branch by their
    values. On numpy it is called for each row.

    Args:
        function: function of one row, with any structure of tensors for its result.
        elements: tensors (n, ...) in any structure.

    Returns: the results with a new first axis of size n.

    Raises InvalidArgumentError if the tensors differ in their first size or there are none.
    """
    flat.check_callable("function", function)
    backend, items, form = flat.tensors_of(elements)
    if not items:
        raise wrong("elements", elements, "at least one tensor")
    length = _common_length(backend, "elements", items)
    ys = flat.FlattenedFunction(backend, lambda *rows: function(form.join(rows)))
    with flat.running(backend):
        return ys.join(_mapped(backend, ys, items, length))


def _mapped(
    backend: Any, function: flat.FlattenedFunction, items: list[Any], length: int | None
) -> list:
    """The kernel's `vmap` of a function that gives a list of tensors, also over no rows."""
    if length == 0:
        step = lambda _, rows: ([], function(*rows))  # noqa: E731
        return _steps(backend, step, function, [], items, 0)[1]
    return backend.vmap(function, items)


@program
def associative_scan(
    f: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0
) -> Any:
    """Returns running results of the associative `f` along `axis`: x0, f(x0, x1), f(f(x0, x1), x2),
    ...

    Computed in parallel in about 2 log2(n) steps, after Blelloch, Prefix Sums and Their
    Applications (1990).

    Args:
        f: function of two structures like `elems`, in which tensors have some other size along
            `axis`; gives a third one, elementwise along that axis.
        elems: tensors of the same size along `axis`, in any structure.
        reverse: whether to run from the last element to the first.
        axis: int.

    Returns: a structure like `elems`.

    Raises InvalidArgumentError if sizes along `axis` differ, or `f` changes the structure.
    """
    flat.check_callable("f", f)
    backend, leaves, form = flat.tensors_of(elems)
    if not leaves:
        raise wrong("elems", elems, "at least one tensor")
    places = [_axis_of(backend, axis, x) for x in leaves]
    _check_sizes(backend, elems, leaves, places)
    if len(set(places)) > 1:
        raise wrong("axis", axis, "an axis that counts the same for all elements")

    def combine(a: Any, b: Any) -> Any:
        out = f(form.join(a), form.join(b))
        found, got = split(out)
        if got != form:
            raise InvalidArgumentError(
                f"argument `f`: got {form} and returned {got}; expected the same structure."
            )
        return flat.together(*found, backend=backend)[1]

    with flat.running(backend):
        if reverse:
            leaves = [backend.flip(x, places[0]) for x in leaves]
        leaves = backend.associative_scan(combine, leaves, places[0])
        if reverse:
            leaves = [backend.flip(x, places[0]) for x in leaves]
    return form.join(leaves)


def _axis_of(backend: Any, axis: Any, x: Any) -> int:
    rank = len(backend.static_shape(x))
    if not isinstance(axis, int) or not -rank <= axis < rank:
        raise wrong("axis", axis, f"an axis of a tensor of {rank} axes")
    return axis % rank


def _check_sizes(backend: Any, elems: Any, leaves: list[Any], places: list[int]) -> None:
    shapes = [backend.static_shape(x) for x in leaves]
    sizes = {shape[axis] for shape, axis in zip(shapes, places, strict=True)} - {None}
    if len(sizes) > 1:
        raise InvalidArgumentError(
            "argument `elems`: all tensors must have the same first dimension, or size along "
            f"`axis`; got the shapes {', '.join(str(tuple(shape)) for shape in shapes)}."
        )
