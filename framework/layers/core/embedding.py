"""Embedding: rows of a table by their number; and the way back, from vectors to scores of rows."""

import warnings
from typing import Any

from ... import dtypes, ops
from ...core.masks import set_mask
from ...ops.casting import as_indices
from ...ops.dispatch import together
from ...ops.op import op
from ...quantization.adaptable import Adaptable
from ...typing import Tensor, TensorLike
from ..described import Described
from ..weighted import WeightedLayer


class Embedding(Adaptable, Described, WeightedLayer):
    """Rows of a table by their number.

    Shapes: inputs (…) of integers from 0 to input_dim - 1, floats being cut off; the result is
    (…, output_dim). With `mask_zero` a 0 stands for padding, and the result has the mask
    `inputs != 0`.

    A number outside of the table is an error in eager calls on the CPU. In compiled code, on
    accelerators and on JAX, which cannot raise, its row is NaN.

    Args:
        input_dim: how many rows the table has.
        output_dim: the size of a row.
        embeddings_initializer: what the table begins with.
        embeddings_regularizer: a loss for the table, or None.
        embeddings_constraint: what the table is kept to, or None.
        mask_zero: whether 0 stands for padding.
        weights: the table's first values, (input_dim, output_dim), or a list of that one array.
        **kwargs: see Layer and `Adaptable`.

    Raises ValueError unless both sizes are positive integers.
    """

    _left_out = ("weights",)
    embeddings_initializer: Any

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        **kwargs: Any,
    ) -> None:
        if kwargs.pop("input_length", None) is not None:
            warnings.warn("Argument `input_length` is deprecated. Just remove it.", stacklevel=2)
        super().__init__(**kwargs)
        for name, size in (("input_dim", input_dim), ("output_dim", output_dim)):
            if not isinstance(size, int) or isinstance(size, bool) or size < 1:
                raise ValueError(
                    f"`{name}` must be a positive integer. Received: {name}={size} (of type "
                    f"{type(size).__name__})."
                )
        self.input_dim = input_dim
        self.output_dim = output_dim
        self._describe_weight(
            "embeddings", embeddings_initializer, embeddings_regularizer, embeddings_constraint
        )
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        self.autocast = False  # which would round large numbers given as floats
        if weights is not None:
            self.build()
            self.set_weights(weights if isinstance(weights, list) else [weights])

    def _constructed(self) -> None:
        # The shape of the table is known without inputs.
        if not self.built:
            self.build()

    def build(self, input_shape: Any = None) -> None:
        """Makes the table, unless it is there."""
        if not self.built:
            self.embeddings = self._make_weight("embeddings", (self.input_dim, self.output_dim))

    def call(self, inputs: Tensor) -> Tensor:
        """Returns the rows, (…, output_dim)."""
        if dtypes.is_float(ops.dtype(inputs)):
            inputs = ops.cast(inputs, "int32")
        return self._rows(inputs)

    def _rows(self, indices: Tensor) -> Tensor:
        return _rows_at(self.embeddings, indices)

    def rows_of(self, table: TensorLike, indices: Tensor) -> Tensor:
        """Returns rows of a table of the layer's, by the same numbers as those of the layer."""
        return _rows_at(table, indices)

    def compute_mask(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, inputs: Any, mask: Any = None
    ) -> Any:
        """Returns the mask of the tokens that are not 0, where `mask_zero` asks for it."""
        return ops.not_equal(inputs, 0) if self.mask_zero else None


@op
def _rows_at(embeddings: TensorLike, indices: TensorLike) -> Tensor:
    """Rows of (rows, size) `embeddings` for whole numbers from 0 on, in any shape."""
    backend, (embeddings, indices) = together(embeddings, indices)
    if backend.is_sparse(indices):
        return backend.take(embeddings, indices, 0)
    return backend.rows_at(embeddings, as_indices(backend, indices))


class ReversibleEmbedding(Embedding):
    """An Embedding that also gives scores of all rows for a vector (Press & Wolf 2016).

    Called with `reverse=True`, vectors (…, output_dim) become products with each row of the table,
    (…, input_dim).

    Args:
        input_dim: how many rows the table has.
        output_dim: the size of a row.
        tie_weights: whether the way back uses the same table; else it has a matrix of its own,
            (output_dim, input_dim).
        embeddings_initializer: what table and matrix begin with.
        embeddings_regularizer: a loss for the table, or None.
        embeddings_constraint: what the table is kept to, or None.
        mask_zero: whether 0 stands for padding.
        reverse_dtype: the dtype of the way back; that of the layer's computations if None.
        logit_soft_cap: c, which bends scores s to c * tanh(s / c); None for none.
        **kwargs: see Layer and `Embedding`.
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: Any = None,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
    ) -> None:
        self.tie_weights = tie_weights
        self.reverse_dtype = None if reverse_dtype is None else dtypes.standardize(reverse_dtype)
        self.logit_soft_cap = logit_soft_cap
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer,
            embeddings_regularizer,
            embeddings_constraint,
            mask_zero,
            **kwargs,
        )

    def build(self, input_shape: Any = None) -> None:
        """Makes the table and, unless weights are tied, the matrix of the way back."""
        if self.built:
            return
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                (self.output_dim, self.input_dim), self.embeddings_initializer
            )

    def call(self, inputs: Tensor, reverse: bool = False) -> Tensor:
        """Returns the rows of tokens or, with `reverse`, the scores of all rows for vectors."""
        if not reverse:
            rows = super().call(inputs)
            mask = super().compute_mask(inputs)
            if mask is not None:
                set_mask(rows, mask)
            return rows
        scores = self._scores(inputs)
        cap = self.logit_soft_cap
        if cap is None:
            return scores
        return ops.multiply(ops.tanh(ops.divide(scores, cap)), cap)

    def _scores(self, inputs: Tensor) -> Tensor:
        matrix = ops.transpose(self.embeddings) if self.tie_weights else self.reverse_embeddings
        dtype = self.reverse_dtype or self.compute_dtype
        return ops.matmul(ops.cast(inputs, dtype), ops.cast(matrix, dtype))

    def compute_mask(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, inputs: Any, mask: Any = None
    ) -> Any:
        """Returns None: the call itself gives the mask, for it alone knows its direction."""
        return None
