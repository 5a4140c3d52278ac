"""Functions of single elements as functions of whole tensors."""

import re
from collections.abc import Callable, Collection
from functools import wraps
from math import prod
from typing import Any

from . import flat
from .errors import InvalidArgumentError, wrong
from .op import program
from .scanning import _mapped as mapped

_SIGNATURE = re.compile(r"\([\w,]*\)(?:,\([\w,]*\))*->\([\w,]*\)(?:,\([\w,]*\))*")


def vectorize(
    pyfunc: Callable[..., Any],
    *,
    excluded: Collection[int | str] | None = None,
    signature: str | None = None,
) -> Callable[..., Any]:
    """Computes `pyfunc` for every element of its arguments, broadcast against each other.

    The function is called once, with tensors that stand for an element; on numpy for each element.

    Args:
        pyfunc: function of scalars that gives a scalar, or a tuple of scalars.
        excluded: places and names of arguments that are passed on as they are.
        signature: of a function of tensors instead, the sizes of their axes by name, as of NumPy's
            generalized ufuncs: "(m,n),(n)->(m)" of matrix times vector.

    Returns: a function of tensors (..., and the axes of `signature`).

    Raises InvalidArgumentError if the signature is malformed, or arguments or results do not fit.
    """
    if not callable(pyfunc):
        raise InvalidArgumentError(
            f"Expected argument `pyfunc` to be a callable. Received: pyfunc={pyfunc!r}"
        )
    kept = set(excluded or ())
    inputs, outputs = (None, None) if signature is None else _parsed(signature)

    @wraps(pyfunc)
    def vectorized(*args: Any, **kwargs: Any) -> Any:
        names = [k for k in kwargs if k not in kept]
        free = [i for i in range(len(args)) if i not in kept and args[i] is not None]
        given = [*(args[i] for i in free), *(kwargs[k] for k in names)]
        if not given:
            raise InvalidArgumentError("got no argument to go through; expected at least one.")
        backend, tensors = flat.together(*given)

        def call(*elements: Any) -> Any:
            whole, named = list(args), dict(kwargs)
            for i, x in zip(free, elements, strict=False):
                whole[i] = x
            named.update(zip(names, elements[len(free) :], strict=True))
            return pyfunc(*whole, **named)

        with flat.running(backend):
            return _through(backend, call, tensors, inputs, outputs)

    return program(vectorized)


def _through(backend, call, tensors, inputs, outputs) -> Any:
    """`call` of all elements of `tensors`, whose last axes are named by `inputs`."""
    inputs = inputs or [()] * len(tensors)
    if len(inputs) != len(tensors):
        raise InvalidArgumentError(
            f"got {len(tensors)} arguments to go through; expected {len(inputs)}, by the signature."
        )
    sizes: dict[str, Any] = {}
    shapes = [backend.shape(x) for x in tensors]
    for shape, names in zip(shapes, inputs, strict=True):
        _note(sizes, shape, names, exact=False)
    loops = [shape[: len(shape) - len(names)] for shape, names in zip(shapes, inputs, strict=True)]
    loop = _broadcast(loops)
    results = flat.FlattenedFunction(backend, call)
    if not loop:
        return results.join(_checked(backend, results(*tensors), outputs, sizes))
    count = prod(loop)
    rows = []
    for x, shape, names in zip(tensors, shapes, inputs, strict=True):
        core = shape[len(shape) - len(names) :]
        rows.append(backend.reshape(backend.broadcast_to(x, (*loop, *core)), (count, *core)))
    # An element's results are checked where they are made: the stacked ones have one axis more.
    inner = flat.FlattenedFunction(
        backend, lambda *xs: _checked(backend, results(*xs), outputs, sizes)
    )
    stacked = mapped(backend, inner, rows, count if isinstance(count, int) else None)
    return results.join([backend.reshape(y, (*loop, *backend.shape(y)[1:])) for y in stacked])


def _broadcast(shapes: list[tuple]) -> tuple:
    rank = max(len(shape) for shape in shapes)
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    loop = []
    for column in zip(*padded, strict=True):
        wide = [n for n in column if not (isinstance(n, int) and n == 1)]
        if len({n for n in wide if isinstance(n, int)}) > 1:
            raise InvalidArgumentError(
                f"the shapes {', '.join(map(str, shapes))} to go through do not broadcast."
            )
        loop.append(wide[0] if wide else 1)
    return tuple(loop)


def _checked(backend: Any, results: list[Any], outputs: Any, sizes: dict[str, Any]) -> list[Any]:
    """`results`, if their axes are those that the signature names, or none without one."""
    names = [()] * len(results) if outputs is None else outputs
    if len(names) != len(results):
        raise InvalidArgumentError(
            f"argument `pyfunc`: returned {len(results)} tensors; expected {len(names)}, by the "
            "signature."
        )
    for x, axes in zip(results, names, strict=True):
        _note(dict(sizes), backend.static_shape(x), axes, exact=True)
    return results


def _note(sizes: dict[str, Any], shape: tuple, names: tuple[str, ...], exact: bool) -> None:
    """Learn the sizes of named axes, or find that they differ from what is known."""
    if len(shape) < len(names) or (exact and len(shape) != len(names)):
        raise InvalidArgumentError(
            f"argument `signature`: got a tensor of shape {tuple(shape)} where it names the axes "
            f"({', '.join(names)}); expected these{'' if exact else ' behind any others'}."
        )
    for name, size in zip(names, shape[len(shape) - len(names) :], strict=True):
        known = sizes.setdefault(name, size)
        if isinstance(known, int) and isinstance(size, int) and known != size:
            raise InvalidArgumentError(
                f"argument `signature`: the axis {name} is {known} long in one tensor and {size} "
                "in another; expected the same size."
            )


def _parsed(signature: str) -> tuple[list[tuple[str, ...]], ...]:
    text = signature.replace(" ", "")
    if not _SIGNATURE.fullmatch(text):
        raise wrong("signature", signature, 'one like "(m,n),(n)->(m)"')
    sides = (re.findall(r"\(([\w,]*)\)", side) for side in text.split("->"))
    return tuple([tuple(filter(None, axes.split(","))) for axes in side] for side in sides)
