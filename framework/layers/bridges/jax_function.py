"""JaxLayer and FlaxLayer: functions and modules of JAX as layers."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import dtypes, ops
from ...backends import registry
from ...config import use_backend
from ...core.layer import Layer
from ...core.variable import Variable
from ...random import SeedGenerator
from ...typing import Tensor

_OF_CALL = ("params", "state", "rng", "inputs", "training")
_OF_INIT = ("rng", "inputs", "training")
_NUMBERS = (bool, int, float, complex)


class JaxLayer(Layer):
    """A layer that computes a function written in JAX, on the JAX or the TensorFlow backend.

    On TensorFlow the function is still JAX's own, compiled into TensorFlow's graph with its
    gradient, so that a model around it also goes into a SavedModel. JAX must be installed.

    Args:
        call_fn: the computation. Its parameters are some of `params`, `state`, `rng`, `inputs` and
            `training`, given by position. It returns the outputs or, with `state`, a pair (outputs,
            new state).
        init_fn: gives the first parameters, with `state` a pair (params, state). Its parameters
            are some of `rng`, `inputs` (ones of the inputs' shapes) and `training`.
        params: the first trained values: nested dicts, lists and tuples of arrays.
        state: the first values that training leaves alone, alike.
        seed: of the generator that `rng` comes from.
        native_serialization_platforms: of Keras's conversion to TensorFlow; without effect.
        **kwargs: see Layer.

    Raises ValueError for a backend that is neither, a parameter of another name, or neither
    `init_fn` nor values where the function takes some.
    """

    def __init__(
        self,
        call_fn: Callable[..., Any],
        init_fn: Callable[..., Any] | None = None,
        params: Any = None,
        state: Any = None,
        seed: int | None = None,
        native_serialization_platforms: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if self.backend not in ("jax", "tensorflow"):
            raise ValueError(
                f"{type(self).__name__} is only supported with the JAX or the TensorFlow backend; "
                f"{self.name} is made on {self.backend!r}. Make it within "
                "`isozoo.use_backend('jax')`."
            )
        self.call_fn, self.init_fn = call_fn, init_fn
        self._call_names = _names_of(call_fn, "call_fn", _OF_CALL)
        self._init_names = _names_of(init_fn, "init_fn", _OF_INIT) if init_fn else ()
        takes = {"params", "state"} & set(self._call_names)
        if takes and init_fn is None and params is None and state is None:
            raise ValueError(
                "`init_fn`, `params` and `state` cannot all be `None` when `call_fn` takes a "
                "`params` or a `state` argument."
            )
        self.seed_generator = SeedGenerator(seed) if "rng" in self._call_names else None
        self._hold(params, state)
        if params is not None or state is not None:
            self.built = True

    def _hold(self, params: Any, state: Any) -> None:
        """Make the variables of both."""
        self.params = self._held(params, True)
        self.state = self._held(state, False)
        leaves = _leaves((self.params, self.state))[0]
        seen = {id(variable) for variable in self.variables}
        # What stands in a class of the user's own, which only JAX sees into.
        hidden = [x for x in leaves if isinstance(x, Variable) and id(x) not in seen]
        if hidden:
            self.values = hidden

    def _held(self, values: Any, trainable: bool) -> Any:
        """A tree of JAX with a variable in the place of each array."""
        leaves, form = _leaves(values)

        def variable(x: Any) -> Any:
            if isinstance(x, str):
                return x
            array = np.asarray(x)
            name = dtypes.standardize(array.dtype)
            dtype = None if dtypes.is_float(name) else name  # floats have the layer's
            return self.add_weight(array.shape, array, dtype, trainable=trainable)

        return form.unflatten([variable(x) for x in leaves])

    def _values(self, held: Any) -> Any:
        """A tree of variables as one of their values, in plain containers."""
        leaves, form = _leaves(held)
        return form.unflatten([x.value if isinstance(x, Variable) else x for x in leaves])

    def build(self, input_shape: Any) -> None:
        """Makes the variables by `init_fn`, for inputs of the shape; unknown sizes count as 1."""
        if self.params is not None or self.state is not None or self.init_fn is None:
            return
        with self._backend.eagerly(), use_backend("jax"), registry.get("jax").eagerly():
            given = {
                "rng": self._init_rng() if "rng" in self._init_names else None,
                "inputs": _ones(input_shape),
                "training": True,
            }
            made = self.init_fn(*(given[name] for name in self._init_names))
        params, state = made if "state" in self._call_names else (made, None)
        self._hold(params, state)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Returns the outputs of the function; what it says of its state is assigned."""
        given = {
            "params": self._values(self.params),
            "state": self._values(self.state),
            "inputs": inputs,
            "training": training,
            "rng": self._call_rng(training) if "rng" in self._call_names else None,
        }
        found = self._computed([given[name] for name in self._call_names])
        if "state" not in self._call_names:
            return found
        outputs, state = found
        self._assign_state(state)
        return outputs

    def _computed(self, arguments: list[Any]) -> Any:
        """What the function gives for arguments of the layer's backend."""
        if self.backend == "jax":
            return self.call_fn(*arguments)
        leaves, form = _leaves(arguments)
        places = [i for i, x in enumerate(leaves) if hasattr(x, "dtype")]
        kept: list[Any] = []

        def compute(*tensors: Any) -> list[Any]:
            whole = [*leaves]
            for i, x in zip(places, tensors, strict=True):
                whole[i] = x
            found, made = _leaves(self.call_fn(*form.unflatten(whole)))
            arrays = [isinstance(x, _NUMBERS) or hasattr(x, "dtype") for x in found]
            kept[:] = made, found, arrays  # text and the like stay outside of the graph
            return [x for x, is_array in zip(found, arrays, strict=True) if is_array]

        exporter = registry.get("jax").exporter()
        values = iter(exporter.on_tensorflow(compute, [leaves[i] for i in places]))
        made, found, arrays = kept
        return made.unflatten(
            [next(values) if is_array else x for x, is_array in zip(found, arrays, strict=True)]
        )

    def _assign_state(self, state: Any) -> None:
        """Assign a new state. ValueError where its structure is not that of the state."""
        held, form = _leaves(self.state)
        values, given = _leaves(state)
        # The layer's own containers report their changes; what they unflatten to is plain.
        if _leaves(form.unflatten(held))[1] != given:
            raise ValueError(
                "Structure mismatch: the structure of the state returned by `call` does not match "
                f"the structure of the state at initialization time. The state of {self.name} is "
                f"{form}, got {given}."
            )
        for variable, value in zip(held, values, strict=True):
            if isinstance(variable, Variable):
                variable.assign(value)

    def _key(self, generator: SeedGenerator) -> Tensor:
        return ops.cast(generator.next(), "uint32")

    def _init_rng(self) -> Any:
        """The keys for `init_fn`. Subclasses may give several."""
        return self._key(SeedGenerator())

    def _call_rng(self, training: bool) -> Any:
        """The keys for `call_fn`: None while nothing is trained. Subclasses may give several."""
        generator = self.seed_generator
        return self._key(generator) if training and generator is not None else None


class FlaxLayer(JaxLayer):
    """A layer that computes what a module of Flax (`flax.linen`) computes. See JaxLayer.

    Args:
        module: a module with `init` and `apply`. Its method may take `training`.
        method: the method that is called; the module's `__call__` if None. A name or a function.
        variables: the module's variables as its `init` gives them; made when the layer is built if
            None.
        **kwargs: see JaxLayer.
    """

    def __init__(
        self, module: Any, method: Any = None, variables: Any = None, **kwargs: Any
    ) -> None:
        self.module, self.method = module, method
        found = getattr(module, method) if isinstance(method, str) else method
        trains = "training" in inspect.signature(found or type(module).__call__).parameters

        def options(training: Any) -> dict[str, Any]:
            return {"method": method, **({"training": training} if trains else {})}

        def call_fn(params: Any, state: Any, rng: Any, inputs: Any, training: Any) -> Any:
            held = {**(params or {}), **(state or {})}
            mutable = list(state or {})
            if not mutable:
                return module.apply(held, inputs, rngs=rng, **options(training)), state
            return module.apply(held, inputs, rngs=rng, mutable=mutable, **options(training))

        def init_fn(rng: Any, inputs: Any, training: Any) -> Any:
            return _parted(module.init(rng, inputs, **options(training)))

        params, state = (None, None) if variables is None else _parted(variables)
        super().__init__(call_fn, init_fn, params, state, **kwargs)

    def _init_rng(self) -> Any:
        return {name: self._key(SeedGenerator()) for name in ("params", "dropout")}

    def _call_rng(self, training: bool) -> Any:
        return {"dropout": super()._call_rng(True)} if training else {}

    def get_config(self) -> dict[str, Any]:
        """Raises NotImplementedError: a module of Flax has no config. A subclass gives one."""
        raise NotImplementedError(
            f"{type(self).__name__} cannot be described: a module of Flax has no config. Save the "
            "model's weights, or write a subclass whose `get_config` says how its module is made."
        )


def _leaves(tree: Any) -> tuple[list[Any], Any]:
    """The leaves of a tree of JAX, and its form."""
    return registry.get("jax").tree_flatten(tree)


def _parted(variables: Any) -> tuple[Any, Any]:
    """The variables of a module as (trained, others)."""
    held = dict(variables)
    params = {"params": held.pop("params")} if "params" in held else {}
    return params, held


def _names_of(function: Any, name: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    found = tuple(inspect.signature(function).parameters)
    if "inputs" not in found:
        raise ValueError(f"Missing required argument in `{name}`: `inputs`")
    for parameter in found:
        if parameter not in allowed:
            raise ValueError(
                f"Unsupported argument in `{name}`: `{parameter}`, supported arguments are "
                f"`{'`, `'.join(allowed)}`"
            )
    return found


def _ones(shape: Any) -> Any:
    """Ones of a shape, or nested ones of nested shapes."""
    if isinstance(shape, dict):
        return {key: _ones(value) for key, value in shape.items()}
    if all(n is None or isinstance(n, int) for n in shape):
        return ops.ones(tuple(n or 1 for n in shape))
    return [_ones(part) for part in shape]
