"""Derivatives along a direction."""

from collections.abc import Callable, Sequence
from typing import Any

from . import flat
from .errors import InvalidArgumentError, wrong
from .op import program


@program
def jvp(
    fun: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    has_aux: bool = False,
) -> tuple[Any, ...]:
    """Computes `fun(*primals)`, and its derivative along `tangents`, by forward mode.

    Args:
        fun: function that gives a structure of float tensors; with `has_aux`, a pair of that and of
            anything else.
        primals: tuple or list of its arguments: tensors of float dtypes, or structures of such.
        tangents: tuple or list of the same structure, shapes and dtypes.
        has_aux: whether `fun` gives a pair.

    Returns: (out, tangents of out), or those and aux.

    Raises InvalidArgumentError where tangents do not fit, or an argument has no float dtype;
    RuntimeError on numpy, which does not differentiate.
    """
    flat.check_callable("fun", fun)
    for name, value in (("primals", primals), ("tangents", tangents)):
        if not isinstance(value, list | tuple):
            raise wrong(name, value, "a tuple or list of arguments")
    if len(primals) != len(tangents):
        raise InvalidArgumentError(
            f"argument `tangents`: got {len(tangents)} for {len(primals)} primals; expected one "
            "for each."
        )
    backend = flat.backend_of(primals, tangents)
    leaves, form = flat.differentiable_leaves(backend, primals, range(len(primals)))
    directions = flat.check_loop_carry(backend, "tangents", leaves, form, tuple(tangents))
    called, results = flat.WithAux(fun, has_aux), flat.FlattenedFunction(backend, lambda out: out)

    def flat_f(*leaves: Any) -> Any:
        value, others = called(*form.join(leaves))
        return results(value), others

    with flat.running(backend):
        out, others, moved = backend.jvp(flat_f, leaves, directions)
    return results.join(out), results.join(moved), *called.aux(others)
