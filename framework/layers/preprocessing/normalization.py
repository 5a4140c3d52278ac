"""Normalization: to mean 0 and variance 1, as they were learned from data."""

import math
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np

from ... import config, ops
from ...backends.registry import Kind, owner_of
from ...core.keras_tensor import KerasTensor
from ...utils.py_dataset import PyDataset
from .data_layer import DataLayer
from .values import host_value


class Normalization(DataLayer):
    """Computes (inputs - mean) / max(sqrt(variance), config.epsilon()).

    Args:
        axis: the axis, or axes, each place of which has a mean and variance of its own; None for
            one of all.
        mean: the mean, in the place of one that `adapt` learns; its axes are the last of `axis`.
        variance: the variance, of the same shape.
        invert: whether inputs * max(sqrt(variance), config.epsilon()) + mean is computed instead.
        **kwargs: the arguments of `Layer`.

    Raises:
        ValueError: a mean without a variance, or of another shape, or with more axes than `axis`.
    """

    supports_masking = True

    def __init__(
        self,
        axis: Any = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        self.input_mean, self.input_variance, self.invert = mean, variance, invert
        self._build_input_shape: tuple[int | None, ...] | None = None
        # The given mean and variance, with size 1 along the axes that have one of all.
        self._given: tuple[np.ndarray, np.ndarray] | None = None
        if (mean is not None) != (variance is not None):
            raise ValueError(
                "When setting values directly, both `mean` and `variance` must be set. Received: "
                f"mean={mean} and variance={variance}"
            )
        if np.shape(mean) != np.shape(variance):
            raise ValueError(
                "When setting values directly, `mean` and `variance` must have the same shape. "
                f"Received: mean shape {np.shape(mean)} and variance shape {np.shape(variance)}"
            )
        if len(np.shape(mean)) > len(self.axis):
            raise ValueError(
                "The rank of `mean` must be less than or equal to the number of axes "
                f"({len(self.axis)}). Received: mean shape {np.shape(mean)} for axis {self.axis}"
            )

    def build(self, input_shape: Any) -> None:
        """Makes the weights that `adapt` sets, or spreads the mean and variance that were given.

        Raises:
            ValueError: an axis that the inputs do not have, or of unknown size.
        """
        if input_shape is None:
            return
        rank = len(input_shape)
        if any(not -rank <= a < rank for a in self.axis):
            raise ValueError(
                f"All `axis` values must be in the range [-ndim, ndim). Received inputs with "
                f"ndim={rank}, while axis={self.axis}"
            )
        self._build_input_shape = tuple(input_shape)
        self._keep_axis = tuple(sorted(a % rank for a in self.axis))
        for a in self._keep_axis:
            if input_shape[a] is None:
                raise ValueError(
                    "All `axis` values to be kept must have a known shape. Received axis="
                    f"{self.axis}, inputs.shape={tuple(input_shape)}, with unknown axis at index "
                    f"{a}"
                )
        self._reduce_axis = tuple(a for a in range(rank) if a not in self._keep_axis)
        self._broadcast_shape = tuple(
            int(n) if a in self._keep_axis else 1 for a, n in enumerate(input_shape)
        )
        if self.input_mean is not None:
            mean, variance = (self._spread(x, rank) for x in (self.input_mean, self.input_variance))
            self._given = mean, variance
            return
        shape = tuple(int(input_shape[a]) for a in self._keep_axis)
        self.adapt_mean = self.add_weight(shape, "zeros", trainable=False, name="mean")
        self.adapt_variance = self.add_weight(shape, "ones", trainable=False, name="variance")
        # Keras's files have it.
        self.count = self.add_weight((), "zeros", dtype="int32", trainable=False, name="count")

    def _spread(self, x: Any, rank: int) -> np.ndarray:
        """A given mean or variance, its axes at the last of those that are kept."""
        x = np.asarray(host_value(x, self.name), np.float64)
        shape = [1] * rank
        for place in range(1, x.ndim + 1):
            shape[self._keep_axis[-place]] = x.shape[-place]
        return np.broadcast_to(x.reshape(shape), self._broadcast_shape)

    def _statistics(self) -> tuple[Any, Any]:
        """Mean and variance on the backend that computes; None where they are not known."""
        if self._given is not None:
            return tuple(ops.cast(x, self.compute_dtype) for x in self._given)  # pyright: ignore
        if not self.built:
            return None, None
        found = (self._constant(x) for x in (self.adapt_mean, self.adapt_variance))
        mean, variance = (
            ops.cast(ops.reshape(x, self._broadcast_shape), self.compute_dtype) for x in found
        )
        return mean, variance

    @property
    def mean(self) -> Any:
        """The mean, with size 1 along the axes that have one of all; None before it is known."""
        return self._statistics()[0]

    @property
    def variance(self) -> Any:
        """The variance, of the shape of the mean."""
        return self._statistics()[1]

    def adapt(self, data: Any) -> None:
        """Learns mean and variance from data: what it learned before is forgotten.

        Args:
            data: an array or tensor; or what yields batches of them, or tuples whose first part is
                one: a `tf.data.Dataset`, a PyDataset, a DataLoader, a list or a generator.

        Raises:
            TypeError: something else.
            ValueError: no batch, or batches of another shape than the layer was built for.
        """
        shape, batches = self._batches(data)
        if not self.built:
            self.build(shape)
        elif self.input_mean is None:
            self._check_shape(shape, "adapt() is being called with data with an incompatible shape")
        if self.input_mean is not None:
            raise ValueError(
                "Cannot `adapt` a Normalization layer whose `mean` and `variance` were given."
            )
        mean = variance = np.zeros(())
        total = 0
        for batch in batches:
            self._check_shape(batch.shape, "adapt() yielded a batch with incompatible shape")
            batch = np.asarray(batch, np.float64)
            own_mean = np.mean(batch, axis=self._reduce_axis)
            own_variance = np.var(batch, axis=self._reduce_axis)
            count = math.prod(batch.shape[a] for a in self._reduce_axis)
            total += count
            share = count / total
            joint = mean * (1 - share) + own_mean * share
            # The variance of two parts is that in them and that between them.
            variance = (variance + (mean - joint) ** 2) * (1 - share) + (
                own_variance + (own_mean - joint) ** 2
            ) * share
            mean = joint
        self.adapt_mean.assign(mean.astype(self.variable_dtype))
        self.adapt_variance.assign(variance.astype(self.variable_dtype))

    def _check_shape(self, shape: Any, problem: str) -> None:
        built = self._build_input_shape or ()
        if len(shape) != len(built) or any(shape[a] != built[a] for a in self._keep_axis):
            raise ValueError(
                f"The layer was built with input_shape={built}, but {problem}, "
                f"data.shape={tuple(shape)}. Expected {built}, got {tuple(shape)}."
            )

    def _batches(self, data: Any) -> tuple[tuple[int, ...], Iterator[np.ndarray]]:
        """The shape of the first batch, and all batches."""
        is_tensor = isinstance(data, np.ndarray) or not isinstance(owner_of(data), Kind)
        if is_tensor or (hasattr(data, "__array__") and hasattr(data, "shape")):
            batch = np.asarray(host_value(data, self.name))
            return batch.shape, iter([batch])
        spec = getattr(data, "element_spec", None)
        if spec is not None:
            spec = spec[0] if isinstance(spec, tuple) else spec
            if len(spec.shape) == 1:
                data = data.batch(128)  # pyright: ignore[reportAttributeAccessIssue]
        elif not isinstance(data, PyDataset) and not hasattr(data, "__iter__"):
            raise TypeError(
                f"Unsupported data type: {type(data)}. `adapt` supports `np.ndarray`, backend "
                "tensors, `tf.data.Dataset`, `keras.utils.PyDataset`, and iterables of batches "
                "(e.g. list, generator)."
            )
        batches = iter(data)
        first = next(batches, None)
        if first is None:
            raise ValueError(
                "adapt() received an empty iterable (no batches). Expected at least one batch. "
                "Pass a non-empty iterable of arrays or tensors, e.g. layer.adapt([x])."
            )
        first = self._values(first)
        return first.shape, chain([first], (self._values(batch) for batch in batches))

    def _values(self, batch: Any) -> np.ndarray:
        x = batch[0] if isinstance(batch, tuple | list) and len(batch) else batch
        if not hasattr(x, "shape"):
            raise TypeError(
                "adapt() expects an iterable that yields arrays or tensors with a `.shape` "
                "attribute (e.g. numpy arrays or backend tensors). Got an element of type "
                f"{type(x).__name__}. Ensure each yielded element is array-like with a `.shape` "
                "attribute."
            )
        return np.asarray(host_value(x, self.name))

    def finalize_state(self) -> None:
        """Does nothing: a call reads the weights. Keras's programs call it."""

    def call(self, inputs: Any) -> Any:
        """Returns the inputs, normalized, in the compute dtype."""
        mean, variance = self._statistics()
        if mean is None:
            raise ValueError("You must call `.build(input_shape)` on the layer before using it.")
        inputs = ops.cast(inputs, self.compute_dtype)
        deviation = ops.maximum(ops.sqrt(variance), config.epsilon())
        if self.invert:
            return ops.add(mean, ops.multiply(inputs, deviation))
        return ops.divide(ops.subtract(inputs, mean), deviation)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape of the inputs."""
        return input_shape

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        """Returns the shape and dtype of the result; builds the layer."""
        if not self.built:
            self.build(inputs.shape)
        return KerasTensor(inputs.shape, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        base = super().get_config()
        own = {"axis": self.axis, "invert": self.invert}
        for name in ("mean", "variance"):
            value = getattr(self, f"input_{name}")
            own[name] = None if value is None else np.asarray(host_value(value, name)).tolist()
        return {**base, **own}

    def _config_arguments(self, default: bool) -> dict[str, Any]:
        return {}

    def get_build_config(self) -> dict[str, Any] | None:
        """Returns the shape for which the layer was built."""
        shape = self._build_input_shape
        return None if shape is None else {"input_shape": shape}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Builds the layer for the shape that `get_build_config` gave."""
        if config and not self.built:
            self.build(tuple(config["input_shape"]))
