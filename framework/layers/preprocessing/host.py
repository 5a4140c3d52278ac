"""What layers have in common that look things up on the host, on each backend."""

from typing import Any

import numpy as np

from ...backends.registry import Kind, owner_of
from ...context import state
from ...core.keras_tensor import KerasTensor
from ...core.layer import Layer
from ...nested import leaves
from .graphs import in_pipeline, of_pipeline
from .host_kernels import HostKernels
from .values import Ragged, decoded


class HostLayer(Layer):
    """Base of layers that take text, or look numbers up in tables.

    Their inputs are arrays of strings, nested lists of `str` or `bytes`, columns of data frames,
    or tensors; the results are tensors of the layer's backend. A tensor of TensorFlow in a graph,
    as in `tf.data`, is computed with TensorFlow and stays one, whichever backend the layer is on.
    """

    supports_jit = False  # XLA knows no text
    # AutoGraph would rewrite the layer's Python inside `tf.data`, which needs none of it.
    autograph_info__: dict[str, Any] = {}

    def _native_arguments(self, args: tuple) -> tuple:
        return args

    def _native_input(self, x: Any) -> Any:
        return x

    def _call_outer(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        backend = of_pipeline(self._backend, (args, kwargs))
        if backend is None:
            return super()._call_outer(args, kwargs)
        if not self.built:
            self.build(None)
        with in_pipeline(backend):
            return self._call_training(args, kwargs)

    def get_build_config(self) -> dict[str, Any]:
        """Returns {}: nothing depends on the shape of the inputs."""
        return {}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Marks the layer as built."""
        if not self.built:
            self.build(None)

    def _kernels(self, *inputs: Any) -> Any:
        """The kernels for inputs: TensorFlow's for its tensors or its layers, else the host's."""
        backend = _tensorflow_of(inputs)
        if backend is None and self._backend.text_kernels is not None:
            backend = self._backend
        if backend is None:
            return HostKernels(f"{type(self).__name__} {self.name!r}")
        return backend.text_kernels(f"{type(self).__name__} {self.name!r}")

    def _value(self, kernels: Any, x: Any, kind: str | None = None) -> Any:
        """An input as text or integers, in the kernels' own form; see `HostKernels.value`."""
        if not isinstance(kernels, HostKernels) and not kernels.owns(x):
            host = HostKernels(f"{type(self).__name__} {self.name!r}")
            return kernels.from_host(host.value(x, kind))
        return kernels.value(x, kind)

    def _table(self, kernels: Any, keys: np.ndarray) -> Any:
        """The function that looks elements up among `keys`, made once for each kind of kernels."""
        kept = self._cache.setdefault("tables", {})
        found = kept.get(type(kernels))
        if found is None or found[0] is not keys:
            found = kept[type(kernels)] = (keys, kernels.table(keys))
        return found[1]

    def _shapes_alone(self, inputs: Any) -> Any:
        """While shapes are inferred: tensors of the right shapes; else None."""
        if not state.inferring or _tensorflow_of((inputs,)) is not None:
            return None
        given = list(leaves(inputs))
        tensors = [x for x in given if not isinstance(owner_of(x), Kind)]
        if not tensors or len(tensors) < len(given):
            return None
        backend = self._backend
        symbols = [KerasTensor(backend.static_shape(x), backend.dtype(x)) for x in tensors]
        wanted = self.compute_output_spec(symbols if len(symbols) > 1 else symbols[0])
        return backend.zeros(wanted.shape, wanted.dtype)

    def _finished(self, kernels: Any, x: Any, dtype: str | None, sparse: bool = False) -> Any:
        """A result of kernels as what the caller gets.

        Args:
            kernels: which gave it.
            x: the result.
            dtype: of numbers; None for text.
            sparse: whether the tensor stores its non-zero elements alone.
        """
        backend = self._backend
        if not isinstance(kernels, HostKernels):
            return kernels.given_to(backend, x, dtype)
        if isinstance(x, Ragged):
            rows = [row.tolist() for row in x.rows()]
            raise ValueError(
                f"{self.name}: the backend {backend.name} has no ragged tensors for {rows[:2]}…. "
                "Leave `ragged` at False, or give `output_sequence_length`."
            )
        if dtype is None:
            return decoded(x) if backend.hosts else decoded(x).tolist()
        made = backend.asarray(np.asarray(x), dtype)
        if state.device is not None:
            made = backend.place(made, state.device)
        return backend.sparsified(made) if sparse else made


def _tensorflow_of(inputs: Any) -> Any:
    """The backend with text kernels of its own that a tensor among the inputs belongs to."""
    for leaf in leaves(inputs):
        owner = None if isinstance(leaf, str | bytes | int | float) else owner_of(leaf)
        if owner is not None and not isinstance(owner, Kind):
            backend = owner.full_backend or owner
            if getattr(backend, "text_kernels", None) is not None:
                return backend
    return None


def host_batches(data: Any, steps: int | None = None) -> Any:
    """Yields what `adapt` was given, batch for batch.

    Args:
        data: an array, a list, a column, a tensor: one batch; else what yields batches.
        steps: at most so many batches of what yields them.

    Returns:
        Pairs (batch, whether it is the whole data).
    """
    is_whole = isinstance(data, list | tuple | str | bytes) or hasattr(data, "__array__")
    if is_whole or not isinstance(owner_of(data), Kind):
        return iter([(data, True)])
    if not hasattr(data, "__iter__"):
        raise ValueError(
            f"adapt: expected an array, a list, a tensor or something that yields batches; got "
            f"{type(data).__name__}."
        )
    return _limited(data, steps)


def _limited(data: Any, steps: int | None) -> Any:
    for number, batch in enumerate(data):
        if steps is not None and number >= steps:
            return
        yield batch, False
