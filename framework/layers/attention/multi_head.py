"""MultiHeadAttention: attention in several heads, over one axis or more."""

from string import ascii_lowercase
from typing import Any

from ... import config
from .heads import HeadedAttention, checked_shapes, positive


class MultiHeadAttention(HeadedAttention):
    """Attention in `num_heads` heads, with projections before and behind it.

    Vaswani et al. 2017. Shapes: query (batch, target, in), value and key (batch, source, in); the
    result is (batch, target, in), or what `output_shape` says. Inputs may have more axes, of which
    `attention_axes` are attended over.

    Args:
        num_heads: the number of heads.
        key_dim: the size of queries and keys in each head.
        value_dim: the size of values in each head; `key_dim` if None.
        dropout: the share of weights that is dropped while training, from 0 to 1.
        use_bias: whether the projections have biases.
        output_shape: the sizes of the result behind its places; the last size of the query if None.
        attention_axes: the axes that are attended over, counted in the inputs; all between the
            batch and the last if None.
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

    Raises ValueError for other sizes, and for dropout or `return_attention_scores` together with
    `flash_attention`.
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: Any = None,
        attention_axes: Any = None,
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
        positive("num_heads", num_heads)
        positive("key_dim", key_dim)
        positive("value_dim", value_dim, optional=True)
        self.num_heads, self.key_dim = num_heads, key_dim
        self.value_dim = value_dim or key_dim
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
        self._scale = key_dim**-0.5
        self._output_shape = _sizes("output_shape", output_shape) if output_shape else None
        self.attention_axes = (
            None if attention_axes is None else _sizes("attention_axes", attention_axes)
        )

    def build(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, query_shape: Any, value_shape: Any, key_shape: Any = None
    ) -> None:
        """Makes the projections. ValueError where values and keys differ in their places."""
        key_shape = value_shape if key_shape is None else key_shape
        checked_shapes(value_shape, key_shape)
        rank = len(query_shape)
        heads = self.num_heads
        self.query_dense = self._projection(rank - 1, 1, (heads, self.key_dim))
        self.key_dense = self._projection(len(key_shape) - 1, 1, (heads, self.key_dim))
        self.query_dense.build(query_shape)
        self.key_dense.build(key_shape)
        if self.use_gate:  # the order of the weights is Keras's
            self._gate_dense = self._projection(rank - 1, 1, (heads, self.value_dim), "sigmoid")
            self._gate_dense.build(query_shape)
        self.value_dense = self._projection(len(value_shape) - 1, 1, (heads, self.value_dim))
        self.value_dense.build(value_shape)
        sizes = self._output_shape or (query_shape[-1],)
        self.output_dense = self._projection(rank - 1, 2, sizes)
        self.output_dense.build((*query_shape[:-1], heads, self.value_dim))
        self._build_attention(rank + 1)

    def _build_attention(self, rank: int) -> None:
        """Make the equations for projected tensors of `rank` axes, the last two of each head."""
        axes = self.attention_axes or tuple(range(1, rank - 2))
        places = tuple(axis % (rank - 1) for axis in axes)
        letters = iter(ascii_lowercase[rank:])
        target = ascii_lowercase[:rank]
        source = "".join(next(letters) if i in places else k for i, k in enumerate(target))
        rest = "".join(k for i, k in enumerate(target[:-1]) if i not in places)
        scores = rest + "".join(k[i] for k in (target, source) for i in places)
        self._attended = len(places)
        self._dot_product_equation = f"{source},{target}->{scores}"
        self._combine_equation = f"{scores},{source}->{target}"
        self._make_weighing()

    def compute_output_shape(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, query_shape: Any, value_shape: Any, key_shape: Any = None
    ) -> tuple[int | None, ...]:
        """Returns the shape of the result. ValueError as `build` raises it."""
        checked_shapes(value_shape, value_shape if key_shape is None else key_shape)
        return (*query_shape[:-1], *(self._output_shape or query_shape[-1:]))


def _sizes(name: str, value: Any) -> tuple[int, ...]:
    """One integer or several as a tuple. ValueError for anything else."""
    if isinstance(value, int):
        return (value,)
    if not isinstance(value, list | tuple):
        raise ValueError(
            f"Invalid `{name}`: `{name}` must be an int, list, or tuple. Received: {name}={value}"
        )
    return tuple(value)
