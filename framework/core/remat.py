"""Rematerialization: a call keeps its inputs alone, and is made again for its gradient.

That saves the memory of what lies between inputs and outputs, and costs a second call (Chen et al.
2016, arXiv:1604.06174). The second call must compute what the first one did: it reads what the
variables that the first one assigned (states of seeds, moving statistics) held before, and its own
assignments, losses and masks are dropped.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any, NamedTuple

from ..backends import host_random, registry
from ..backends.registry import BOX, Kind, owner_of
from ..context import CallContext, entered, state
from ..structures import map_leaves, split
from . import masks
from .keras_tensor import KerasTensor
from .trackable import Trackable
from .variable import SeedState

_MODES = ("full", "activations", "larger_than", "list_of_layers", None)
_MADE = "_calls_without_remat"


class RematMode(NamedTuple):
    """What a RematScope says."""

    mode: str | None
    output_size_threshold: int
    layer_names: tuple[str, ...]


class RematScope:
    """Layers made within the ``with`` block are made again for their gradients, see `remat`.

    It counts where a layer is made, not where it is called.

    Args:
        mode: "full" for every layer and Operation; "activations" for the function `activation` of
            layers that have one; "larger_than" for those whose outputs have more numbers than
            `output_size_threshold`, an unknown size counted as 1; "list_of_layers" for layers of
            the names in `layer_names`; None for none.
        output_size_threshold: a count of numbers.
        layer_names: a list of names.

    Raises ValueError for another mode.
    """

    def __init__(
        self,
        mode: str | None = "full",
        output_size_threshold: int = 1024,
        layer_names: Any = None,
    ) -> None:
        if mode not in _MODES:
            raise ValueError(
                f"Invalid mode '{mode}'. Supported modes are: 'full', 'activations', "
                "'larger_than', 'list_of_layers', or None."
            )
        self.mode = mode
        self.output_size_threshold = output_size_threshold
        self.layer_names = layer_names or []
        self._open: list[AbstractContextManager[None]] = []

    def __enter__(self) -> "RematScope":
        mode = RematMode(self.mode, self.output_size_threshold, tuple(self.layer_names))
        entering = entered(remat=mode)
        entering.__enter__()
        self._open.append(entering)
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.pop().__exit__(*error)


def remat(f: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function that gives what `f` gives, and calls `f` again for the gradient.

    On TensorFlow the gradient reaches the arguments of `f` and variables, no other tensors that `f`
    closes over. On torch, `f` is called once where `torch.func` or a compiler is at work, which
    chooses itself what to keep. On numpy, which does not differentiate, it is `f`. On JAX a
    SeedGenerator in `f` must be among the variables of a layer whose call or method `f` is, or of
    the StatelessScope or training step around.

    Args:
        f: a function of tensors and structures of them, such as a layer or a method of one.
    """
    if not callable(f):
        raise ValueError(f"remat: argument `f` should be a callable. Got {type(f).__name__}.")

    def call(*args: Any, **kwargs: Any) -> Any:
        leaves = split((args, kwargs))[0]
        if state.inferring or any(isinstance(x, KerasTensor) for x in leaves):
            return f(*args, **kwargs)
        args, kwargs = map_leaves(lambda x: x.value if owner_of(x) is BOX else x, (args, kwargs))
        owners = (owner_of(x) for x in split((args, kwargs))[0])
        backend = next((x for x in owners if not isinstance(x, Kind)), None)
        return recomputed(backend or registry.current(), f, args, kwargs)

    made = wraps(f)(call) if hasattr(f, "__name__") else call
    setattr(made, _MADE, f)
    return made


def call_operation(operation: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Returns what `operation.call` gives, recomputed as the scope said in which it was made."""
    mode = operation._remat
    if state.inferring:
        return operation.computation()(*args, **kwargs)
    if mode.mode == "activations":
        return _with_remat_activation(operation, args, kwargs)
    if (
        mode.mode == "full"
        or (mode.mode == "list_of_layers" and operation.name in mode.layer_names)
        or (
            mode.mode == "larger_than"
            and _output_size(operation, args, kwargs) > mode.output_size_threshold
        )
    ):
        return remat(operation.computation())(*args, **kwargs)
    return operation.computation()(*args, **kwargs)


def _with_remat_activation(layer: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    held = vars(layer)
    activation = held.get("activation")
    # Another thread may be in the same call, and have put its own there.
    activation = getattr(activation, _MADE, activation)
    if activation is None:
        return layer.call(*args, **kwargs)
    held["activation"] = remat(activation)
    try:
        return layer.call(*args, **kwargs)
    finally:
        held["activation"] = activation


def _output_size(operation: Any, args: tuple, kwargs: dict[str, Any]) -> int:
    """How many numbers the outputs hold."""

    def symbol(x: Any) -> Any:
        owner = owner_of(x)
        if isinstance(owner, Kind):
            return x
        return KerasTensor(owner.static_shape(x), owner.dtype(x))

    args, kwargs = map_leaves(symbol, (args, kwargs))
    size = 0
    for x in split(operation.compute_output_spec(*args, **kwargs))[0]:
        if isinstance(x, KerasTensor):
            count = 1
            for n in x.shape:
                count *= n or 1
            size += count
    return size


# One call -----------------------------------------------------------------------------------------


def recomputed(
    backend: Any, function: Callable[..., Any], args: tuple, kwargs: dict[str, Any]
) -> Any:
    """Returns `function(*args, **kwargs)`, which is called again for the gradient."""
    if not backend.differentiable:
        return function(*args, **kwargs)
    return _Recomputed(backend, function, args, kwargs).run()


class _Recomputed:
    """A call as a pure function of tensors, whose effects are left to whoever runs it first."""

    def __init__(self, backend: Any, function: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        self.backend, self.function = backend, function
        self.leaves, self.form = split((args, kwargs), self._is_tensor)
        found = [masks.get_mask(x) for x in self.leaves] if masks.any_known() else []
        # The places of the inputs that have masks; those follow the inputs.
        self.masked = [i for i, mask in enumerate(found) if mask is not None]
        self.given = [*self.leaves, *(found[i] for i in self.masked)]
        # The second call may be made by another thread.
        self.context = {name: getattr(state, name) for name in CallContext.__annotations__}
        self.held = {**(state.substitutes or {}), **self._seeds()}
        self.first: Any = None

    def _is_tensor(self, x: Any) -> bool:
        return owner_of(x) is self.backend

    def _seeds(self) -> dict[int, Any]:
        """States of seeds that the call may read, which a program must not have as constants."""
        backend, outer = self.backend, state.substitutes or {}
        if not any(backend.is_tracing(x) for x in self.given):
            return {}
        owner = getattr(self.function, "__self__", self.function)
        found = list(owner.variables) if isinstance(owner, Trackable) else []
        if backend.name in host_random.generators:
            found.append(host_random.generators[backend.name].state)
        seeds = {}
        for variable in found:
            if isinstance(variable, SeedState) and id(variable) not in outer:
                value = backend.copy(backend.read(variable.value))
                if not backend.is_traced_constant(variable.value, value):
                    seeds[id(variable)] = value
        return seeds

    def pure(self, given: list[Any], held: dict[int, Any]) -> list[Any]:
        """Returns tensors for tensors and for stand-ins of variables; no effects."""
        leaves = given[: len(self.leaves)]
        own: dict[str, Any] = {
            "backend": self.backend,
            "substitutes": {**held, **(self.first.before if self.first else {})},
            "written": {},
            "gathered": [],
            "losses": None,
            "masks": {
                id(leaves[i]): (leaves[i], mask)
                for i, mask in zip(self.masked, given[len(leaves) :], strict=True)
            }
            or None,
        }
        with entered(**{**self.context, **own}):
            args, kwargs = self.form.join(leaves)
            out = self.function(*args, **kwargs)
            tensors, form = split(out, self._is_tensor)
            known = [masks.get_mask(x) for x in tensors] if masks.any_known() else []
            effects = _Effects(self, form, tensors, known, held)
        if self.first is None:
            self.first = effects
        return effects.tensors

    def run(self) -> Any:
        """Returns the outputs, and does what the call did besides."""
        return self.first_of(self.backend.recomputed(self.pure, self.given, self.held))

    def first_of(self, tensors: list[Any]) -> Any:
        """Gives the first call's effects with these tensors to the context around."""
        first, rest = self.first, iter(tensors)
        outputs = [next(rest) for _ in range(first.count)]
        for i in first.masked:
            masks.set_mask(outputs[i], next(rest))
        before, state.autocast = state.autocast, None
        try:
            for variable in first.written:
                variable.assign(next(rest))
        finally:
            state.autocast = before
        for layer in first.owners:
            layer.add_loss(next(rest))
        return first.form.join(outputs)


class _Effects:
    """What a call gave and did: tensors, and what each of them is."""

    def __init__(self, call: Any, form: Any, outputs: Any, known: Any, held: Any) -> None:
        backend = call.backend
        self.form, self.count = form, len(outputs)
        self.masked = [i for i, mask in enumerate(known) if mask is not None]
        written = state.written or {}
        self.written = list(written.values())
        substitutes = state.substitutes or {}
        self.owners = [layer for layer, _ in state.gathered or ()]
        self.tensors = [
            *outputs,
            *(known[i] for i in self.masked),
            *(substitutes[key] for key in written),
            *(backend.asarray(loss) for _, loss in state.gathered or ()),
        ]
        self.before = {
            key: held[key] if key in held else backend.copy(backend.read(variable.native))
            for key, variable in written.items()
        }
