"""What makes a function a public op: it records symbolic calls, and its errors say what was wrong.

A call with real tensors goes straight through. Anything that an op does with a symbolic tensor
fails (`core.symbolic.SymbolicBackend` has no kernels), and then the whole call is recorded as one
node; its shape and dtype come from running the same function abstractly. So no op has a rule for
symbolic inputs, and none pays for looking.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from ..backends import registry
from ..backends.registry import TENSORS
from ..context import state
from .errors import InvalidArgumentError, explain
from .placing import placed

_Function = TypeVar("_Function", bound=Callable[..., Any])


def op(function: _Function) -> _Function:
    """Returns `function` as a public op."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            if registry.accelerated and state.device is None:
                return placed(function, args, kwargs)
            return function(*args, **kwargs)
        except Exception as error:
            symbolic = _symbolic_among(args) or _symbolic_among(kwargs.values())
            if symbolic is None:
                caught = _explained(function, args, kwargs, error)
                if caught is error:
                    raise
                raise caught from error
        return symbolic.record(call, args, kwargs)

    return _python_stays(call)  # pyright: ignore[reportReturnType]


def _python_stays(call: Any) -> Any:
    """`call`, marked for TensorFlow's AutoGraph, which would rewrite its Python for minutes."""
    call.autograph_info__ = None
    return call


def _explained(function: Callable[..., Any], args: tuple, kwargs: dict, error: Exception):
    # No closures here nor in `call`: torch.compile traces both.
    for backend in registry.loaded():
        if backend.is_unrelated_error(error):
            return error
    return explain(function, args, kwargs, error)


def shaped(rule: Callable[..., Any]) -> Callable[[_Function], _Function]:
    """Returns a decorator like `op`, for ops whose results have shapes that depend on values.

    They cannot be evaluated abstractly. `rule`, called as the op is, gives Specs in the place of
    the results instead, with None for unknown sizes; None where the shapes depend on none.
    """

    def decorate(function: _Function) -> _Function:
        call = op(function)
        call.rule = rule  # pyright: ignore[reportFunctionMemberAccess]
        return call

    return decorate


def program(
    function: Any = None,
    *,
    outline: Callable[..., Any] | None = None,
    symbolic: Callable[..., Any] | None = None,
) -> Any:
    """Returns `function`, which calls functions of the user, as a public op: their errors stay
    theirs.

    `outline` takes its place where only the shapes and dtypes of its results are wanted;
    `symbolic`, which gets the symbolic backend first, wherever it has symbolic arguments.
    """
    if function is None:
        return lambda function: program(function, outline=outline, symbolic=symbolic)

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        owner = _symbolic_among(args) or _symbolic_among(kwargs.values())
        try:
            if owner is None:
                if registry.accelerated and registry.state.device is None:
                    return placed(function, args, kwargs)
                return function(*args, **kwargs)
            if symbolic is not None and not registry.state.inferring:
                return symbolic(owner, *args, **kwargs)
            return owner.record(call, args, kwargs)
        except InvalidArgumentError as error:
            if error.op is None:
                error.op = function.__name__
            raise

    call.outline = outline or function  # pyright: ignore[reportAttributeAccessIssue]
    return _python_stays(call)


def _symbolic_among(values: Any) -> Any:
    """The symbolic backend, if a symbolic tensor is among nested `values`."""
    for x in values:
        if isinstance(x, list | tuple):
            found = _symbolic_among(x)
        elif isinstance(x, dict):
            found = _symbolic_among(x.values())
        else:
            owner = TENSORS.get(type(x))
            found = owner if owner is not None and owner.symbolic else None
        if found is not None:
            return found
    return None
