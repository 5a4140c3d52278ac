"""What attention of several heads has in common: projections, masks, and the weighing of values."""

from string import ascii_lowercase
from typing import Any

from ... import ops, regularizers
from ...configs import serialize
from ...typing import Tensor
from ..activations import Softmax
from ..core.einsum_dense import EinsumDense
from ..described import Described
from ..regularization.base import share
from ..regularization.dropout import Dropout
from ..weighted import WeightedLayer
from .masks import causal_mask, joined, window_mask


class HeadedAttention(Described, WeightedLayer):
    """Base of attention in heads (Vaswani et al. 2017).

    Subclasses make the projections that `_projections` names and, for a gate, `_gate_dense`, and
    say which axes are attended over.
    """

    supports_masking = True

    # Attributes with the projections of query, key and value, and of what the heads give.
    _projections = ("query_dense", "key_dense", "value_dense", "output_dense")
    _gate_dense: Any
    _dropout_layer: Any
    dropout: float
    use_bias: bool
    use_gate: bool
    sliding_window: int | None
    seed: int | None
    # How products of queries and keys are scaled.
    _scale: float
    # Einsum equations: of scores, from keys and queries, and of results, from weights and values.
    _dot_product_equation: str
    _combine_equation: str
    _attended: int = 1  # the number of axes that are attended over

    def _set_options(
        self,
        kernel: tuple[Any, Any, Any],
        bias: tuple[Any, Any, Any],
        activity_regularizer: Any,
        flash_attention: bool | None,
        **options: Any,
    ) -> None:
        """Check and keep the arguments that all kinds of heads take.

        `kernel` and `bias` are triples (initializer, regularizer, constraint).
        """
        self.dropout = share(options["dropout"], "dropout")
        self.use_bias, self.use_gate = options["use_bias"], options["use_gate"]
        self.seed = options["seed"]
        window = options["sliding_window"]
        if window is not None and (not isinstance(window, int) or window < 1):
            raise ValueError(
                "`sliding_window` must be `None` or a positive integer. Received: "
                f"sliding_window={window}"
            )
        self.sliding_window = window
        self._describe_weight("kernel", *kernel)
        self._describe_weight("bias", *bias)
        # Of the projections: this layer's own output is that of the last one.
        self._activity_regularizer = regularizers.get(activity_regularizer)
        self._flash_attention = flash_attention
        if flash_attention and self.dropout:
            raise ValueError(
                "Dropout is not supported when flash attention is enabled. Please set dropout to "
                "0.0 to use flash attention."
            )

    def _config_arguments(self, default: bool) -> dict[str, Any]:
        found = super()._config_arguments(default)
        if "activity_regularizer" in found:
            found["activity_regularizer"] = serialize(self._activity_regularizer)
        return found

    def _projection(
        self, free: int, bound: int, sizes: tuple[int, ...], activation: Any = None
    ) -> EinsumDense:
        """A product over the last `bound` axes that puts `sizes` behind the `free` ones."""
        kept, summed = ascii_lowercase[:free], ascii_lowercase[free : free + bound]
        made = ascii_lowercase[free + bound : free + bound + len(sizes)]
        dense = EinsumDense(
            f"{kept}{summed},{summed}{made}->{kept}{made}",
            (*[None] * (free - 1), *sizes),
            activation,
            made if self.use_bias else None,
            activity_regularizer=self._activity_regularizer,
            **{
                f"{weight}_{what}": getattr(self, f"{weight}_{what}")
                for weight in ("kernel", "bias")
                for what in ("initializer", "regularizer", "constraint")
            },
        )
        # The masks of queries and values are used by the attention itself.
        dense.supports_masking = True
        return dense

    def _make_weighing(self) -> None:
        """Make what turns scores into weights."""
        self._softmax = Softmax(axis=tuple(range(-self._attended, 0)))
        self._dropout_layer = Dropout(self.dropout, seed=self.seed) if self.dropout else None

    def call(
        self,
        query: Tensor,
        value: Tensor,
        key: Tensor | None = None,
        query_mask: Tensor | None = None,
        value_mask: Tensor | None = None,
        key_mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        """Returns the attention of `query` to `value`.

        Args:
            query: (batch, target, in).
            value: (batch, source, in).
            key: (batch, source, in), by which the values are found; `value` if None.
            query_mask: which queries count, (batch, target); all if None.
            value_mask: which values count, (batch, source); all if None.
            key_mask: which keys count, (batch, source); all if None.
            attention_mask: to which values a query may attend, (batch, target, source) or, by
                heads, (batch, heads, target, source); where a size is 1 it is for all.
            return_attention_scores: whether the weights, (batch, heads, target, source), are
                returned behind the result.
            training: whether weights are dropped.
            use_causal_mask: whether a query attends to no value behind its own place.
        """
        if return_attention_scores and self._flash_attention:
            raise ValueError(
                "Returning attention scores is not supported when flash attention is enabled. "
                "Please disable flash attention to access attention scores."
            )
        key = value if key is None else key
        mask = joined(
            None if query_mask is None else ops.expand_dims(query_mask, -1),
            None if value_mask is None else ops.expand_dims(value_mask, -2),
            None if key_mask is None else ops.expand_dims(key_mask, -2),
            None if self.sliding_window is None else window_mask(query, key, self.sliding_window),
            attention_mask,
        )
        # Kernels know the causal mask; a user's `_compute_attention` may not.
        own = type(self)._compute_attention is HeadedAttention._compute_attention
        by_kernel = use_causal_mask and mask is None and own
        if use_causal_mask and not by_kernel:
            mask = joined(mask, causal_mask(query, key))
        query_dense, key_dense, value_dense, output_dense = (
            getattr(self, name) for name in self._projections
        )
        result, weights = self._compute_attention(
            query_dense(query),
            key_dense(key),
            value_dense(value),
            mask,
            training,
            return_attention_scores,
            **({"use_causal_mask": True} if by_kernel else {}),
        )
        if self.use_gate:
            result = ops.multiply(result, self._gate_dense(query))
        result = output_dense(result)
        return (result, weights) if return_attention_scores else result

    def _compute_attention(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: Tensor | None = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """The attention of projected queries to projected values, and its weights, if wanted.

        Shapes: query (batch, target, heads, dim), key and value (batch, source, heads, dim). As in
        Keras, a subclass may define it anew.
        """
        dropout = self._dropout_layer if training else None
        if dropout is None and not return_attention_scores and len(query.shape) == 4:
            result = ops.dot_product_attention(
                query,
                key,
                value,
                mask=self._for_scores(attention_mask, 4),
                scale=self._scale,
                is_causal=use_causal_mask,
                flash_attention=self._flash_attention,
            )
            return result, None
        if use_causal_mask:
            attention_mask = joined(attention_mask, causal_mask(query, key))
        key, value = self._for_each_head(key), self._for_each_head(value)
        scores = ops.einsum(self._dot_product_equation, key, ops.multiply(query, self._scale))
        weights = self._masked_softmax(scores, attention_mask)
        dropped = weights if dropout is None else dropout(weights, training=True)
        return ops.einsum(self._combine_equation, dropped, value), weights

    def _for_each_head(self, x: Tensor) -> Tensor:
        """Projected keys or values with as many heads as queries have."""
        return x

    def _masked_softmax(
        self, attention_scores: Tensor, attention_mask: Tensor | None = None
    ) -> Tensor:
        """Weights of scores (batch, heads, target, source); none for what is masked."""
        mask = self._for_scores(attention_mask, len(attention_scores.shape))
        return self._softmax(attention_scores, mask=mask)

    def _for_scores(self, mask: Tensor | None, rank: int) -> Tensor | None:
        """A mask with as many axes as scores: those it lacks stand before the attended ones."""
        missing = 0 if mask is None else rank - len(mask.shape)
        if not missing:
            return mask
        place = len(mask.shape) - 2 * self._attended  # pyright: ignore[reportOptionalMemberAccess]
        return ops.expand_dims(mask, tuple(range(place, place + missing)))


def checked_shapes(value_shape: Any, key_shape: Any) -> None:
    """Raises ValueError unless values and keys differ in their last size alone."""
    if tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
        raise ValueError(
            "All dimensions of `value` and `key`, except the last one, must be equal. Received: "
            f"value_shape={value_shape} and key_shape={key_shape}"
        )


def positive(name: str, value: Any, optional: bool = False) -> None:
    """Raises ValueError unless an argument is a positive integer, or None where it is optional."""
    if not (optional and value is None) and (not isinstance(value, int) or value < 1):
        kind = "positive integer or `None`" if optional else "positive integer"
        raise ValueError(
            f"Received an invalid value for argument `{name}`, expected a {kind}. Received: "
            f"{name}={value}"
        )
