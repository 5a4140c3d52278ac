"""Transforms of functions: derivatives, mapping and compilation, in one form on every backend.

Functions take and give structures of tensors (nested lists, tuples and dicts). What nests in what
is said in docs/transforms.md.
"""

import inspect
from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

from ..structures import split
from . import flat
from .errors import InvalidArgumentError, describe, wrong
from .op import program
from .scanning import _mapped as mapped


def value_and_grad(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Returns a function of the same arguments that gives `f`'s value and its gradient.

    Args:
        f: function whose value is a scalar of a real float dtype; with `has_aux`, a pair of that
            and of anything else that should be handed on (new states, predictions).
        argnums: the positional argument by which to differentiate, or several: each a tensor of a
            float dtype, or a structure of such.
        has_aux: whether `f` gives a pair.

    Returns: a function that gives (value, gradient), or ((value, aux), gradient). The gradient has
    the structure of the argument, and is a tuple of those where `argnums` is a sequence. What does
    not matter has the gradient 0; a complex argument has the one that leads uphill, the derivatives
    by its real and its imaginary part.

    Raises InvalidArgumentError where a value or an argument cannot be differentiated;
    RuntimeError on numpy, which does not differentiate.
    """
    flat.check_callable("f", f)
    places = _places(argnums)

    @wraps(f)
    def differentiated(*args: Any, **kwargs: Any) -> Any:
        backend = flat.backend_of(args, kwargs)
        given, kwargs = list(flat.native(backend, args)), flat.native(backend, kwargs)
        leaves, form = flat.differentiable_leaves(backend, given, places)
        called = flat.WithAux(f, has_aux)

        def flat_f(*leaves: Any) -> Any:
            value, others = called(*_replaced(given, places, form.join(leaves)), **kwargs)
            return _scalar(backend, value), others

        with flat.running(backend):
            value, others, gradients = backend.value_and_grad(flat_f, leaves)
        gradients = form.join(gradients)
        gradients = gradients[0] if isinstance(argnums, int) else gradients
        return ((value, *called.aux(others)) if has_aux else value), gradients

    return program(differentiated)


def grad(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Works like `value_and_grad`, without the value: gives the gradient, or (gradient, aux)."""
    both = value_and_grad(f, argnums, has_aux)

    @wraps(f)
    def differentiated(*args: Any, **kwargs: Any) -> Any:
        value, gradients = both(*args, **kwargs)
        return (gradients, value[1]) if has_aux else gradients

    return program(differentiated)


def _places(argnums: Any) -> tuple[int, ...]:
    places = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    if not places or not all(type(i) is int for i in places):
        raise wrong("argnums", argnums, "the place of an argument, an int, or several")
    return places


def _replaced(args: Sequence[Any], places: Sequence[int], values: Sequence[Any]) -> list[Any]:
    args = list(args)
    for i, value in zip(places, values, strict=True):
        args[i] = value
    return args


def _scalar(backend: Any, value: Any) -> Any:
    if flat.is_data(value):
        value = flat.native(backend, value, numbers=True)
        dtype = backend.dtype(value)
        if len(backend.static_shape(value)) == 0 and "float" in dtype:
            return value
    raise InvalidArgumentError(
        f"argument `f`: returned {describe(value)}; a gradient is of one real float, a tensor "
        "without axes. Reduce it, with ops.sum or ops.mean, or use ops.vjp."
    )


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Returns `f(*primals)`, and a function that multiplies by its Jacobian from the left.

    Args:
        f: function that gives a structure of float tensors; with `has_aux`, a pair of that and of
            anything else.
        *primals: its arguments: tensors of float dtypes, or structures of such.
        has_aux: whether `f` gives a pair.

    Returns: (out, vjp_fn) or (out, vjp_fn, aux). `vjp_fn(cotangent)`, of the structure of out,
    gives a tuple of one gradient for each argument; it may be called again.

    Raises InvalidArgumentError where an argument has no float dtype, or a cotangent does not fit;
    RuntimeError on numpy, which does not differentiate.
    """
    return _vjp(f, primals, has_aux)


@program
def _vjp(f: Callable[..., Any], primals: tuple, has_aux: bool) -> tuple[Any, ...]:
    flat.check_callable("f", f)
    backend = flat.backend_of(primals)
    leaves, form = flat.differentiable_leaves(backend, primals, range(len(primals)))
    called, results = flat.WithAux(f, has_aux), flat.FlattenedFunction(backend, lambda out: out)

    def flat_f(*leaves: Any) -> Any:
        value, others = called(*form.join(leaves))
        return results(value), others

    with flat.running(backend):
        out, others, pull = backend.vjp(flat_f, leaves)

    def vjp_fn(cotangent: Any) -> Any:
        with flat.running(backend):
            given = flat.check_loop_carry(backend, "cotangent", out, results.form, cotangent)
            return form.join(pull(*given))

    return results.join(out), vjp_fn, *called.aux(others)


_vjp.__name__ = "vjp"


def vmap(f: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0) -> Callable[..., Any]:
    """Returns a function that maps `f` over an axis of its arguments, all at once.

    Args:
        f: function of tensors, or structures of them, that have no such axis. It is called once,
            and cannot branch by the values of tensors; on numpy it is called for each element.
        in_axes: the axis of each argument over which to map, None for an argument that all calls
            share. A tuple for the positional arguments, or one for all; for an argument that is a
            structure, an axis may stand for all its tensors, or a structure of axes be given.
        out_axes: where the axis goes in the results: an int, or a structure of ints.

    Returns: a function of arguments with that axis. Keyword arguments are shared.

    Raises InvalidArgumentError where axes do not fit the arguments, or differ in size.
    """
    flat.check_callable("f", f)

    @wraps(f)
    def vectorized(*args: Any, **kwargs: Any) -> Any:
        backend = flat.backend_of(args, kwargs)
        args = flat.native(backend, args, numbers=True)
        kwargs = flat.native(backend, kwargs)
        leaves, form = split(args)
        axes = _axes_for("in_axes", in_axes, args)
        moved = [_to_front(backend, x, a) for x, a in zip(leaves, axes, strict=True)]
        batched = [i for i, a in enumerate(axes) if a is not None]
        if not batched:
            raise wrong("in_axes", in_axes, "an axis for at least one tensor among the arguments")
        sizes = {backend.static_shape(moved[i])[0] for i in batched} - {None}
        if len(sizes) > 1:
            raise wrong(
                "in_axes", in_axes, f"axes of the same size in all arguments, not {sorted(sizes)}"
            )

        def mapped_f(*rows: Any) -> Any:
            return f(*form.join(_replaced(moved, batched, rows)), **kwargs)

        results = flat.FlattenedFunction(backend, mapped_f)
        with flat.running(backend):
            stacked = mapped(
                backend, results, [moved[i] for i in batched], min(sizes, default=None)
            )
            places = _axes_for("out_axes", out_axes, results.join(stacked), several=False)
            pairs = zip(stacked, places, strict=True)
            return results.join([_from_front(backend, x, a) for x, a in pairs])

    return program(vectorized)


def _axes_for(name: str, axes: Any, structure: Any, several: bool = True) -> list[int | None]:
    """An axis for each tensor of `structure`, where one may stand for all those below it."""
    if isinstance(axes, int) or axes is None:
        return [axes] * len(split(structure)[0])
    keys = axes.keys() if isinstance(axes, dict) else range(len(axes))
    matches = type(structure) is type(axes) or not (
        isinstance(axes, dict) or isinstance(structure, dict)
    )
    if not isinstance(structure, list | tuple | dict) or not matches or len(axes) != len(structure):
        expected = "an int, None, or those in the structure of the "
        raise wrong(name, axes, expected + ("arguments" if several else "results"))
    return [a for key in sorted(keys) for a in _axes_for(name, axes[key], structure[key], several)]


def _to_front(backend: Any, x: Any, axis: int | None) -> Any:
    if axis is None:
        return x
    rank = len(backend.static_shape(x))
    if not -rank <= axis < rank:
        raise wrong("in_axes", axis, f"an axis of a tensor of {rank} axes")
    return x if axis % rank == 0 else backend.moveaxis(x, axis, 0)


def _from_front(backend: Any, x: Any, axis: int | None) -> Any:
    rank = len(backend.static_shape(x))
    if axis is None or not -rank <= axis < rank:
        raise wrong("out_axes", axis, f"an axis of a result of {rank} axes")
    return x if axis % rank == 0 else backend.moveaxis(x, 0, axis)


def jit(f: Callable[..., Any], static_argnames: str | Sequence[str] = ()) -> Callable[..., Any]:
    """Returns `f` compiled: by XLA on jax and tensorflow, by torch.compile on torch; itself on
    numpy.

    Compiled at the first call, and again where shapes or dtypes change. What `f` does besides
    computing happens only then. Numbers come in as tensors. Whatever the compiler cannot follow,
    such as a branch by the value of a tensor, is its error.

    Args:
        f: function of tensors, or structures of them.
        static_argnames: names of arguments that are no tensors (flags, sizes, functions): hashable
            ones, for each set of which `f` is compiled anew.

    Returns: a function of the same arguments. On torch without a C++ compiler it warns, and runs
    `f` uncompiled.
    """
    flat.check_callable("f", f)
    names = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
    order = _positions(f, names)
    made: dict[Any, Callable[..., Any]] = {}

    @wraps(f)
    def compiled(*args: Any, **kwargs: Any) -> Any:
        fixed = tuple((i, args[i]) for i in order if i < len(args))
        named = tuple((name, kwargs.pop(name)) for name in names if name in kwargs)
        args = tuple(x for i, x in enumerate(args) if i not in order)
        backend = flat.backend_of(args, kwargs)
        key = (backend.name, fixed, named)
        try:
            found = made.get(key)
        except TypeError:
            given = {**{names[order[i]]: x for i, x in fixed}, **dict(named)}
            raise wrong("static_argnames", given, "hashable values") from None
        if found is None:
            found = made[key] = backend.jit(partial(_with_fixed, f, fixed, dict(named)))
        with flat.running(backend):
            args = flat.native(backend, args, numbers=True)
            return found(*args, **flat.native(backend, kwargs, numbers=True))

    return program(compiled)


def _positions(f: Callable[..., Any], names: tuple[str, ...]) -> dict[int, int]:
    """Of each static argument that may come by position: its place, and its place in `names`."""
    if not names:
        return {}
    parameters = list(inspect.signature(f).parameters)
    if any(name not in parameters for name in names):
        raise wrong("static_argnames", names, f"names among the arguments {parameters}")
    return {parameters.index(name): i for i, name in enumerate(names)}


def _with_fixed(f, fixed, named, *args, **kwargs):
    args = list(args)
    for i, value in fixed:
        args.insert(i, value)
    return f(*args, **named, **kwargs)


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function that gives what `f` says it gives, with the gradient that `f` says it has.

    Args:
        f: function of tensors, or structures of them, that gives (output, grad_fn). `grad_fn`
            takes the gradient by the output, in the output's structure, and gives that by the
            arguments: a tuple with one for each, or the one of a single argument. As in Keras,
            `grad_fn(*args, upstream)` with a keyword `upstream` gets the arguments before it.

    Returns: a function of the same arguments. On numpy, which does not differentiate, it gives the
    output of `f`.
    """
    flat.check_callable("f", f)

    @wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        backend = flat.backend_of(args, kwargs)
        args = flat.native(backend, args, numbers=True)
        kwargs = flat.native(backend, kwargs)
        leaves, form = split(args)
        results = flat.FlattenedFunction(backend, lambda out: out)

        def flat_f(*leaves: Any) -> Any:
            given = form.join(leaves)
            out = f(*given, **kwargs)
            output, grad_fn = _output_and_gradient(out)
            tensors = results(output)

            def pull(*cotangents: Any) -> Any:
                found = _call_gradient(grad_fn, given, results.join(cotangents), cotangents)
                return _gradients(backend, found, leaves)

            return tensors, pull

        with flat.running(backend):
            return results.join(backend.custom_gradient(flat_f, leaves))

    return program(call)


def _output_and_gradient(out: Any) -> Sequence[Any]:
    if isinstance(out, list | tuple) and len(out) == 2 and callable(out[1]):
        return out
    raise InvalidArgumentError(
        f"argument `f`: returned {describe(out)}; expected a pair (output, grad_fn)."
    )


def _call_gradient(grad_fn, args: Sequence[Any], upstream: Any, cotangents: Sequence[Any]) -> Any:
    """`grad_fn` in whichever of Keras's forms it is written."""
    code = getattr(grad_fn, "__code__", None)  # torch.compile cannot trace `inspect.signature`
    if code is not None:
        count = code.co_argcount
        if "upstream" in code.co_varnames[count : count + code.co_kwonlyargcount]:
            return grad_fn(*args, upstream=upstream)
        if count == len(cotangents) > 1:
            return grad_fn(*cotangents)
    return grad_fn(upstream)


def _gradients(backend: Any, found: Any, leaves: Sequence[Any]) -> list[Any]:
    """A gradient for each tensor of the arguments, 0 for None."""
    parts = found if isinstance(found, list | tuple) else [found]
    gradients = [g for part in parts for g in ([None] if part is None else split(part)[0])]
    if len(gradients) != len(leaves):
        raise InvalidArgumentError(
            f"argument `f`: its grad_fn returned {len(gradients)} gradients for {len(leaves)} "
            "tensors; expected one for each."
        )
    zero = partial(backend.full_like, value=0)
    return [
        zero(x, dtype=backend.dtype(x)) if g is None else flat.native(backend, g, numbers=True)
        for g, x in zip(gradients, leaves, strict=True)
    ]
