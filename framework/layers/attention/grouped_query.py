"""GroupQueryAttention: attention whose keys and values have fewer heads than its queries."""

from typing import Any

from ... import config, ops
from ...typing import Tensor
from ..core.einsum_dense import EinsumDense
from .heads import HeadedAttention, checked_shapes, positive


class GroupQueryAttention(HeadedAttention):
    """Attention in heads of which several share keys and values (Ainslie et al. 2023).

    Shapes: query (batch, target, in), value and key (batch, source, in); the result is (batch,
    target, in). With one head of keys and values it is multi-query attention, with as many as of
    queries multi-head attention.

    Args:
        head_dim: the size of each head.
        num_query_heads: the number of heads of queries.
        num_key_value_heads: the number of heads of keys and values, which divides that of queries.
        dropout: the share of weights that is dropped while training, from 0 to 1.
        use_bias: whether the projections have biases.
        sliding_window: a query attends to keys that are fewer places away; to all if None.
        flash_attention: whether a kernel is asked for that stores no weights; None leaves it to the
            backend.
        kernel_initializer: what the kernels of the projections begin with.
        bias_initializer: what their biases begin with.
        kernel_regularizer: a loss for each kernel, or None.
        bias_regularizer: a loss for each bias, or None.
        activity_regularizer: a loss for the outputs of each projection, or None.
        kernel_constraint: what the kernels are kept to, or None.
        bias_constraint: what the biases are kept to, or None.
        use_gate: whether a sigmoid of a projection of the query is multiplied to the result of each
            head (Qiu et al. 2025).
        seed: of the dropout: an int, or None for a seed that follows from the global one.
        **kwargs: see Layer.

    Raises ValueError where the heads do not divide each other, and for dropout or
    `return_attention_scores` together with `flash_attention`.
    """

    _dot_product_equation = "bkuh,bquh->buqk"
    _combine_equation = "buqk,bkuh->bquh"
    # Names by which Keras's files have the layer, and its projections.
    _name_in_files = "GroupedQueryAttention"
    _projections = ("_query_dense", "_key_dense", "_value_dense", "_output_dense")
    _query_dense: EinsumDense
    _key_dense: EinsumDense
    _value_dense: EinsumDense
    _output_dense: EinsumDense

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        positive("head_dim", head_dim)
        positive("num_query_heads", num_query_heads)
        positive("num_key_value_heads", num_key_value_heads)
        if num_query_heads % num_key_value_heads:
            raise ValueError(
                "`num_query_heads` must be divisible by `num_key_value_heads`. Received: "
                f"num_query_heads={num_query_heads}, num_key_value_heads={num_key_value_heads}"
            )
        self.head_dim = head_dim
        self.num_query_heads, self.num_key_value_heads = num_query_heads, num_key_value_heads
        self.num_repeats = num_query_heads // num_key_value_heads
        self._set_options(
            (kernel_initializer, kernel_regularizer, kernel_constraint),
            (bias_initializer, bias_regularizer, bias_constraint),
            activity_regularizer,
            flash_attention or config.is_flash_attention_enabled(),
            dropout=dropout,
            use_bias=use_bias,
            use_gate=use_gate,
            sliding_window=sliding_window,
            seed=seed,
        )
        self._scale = head_dim**-0.5

    def build(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, query_shape: Any, value_shape: Any, key_shape: Any = None
    ) -> None:
        """Makes the projections. ValueError where values and keys differ in their places."""
        key_shape = value_shape if key_shape is None else key_shape
        checked_shapes(value_shape, key_shape)
        of_queries = (self.num_query_heads, self.head_dim)
        of_keys = (self.num_key_value_heads, self.head_dim)
        self._query_dense = self._projection(2, 1, of_queries)
        self._key_dense = self._projection(2, 1, of_keys)
        self._query_dense.build(query_shape)
        self._key_dense.build(key_shape)
        if self.use_gate:  # the order of the weights is Keras's
            self._gate_dense = self._projection(2, 1, of_queries, "sigmoid")
            self._gate_dense.build(query_shape)
        self._value_dense = self._projection(2, 1, of_keys)
        self._value_dense.build(value_shape)
        self._output_dense = self._projection(2, 2, (query_shape[-1],))
        self._output_dense.build((*query_shape[:-1], *of_queries))
        self._make_weighing()

    def _for_each_head(self, x: Tensor) -> Tensor:
        return x if self.num_repeats == 1 else ops.repeat(x, self.num_repeats, 2)

    def compute_output_shape(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, query_shape: Any, value_shape: Any, key_shape: Any = None
    ) -> tuple[int | None, ...]:
        """Returns the shape of the result, which is that of the query.

        Raises:
            ValueError: values and keys that differ in their places, or queries and values in size.
        """
        if query_shape[-1] != value_shape[-1]:
            raise ValueError(
                "The last dimension of `query_shape` and `value_shape` must be equal, but are "
                f"{query_shape[-1]}, {value_shape[-1]}. Received: query_shape={query_shape}, "
                f"value_shape={value_shape}"
            )
        checked_shapes(value_shape, value_shape if key_shape is None else key_shape)
        return tuple(query_shape)
