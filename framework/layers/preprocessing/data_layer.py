"""DataLayer: a layer that computes on whatever tensors come, in data pipelines of any framework."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from ... import ops, random
from ...backends import registry
from ...context import entered, state
from ...nested import leaves, map_structure
from ...random.pipelines import generator_for
from ..described import Described


def backend_among(x: Any) -> Any:
    """Returns the backend of the first tensor in a nested structure, or None."""
    for leaf in leaves(x):
        if isinstance(leaf, bool | int | float | str) or leaf is None:
            continue
        owner = registry.owner_of(leaf)
        if not isinstance(owner, registry.Kind) and owner is not None and not owner.symbolic:
            return owner.full_backend or owner
    return None


def beside_its_tensors(method: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a method of a layer that computes on the backend of its arguments."""

    @wraps(method)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        backend = backend_among((args, kwargs)) or state.backend or self._backend
        if state.backend is backend:
            return method(self, *args, **kwargs)
        with entered(backend=backend, owner=None, autocast=None, device=None):
            return backend.unconverted(method)(self, *args, **kwargs)

    run._is_beside = True  # pyright: ignore[reportFunctionMemberAccess]
    return run


class Namespaces(str):
    """The name of a layer's backend, and the ops that such a layer computes with.

    `layer.backend` is a name for every layer. Keras's layers that prepare data have ops there
    (`self.backend.numpy.flip`, `self.backend.cast`, `self.backend.random.uniform`); these are such
    that take any tensors.
    """

    __slots__ = ()

    random = random
    numpy = ops.numpy
    nn = ops.nn
    linalg = ops.linalg
    image = ops.image
    core = ops
    math = ops

    @property
    def name(self) -> str:
        """The name of the backend that computes now."""
        return registry.current().name

    _backend = name

    def set_backend(self, name: str) -> None:
        """Does nothing: the backend follows from the tensors."""

    def reset(self) -> None:
        """Does nothing: the backend follows from the tensors."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(ops, name)


class DataLayer(Described):
    """Base of layers that prepare data, in a model or in a pipeline in front of it.

    Tensors of another backend than the layer's are computed on where they are: `ds.map(layer)` on a
    `tf.data.Dataset` works whichever backend the layer has, and gives TensorFlow's tensors.
    """

    generator: Any

    def _native_init(self) -> None:
        super()._native_init()
        if "training" in vars(self):  # the mode of a torch module
            vars(self)["training"] = True

    def _native_training(self) -> bool:
        """Whether to act as in training where nobody says: as Keras's layers of this kind do."""
        return vars(self).get("training", True)

    @property
    def backend(self) -> Any:
        """The name of the backend that the layer lives on; its attributes are ops."""
        return Namespaces(self._backend.name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Returns `call` of the inputs, on the backend of their tensors."""
        found = backend_among((args, kwargs))
        if found is None or found is self._backend:
            return super().__call__(*args, **kwargs)
        return found.unconverted(self._call_elsewhere)(found, args, kwargs)

    def _call_elsewhere(self, backend: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        """`call`, on a backend that is not the layer's own."""
        if not self.built:
            shape = map_structure(lambda x: _shape(backend, x), args[0] if args else None)
            with entered(backend=self._backend):
                self.build(shape)
                self.built = True
        changes: dict[str, Any] = {"owner": None, "autocast": None, "device": None, "masks": None}
        with entered(backend=backend, **changes):
            args, kwargs = map_structure(lambda x: self._input(backend, x), (args, kwargs))
            return self._call_training(args, kwargs)

    def _input(self, backend: Any, x: Any) -> Any:
        """An array or tensor as a tensor of the backend, floats in the compute dtype."""
        owner = registry.owner_of(x)
        if owner is registry.ARRAY:
            x = backend.asarray(x)
        elif isinstance(owner, registry.Kind) or owner is not backend:
            return x
        floats = x.dtype in backend.float_types
        return backend.cast(x, self.compute_dtype) if floats and self.autocast else x

    def _get_seed_generator(self, backend: Any = None) -> Any:
        """The generator of draws on the backend that computes now, whatever `backend` says."""
        return generator_for(self, self.generator)


def _shape(backend: Any, x: Any) -> Any:
    return backend.static_shape(x) if registry.owner_of(x) is backend else None
