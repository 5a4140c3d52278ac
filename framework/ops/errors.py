"""One kind of error for what an op has no meaning for, the same on every backend."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import dtypes
from ..backends import registry
from ..backends.registry import BOX, SCALAR, Kind, owner_of

# Arguments that name one axis or several of the op's first tensor.
_AXES = {"axis", "axes", "axis1", "axis2", "source", "destination"}
# How the operands are called of ops that broadcast two.
_PAIRS = (("x1", "x2"), ("x", "y"))


class InvalidArgumentError(ValueError, TypeError, IndexError):
    """An op got an argument that it has no meaning for: a rank, shape, axis, dtype or value.

    It is a ValueError, a TypeError and an IndexError at once, since NumPy and the frameworks raise
    one or another of them for the same mistake. The message names the op, the argument, what came
    and what was expected; the framework's own error, if there was one, is its `__cause__`.
    """

    op: str | None = None

    def __str__(self) -> str:
        message = super().__str__()
        return message if self.op is None else f"ops.{self.op}: {message}"


class BackendMismatchError(InvalidArgumentError):
    """Tensors of two backends met in one op."""


def wrong(argument: str, got: Any, expected: str) -> InvalidArgumentError:
    """Returns the error for one argument: what came, and what was expected."""
    return InvalidArgumentError(f"argument `{argument}`: got {describe(got)}; expected {expected}.")


def describe(x: Any) -> str:
    """Returns what an argument is, in few words: dtype and shape of a tensor, else its repr."""
    owner = owner_of(x)
    if owner is BOX:
        return f"a variable of {x.dtype} {tuple(x.shape)}"
    if owner is registry.ARRAY and hasattr(x, "dtype"):
        return f"{x.dtype} {tuple(x.shape)}"
    if not isinstance(owner, Kind):
        return f"{owner.dtype(x)} {tuple(owner.static_shape(x))}"
    if isinstance(x, list | tuple) and any(not isinstance(v, int | float | str) for v in x):
        return f"[{', '.join(describe(v) for v in x[:4])}{', ...' if len(x) > 4 else ''}]"
    if callable(x):
        return getattr(x, "__name__", type(x).__name__)
    text = repr(x)
    return text if len(text) <= 60 else text[:57] + "..."


def explain(function: Callable[..., Any], args: tuple, kwargs: dict, error: Exception) -> Exception:
    """Returns what `function(*args, **kwargs)` should raise in the place of `error`.

    That is `error` itself where it shows a fault of the library and no argument explains it.
    """
    name = function.__name__
    if isinstance(error, InvalidArgumentError):
        error.op = name
        return error
    try:
        given = inspect.signature(function).bind(*args, **kwargs).arguments
    except TypeError as unbound:
        return TypeError(f"ops.{name}: {unbound}.")
    made = _about_axes(given) or _about_dtype(given) or _about_kinds(given) or _about_shapes(given)
    if made is None and _is_ours(error):
        return error
    if made is None:
        made = _in_general(function, given, error)
    made.op = name
    return made


# What a slip in a kernel raises, and no framework says of a user's argument.
_SLIPS = (AttributeError, NameError, AssertionError, ImportError, RecursionError)
_PACKAGE = str(Path(__file__).parents[1])


def _is_ours(error: Exception) -> bool:
    """Whether an error is a fault of the library: a slip that was raised in its own code."""
    if not isinstance(error, _SLIPS):
        return False
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return frame is not None and frame.tb_frame.f_code.co_filename.startswith(_PACKAGE)


def _rank(x: Any) -> int | None:
    """The number of axes of a tensor argument, or None for anything else."""
    if isinstance(x, bool | int | float | complex | str) or x is None:
        return None
    shape = getattr(x, "shape", None)
    try:
        return None if shape is None else len(shape)
    except (TypeError, ValueError):
        return None


def _about_axes(given: dict[str, Any]) -> InvalidArgumentError | None:
    rank = next((r for r in map(_rank, given.values()) if r is not None), None)
    if rank is None:
        return None
    for name, value in given.items():
        values = value if isinstance(value, list | tuple) else (value,)
        if name in _AXES and any(type(v) is int and not -rank <= v < rank for v in values):
            reach = f"from {-rank} to {rank - 1}" if rank else "none, for a tensor without axes"
            return wrong(name, value, f"an axis of a tensor of {rank} axes: {reach}")
        if name in _AXES and any(not isinstance(v, int) and v is not None for v in values):
            return wrong(name, value, "an integer, or several in a tuple")
    return None


def _about_dtype(given: dict[str, Any]) -> InvalidArgumentError | None:
    if given.get("dtype") is None:
        return None
    try:
        dtypes.standardize(given["dtype"])
    except ValueError:
        return wrong("dtype", given["dtype"], f"one of {', '.join(dtypes.ALL)}")
    return None


def _about_kinds(given: dict[str, Any]) -> InvalidArgumentError | None:
    """The first argument that should be a tensor and cannot become one."""
    name, value = next(iter(given.items()), (None, None))
    if name is None or not (value is None or isinstance(value, str | bytes | dict | set)):
        owner = None if name is None else owner_of(value)
        if owner is not registry.UNKNOWN:
            return None
    if name in ("subscripts", "shape", "fun", "fn", "f"):
        return None
    return wrong(str(name), value, "a tensor, a NumPy array, a number or a nested list of numbers")


def _about_shapes(given: dict[str, Any]) -> InvalidArgumentError | None:
    """Operands whose shapes do not broadcast, where the op takes x1 and x2."""
    names = next((pair for pair in _PAIRS if given.keys() >= set(pair)), None)
    if names is None or "axes" in given:
        return None
    first, second = (tuple(getattr(given[k], "shape", ())) for k in names)
    pairs = zip(reversed(first), reversed(second), strict=False)
    if all(a == b or 1 in (a, b) or None in (a, b) for a, b in pairs):
        return None
    one, other = names
    return wrong(other, given[other], f"a shape that fits {one}, which is {describe(given[one])}")


def _in_general(function: Callable, given: dict[str, Any], error: Exception):
    arguments = ", ".join(f"`{name}`: {describe(value)}" for name, value in given.items())
    summary = (inspect.getdoc(function) or "").partition("\n")[0]
    said = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return InvalidArgumentError(
        f"cannot be computed from {arguments}. Expected what fits: {summary} "
        f"The backend said: {said.strip()[:300]}"
    )


def is_scalar(x: Any) -> bool:
    """Tells whether `x` is a Python number."""
    return registry.KINDS.get(type(x)) is SCALAR
