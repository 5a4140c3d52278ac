"""Categories in a number of known ones: CategoryEncoding and Discretization."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import config, ops
from ...core.keras_tensor import KerasTensor
from .data_layer import DataLayer
from .host import host_batches
from .index_lookup import checked_mode, encoded_shape
from .values import host_value

_VECTORS = ("one_hot", "multi_hot", "count")


def encode(
    x: Any, mode: str, depth: int, dtype: str, sparse: bool = False, weights: Any = None
) -> Any:
    """Returns the categories in `x`, whole numbers, as vectors of `depth` elements.

    Args:
        x: (..., samples); a scalar stands for one sample.
        mode: "int": as they are; "one_hot": a vector for each; "multi_hot": whether each category
            is among the samples; "count": how often.
        depth: the number of categories; numbers out of range are left out.
        dtype: of the result.
        sparse: whether the result stores its non-zero elements alone.
        weights: of "count", what each sample adds; of the shape of `x`.
    """
    if mode == "int":
        return ops.cast(x, dtype)
    if not len(x.shape):
        x = ops.reshape(x, (1,))
    if mode == "one_hot":
        if len(x.shape) > 1 and x.shape[-1] == 1:
            x = ops.squeeze(x, -1)
        return ops.one_hot(x, depth, dtype=dtype, sparse=sparse)
    if mode == "multi_hot" and len(x.shape) <= 2:
        return ops.multi_hot(x, depth, dtype=dtype, sparse=sparse)
    hot = ops.one_hot(x, depth, dtype=dtype)
    if mode == "multi_hot":
        return ops.max(hot, axis=-2)
    if weights is not None:
        hot = ops.multiply(hot, ops.expand_dims(ops.cast(weights, dtype), -1))
    found = ops.sum(hot, axis=-2)
    return ops.convert_to_tensor(found, sparse=True) if sparse else found


def _check_sparse(layer: Any, sparse: bool, mode: str) -> None:
    if sparse and not layer._backend.has_sparse_tensors:
        raise ValueError(f"`sparse=True` cannot be used with backend {layer.backend}")
    if sparse and mode == "int":
        raise ValueError(
            "`sparse=True` may only be used if `output_mode` is `'one_hot'`, `'multi_hot'`, or "
            f"`'count'`. Received: sparse={sparse} and output_mode={mode}"
        )


class CategoryEncoding(DataLayer):
    """Puts a vector of `num_tokens` elements for categories, whole numbers below that.

    Args:
        num_tokens: the number of categories.
        output_mode: "multi_hot": whether each category is among the samples, which stand along the
            last axis; "count": how often; "one_hot": a vector for each.
        sparse: whether the result stores its non-zero elements alone, on TensorFlow and JAX.
        **kwargs: the arguments of `Layer`.

    Raises:
        ValueError: another mode, or no number of categories.
    """

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        output_mode = "multi_hot" if output_mode == "binary" else output_mode
        if output_mode not in _VECTORS:
            raise ValueError(
                f"Unknown arg for output_mode: {output_mode}. It is one of {_VECTORS}."
            )
        if num_tokens is None:
            raise ValueError(
                "num_tokens must be set to use this layer. If the number of tokens is not known "
                "beforehand, use the IntegerLookup layer instead."
            )
        if num_tokens < 1:
            raise ValueError(f"`num_tokens` must be >= 1. Received: num_tokens={num_tokens}.")
        _check_sparse(self, sparse, output_mode)
        self.num_tokens, self.output_mode, self.sparse = num_tokens, output_mode, sparse

    def call(self, inputs: Any, count_weights: Any = None) -> Any:
        """Returns the vectors of categories, (..., num_tokens).

        Args:
            inputs: whole numbers, (..., samples).
            count_weights: of the mode "count", what each sample adds.

        Raises:
            ValueError: weights in another mode.
        """
        if count_weights is not None and self.output_mode != "count":
            raise ValueError(
                "`count_weights` is not used when `output_mode` is not `'count'`. Received "
                f"`count_weights={count_weights}`."
            )
        inputs = ops.convert_to_tensor(inputs)
        return encode(
            inputs,
            self.output_mode,
            self.num_tokens,
            self.compute_dtype,
            self.sparse,
            count_weights,
        )

    def compute_output_shape(
        self, input_shape: Any, count_weights_shape: Any = None
    ) -> tuple[int | None, ...]:
        """Returns the shape of the vectors."""
        shape = tuple(input_shape) or (1,)
        if len(input_shape) == 0:
            return (self.num_tokens,)
        return encoded_shape(shape, self.output_mode, self.num_tokens)

    def compute_output_spec(self, inputs: Any, count_weights: Any = None) -> KerasTensor:
        """Returns the shape and dtype of the vectors."""
        shape = self.compute_output_shape(inputs.shape)
        self.built = True
        return KerasTensor(shape, self.compute_dtype, sparse=self.sparse)


class Discretization(DataLayer):
    """Puts the number of the bin that each value falls in.

    Bin 0 holds what is below the first boundary, bin i what is at boundary i - 1 or above it and
    below boundary i, and the last bin the rest.

    Args:
        bin_boundaries: the boundaries, ascending.
        num_bins: in the place of them, the number of bins that hold equally many of the values
            that `adapt` is given.
        epsilon: of `adapt`, how finely values are summarized: 1 / epsilon of them are kept.
        output_mode: "int", or "one_hot", "multi_hot" or "count": see `CategoryEncoding`.
        sparse: whether vectors store their non-zero elements alone, on TensorFlow and JAX.
        dtype: of vectors; numbers of bins are int32.
        name: the layer's name.

    Raises:
        ValueError: arguments that do not go together.
    """

    def __init__(
        self,
        bin_boundaries: Sequence[float] | None = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        output_mode = checked_mode(output_mode, ("int", *_VECTORS), "Discretization")
        _check_sparse(self, sparse, output_mode)
        if num_bins is not None and num_bins < 0:
            raise ValueError(
                f"`num_bins` must be greater than or equal to 0. Received: `num_bins={num_bins}`"
            )
        if num_bins is not None and bin_boundaries is not None:
            raise ValueError(
                f"Both `num_bins` and `bin_boundaries` should not be set. Received: "
                f"`num_bins={num_bins}` and `bin_boundaries={bin_boundaries}`"
            )
        if num_bins is None and bin_boundaries is None:
            raise ValueError("You need to set either `num_bins` or `bin_boundaries`.")
        self.bin_boundaries: Any = None if bin_boundaries is None else list(bin_boundaries)
        self.num_bins, self.epsilon = num_bins, epsilon
        self.output_mode, self.sparse = output_mode, sparse
        # Values, and how many each stands for: (2, count).
        self.summary = np.zeros((2, 0), np.float32)

    @property
    def output_dtype(self) -> str:
        """The dtype of the result."""
        return "int32" if self.output_mode == "int" else self.compute_dtype

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learns the boundaries from data: what it learned before is forgotten.

        Args:
            data: an array, list or tensor of values; or what yields batches of them.
            steps: at most so many batches.

        Raises:
            ValueError: the boundaries were given.
        """
        if self.num_bins is None:
            raise ValueError(
                "Cannot adapt a Discretization layer that has been initialized with "
                "`bin_boundaries`, use `num_bins` instead."
            )
        self.reset_state()
        rows = isinstance(data, list | tuple) and any(hasattr(x, "shape") for x in data)
        batches = ((x, False) for x in data[:steps]) if rows else host_batches(data, steps)
        for batch, _ in batches:
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Takes in a batch of values."""
        values = np.asarray(host_value(data, self.name), np.float32)
        step = max(values.size * self.epsilon, 1)
        kept = np.sort(values.ravel())[int(step - 1) :: int(step)]
        merged = np.concatenate([np.stack([kept, np.full_like(kept, step)]), self.summary], axis=1)
        self.summary = _compressed(merged[:, np.argsort(merged[0])], self.epsilon)

    def finalize_state(self) -> None:
        """Makes the boundaries of what was taken in."""
        if self.num_bins is not None:
            self.bin_boundaries = _compressed(self.summary, 1.0 / self.num_bins)[0, :-1].tolist()

    def reset_state(self) -> None:
        """Forgets what was taken in."""
        if self.num_bins is not None:
            self.summary = np.zeros((2, 0), np.float32)

    def call(self, inputs: Any) -> Any:
        """Returns the numbers of bins, of the shape of the inputs, or vectors of them."""
        if self.bin_boundaries is None:
            raise ValueError(
                "You need to either pass the `bin_boundaries` argument at construction time or "
                "call `adapt(dataset)` before you can start using the `Discretization` layer."
            )
        bounds = list(self.bin_boundaries)
        found = ops.digitize(ops.cast(inputs, config.floatx()), np.asarray(bounds, config.floatx()))
        return encode(found, self.output_mode, len(bounds) + 1, self.output_dtype, self.sparse)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Returns the shape of the result."""
        known = self.bin_boundaries is not None
        depth = len(self.bin_boundaries) + 1 if known else self.num_bins
        shape = tuple(input_shape) if self.output_mode == "int" else tuple(input_shape) or (1,)
        return encoded_shape(shape, self.output_mode, depth)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        """Returns the shape and dtype of the result."""
        shape = self.compute_output_shape(inputs.shape)
        self.built = True
        return KerasTensor(shape, self.output_dtype, sparse=self.sparse)

    def load_own_variables(self, store: Any) -> None:
        """Reads the summary of values that older versions of Keras wrote."""
        if len(store) == 1 and "0" in store:
            self.summary = np.asarray(store["0"], np.float32)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments, and the boundaries that were learned."""
        return {
            "bin_boundaries": None if self.bin_boundaries is None else list(self.bin_boundaries),
            "num_bins": self.num_bins,
            "epsilon": self.epsilon,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "name": self.name,
            "dtype": self.dtype,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Makes a layer from a config, which may have both a number of bins and boundaries."""
        config = dict(config)
        learned = config.get("num_bins") is not None and config.get("bin_boundaries") is not None
        boundaries = config.pop("bin_boundaries") if learned else None
        made = cls(**config)
        if learned:
            made.bin_boundaries = boundaries
        return made


def _compressed(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """A summary of at most 1 / epsilon values, at equal steps of the weights' running sum."""
    if summary.shape[1] * epsilon < 1:
        return summary
    parts = epsilon + np.arange(0.0, 1.0, epsilon)
    running = summary[1].cumsum()
    shares = running / running[-1]
    values = np.interp(parts, shares, summary[0])
    running = np.interp(parts, shares, running)
    return np.stack([values, np.diff(running, prepend=0)]).astype(np.float32)
