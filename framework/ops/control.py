"""Control flow by the values of tensors: choices and loops."""

from collections.abc import Callable, Sequence
from typing import Any

from ..structures import split
from . import flat
from .dispatch import tensor
from .errors import InvalidArgumentError, wrong
from .op import program


def _both(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    backend = flat.backend_of(pred)
    return _first_of("true_fn, false_fn", backend, (true_fn, false_fn))


def _first_of(argument: str, backend: Any, branches: Sequence[Callable[..., Any]], *operands: Any):
    """The result of the first branch, when that of all others is known to be alike."""
    called = [flat.FlattenedFunction(backend, branch) for branch in branches]
    results = [branch(*operands) for branch in called]
    flat.check_alike(argument, called)
    return called[0].join(results[0])


def _select(pred: Any, first: Any, second: Any) -> Any:
    """`first` or `second`, which have both been computed."""
    return cond(pred, lambda: first, lambda: second)


def _cond_symbolic(symbolic: Any, pred: Any, true_fn: Any, false_fn: Any) -> Any:
    """A condition on a symbolic tensor: its branches may close over symbolic tensors, too."""
    flat.check_callable("true_fn", true_fn)
    flat.check_callable("false_fn", false_fn)
    results = true_fn(), false_fn()
    if any(flat.is_tensor(x) and flat.backend_of(x).symbolic for x in split(results)[0]):
        return symbolic.record(_choice, (pred, *results), {})
    return symbolic.record(cond, (pred, true_fn, false_fn), {})


@program(outline=_both, symbolic=_cond_symbolic)
def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """Returns `true_fn()` if `pred`, else `false_fn()`.

    Where the value of `pred` is known, one of them is called, and what it returns is returned as it
    is. In a program that is being traced (jax.jit, tf.function, torch.compile) both are traced, and
    must return tensors in the same structure, of the same shapes and dtypes. They must also where
    `pred` is symbolic; branches that close over symbolic tensors are then computed both.

    Args:
        pred: boolean scalar.
        true_fn: function without arguments.
        false_fn: function without arguments.

    Raises InvalidArgumentError if `pred` is no scalar or the branches do not fit each other.
    """
    flat.check_callable("true_fn", true_fn)
    flat.check_callable("false_fn", false_fn)
    if isinstance(pred, bool | int):
        return true_fn() if pred else false_fn()
    backend, pred = tensor(pred)
    with flat.running(backend):
        pred = flat.truth(backend, "pred", pred)
        known = backend.static_value(pred, True)
        if known is not None:
            return true_fn() if known else false_fn()
        branches = [flat.FlattenedFunction(backend, function) for function in (true_fn, false_fn)]
        return _run(branches, "true_fn, false_fn", lambda: backend.cond(pred, *branches))


_choice = program(outline=lambda pred, *results: _both(pred, *[lambda x=x: x for x in results]))(
    _select
)


def _run(
    branches: list[flat.FlattenedFunction], argument: str, kernel: Callable[[], list[Any]]
) -> Any:
    """What the kernel chose, in the form that all branches return."""
    try:
        chosen = kernel()
    except Exception as error:
        try:
            flat.check_alike(argument, branches)
        except InvalidArgumentError as unlike:
            raise unlike from error
        raise
    flat.check_alike(argument, branches)
    return branches[0].join(chosen)


def _any_branch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    backend = flat.backend_of(index, operands)
    _check_branches(branches)
    operands = flat.native(backend, operands, numbers=True)
    return _first_of("branches", backend, branches, *operands)


def _check_branches(branches: Any) -> None:
    if not isinstance(branches, list | tuple) or not branches:
        raise wrong("branches", branches, "a list of functions, at least one")
    for branch in branches:
        flat.check_callable("branches", branch)


@program(outline=_any_branch)
def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """Returns `branches[index](*operands)`; an index out of range counts as the nearest in range.

    Known and traced indices are told apart as `cond` tells conditions.

    Args:
        index: integer scalar.
        branches: functions of the operands.
        *operands: tensors, or structures of them.

    Raises InvalidArgumentError if `index` is no scalar or the branches do not fit each other.
    """
    _check_branches(branches)
    backend = flat.backend_of(index, operands)
    with flat.running(backend):
        operands = flat.native(backend, operands, numbers=True)
        (place,) = flat.native(backend, (index,), numbers=True)
        if not flat.is_data(place) or len(backend.static_shape(place)) != 0:
            raise wrong("index", index, "an integer scalar")
        known = backend.static_value(place, 0)
        if known is not None:
            return branches[int(max(0, min(known, len(branches) - 1)))](*operands)
        place = backend.clip(backend.cast(place, "int32"), 0, len(branches) - 1)
        called = [flat.FlattenedFunction(backend, lambda f=f: f(*operands)) for f in branches]
        return _run(called, "branches", lambda: backend.switch(place, called))


def _while_as_given(cond, body, loop_vars, maximum_iterations=None) -> Any:
    return _as_tensors(tuple(loop_vars) if isinstance(loop_vars, list | tuple) else loop_vars)


def _as_tensors(structure: Any) -> Any:
    _, leaves, form = flat.tensors_of(structure)
    return form.join(leaves)


@program(outline=_while_as_given)
def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    maximum_iterations: int | None = None,
) -> Any:
    """Repeats `loop_vars = body(*loop_vars)` for as long as `cond(*loop_vars)`.

    What `body` returns has the structure, the shapes and the dtypes of `loop_vars`. Differentiable
    on torch and tensorflow; on jax by forward mode only (`jvp`), and on tensorflow under `jit` only
    with `maximum_iterations`.

    Args:
        cond: function that gives a boolean scalar.
        body: function that gives the next `loop_vars`.
        loop_vars: a tuple or list, whose parts are the arguments of both functions, or anything
            else, which is their one argument. Parts may be tensors or structures of them.
        maximum_iterations: int, after so many the loop ends in any case.

    Returns: the last `loop_vars`, in a tuple if they came in a tuple or list.

    Raises InvalidArgumentError where the loop variables change their structure, shape or dtype.
    """
    flat.check_callable("cond", cond)
    flat.check_callable("body", body)
    several = isinstance(loop_vars, list | tuple)
    backend, leaves, form = flat.tensors_of(tuple(loop_vars) if several else (loop_vars,))

    def test(*leaves: Any) -> Any:
        return flat.truth(backend, "cond", cond(*form.join(leaves)))

    def step(*leaves: Any) -> Any:
        out = body(*form.join(leaves))
        out = tuple(out) if several and isinstance(out, list | tuple) else (out,)
        return flat.check_loop_carry(backend, "body", list(leaves), form, out)

    with flat.running(backend):
        last = form.join(backend.while_loop(test, step, leaves, maximum_iterations))
    return last if several else last[0]


@program(outline=lambda lower, upper, body_fun, init_val: _as_tensors(init_val))
def fori_loop(lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any) -> Any:
    """Repeats `val = body_fun(i, val)` for each i from `lower` to below `upper`, from `init_val`
    on.

    What `body_fun` returns has the structure, the shapes and the dtypes of `init_val`. i is an int
    where the loop runs as Python's, and an int32 scalar where it is traced as a loop.
    Differentiable on jax where `lower` and `upper` are numbers, on torch and tensorflow always.

    Args:
        lower: int or integer scalar.
        upper: int or integer scalar.
        body_fun: function of (i, val).
        init_val: tensor or structure of tensors.

    Returns: the last val.

    Raises InvalidArgumentError where val changes its structure, shape or dtype.
    """
    flat.check_callable("body_fun", body_fun)
    backend = flat.backend_of(lower, upper, init_val)
    _, leaves, form = flat.tensors_of(init_val)
    if leaves:
        leaves = [flat.native(backend, x, numbers=True) for x in leaves]

    def step(i: Any, *leaves: Any) -> Any:
        return flat.check_loop_carry(
            backend, "body_fun", list(leaves), form, body_fun(i, form.join(leaves))
        )

    lower, upper = (_bound(backend, name, x) for name, x in (("lower", lower), ("upper", upper)))
    with flat.running(backend):
        return form.join(backend.fori_loop(lower, upper, step, leaves))


def _bound(backend: Any, name: str, x: Any) -> Any:
    """A bound of a loop: an int, or an int32 scalar."""
    if isinstance(x, int):
        return int(x)
    found = flat.native(backend, x, numbers=True)
    if not flat.is_data(found) or len(backend.static_shape(found)) != 0:
        raise wrong(name, x, "an int or an integer scalar")
    if "int" not in backend.dtype(found):
        raise wrong(name, x, "an int or an integer scalar")
    return backend.cast(found, "int32")
