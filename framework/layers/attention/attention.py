"""Attention of one head without projections: by products, and by sums."""

from typing import Any

from ... import ops, random
from ...typing import Tensor
from ..described import Described
from ..regularization.base import share
from .masks import causal_mask


class Attention(Described):
    """softmax(scores(query, key)) value, with products as scores (Luong et al. 2015).

    Called on a list [query, value] or [query, value, key], of shapes (batch, target, dim), (batch,
    source, value dim) and (batch, source, dim); without a key the value is its own. The result is
    (batch, target, value dim).

    Args:
        use_scale: whether a learned number multiplies the scores.
        score_mode: "dot" for query key^T; "concat" for a learned number times the sum of
            tanh(query + key).
        dropout: the share of weights that is dropped while training, from 0 to 1.
        seed: of the dropout: an int, or None for a seed that follows from the global one.
        **kwargs: see Layer.

    Raises ValueError for another mode or share.
    """

    # With masks, the query's is that of the result.
    supports_masking = True
    _begins_masks = False

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if score_mode not in ("dot", "concat"):
            raise ValueError(
                "Invalid value for argument score_mode. Expected one of {'dot', 'concat'}. "
                f"Received: score_mode={score_mode}"
            )
        self.use_scale = use_scale
        self.score_mode = score_mode
        self.dropout = share(dropout, "dropout")
        self.seed = seed
        if dropout:
            self.seed_generator = random.SeedGenerator(seed)

    def build(self, input_shape: Any) -> None:
        """Makes the learned numbers, one each. ValueError unless there are two or three inputs."""
        self._check(input_shape)
        self.scale = self.add_weight((), "ones") if self.use_scale else None
        concat = self.score_mode == "concat"
        self.concat_score_weight = self.add_weight((), "ones") if concat else None

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """Returns how well each key fits each query, (batch, target, source)."""
        if self.score_mode == "dot":
            fit = ops.matmul(query, ops.swapaxes(key, -2, -1))
            return fit if self.scale is None else ops.multiply(fit, self.scale)
        pairs = _pairs(query, key)
        pairs = pairs if self.scale is None else ops.multiply(pairs, self.scale)
        return ops.multiply(ops.sum(ops.tanh(pairs), -1), self.concat_score_weight)

    def call(
        self,
        inputs: list[Tensor],
        mask: list[Tensor | None] | None = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        """Returns the attention of the queries to the values.

        Args:
            inputs: [query, value] or [query, value, key].
            mask: masks [of the queries, (batch, target), of the values, (batch, source)], either of
                which may be None: the result is 0 for a query that does not count, and values that
                do not are not attended to.
            training: whether weights are dropped.
            return_attention_scores: whether the weights, (batch, target, source), are returned
                behind the result.
            use_causal_mask: whether a query attends to no value behind its own place.
        """
        self._check(inputs, mask)
        query, value, key = inputs[0], inputs[1], inputs[-1 if len(inputs) > 2 else 1]
        query_mask, value_mask = (mask[0], mask[1]) if mask else (None, None)
        scores = self.scores(query, key)
        allowed = None if value_mask is None else ops.expand_dims(value_mask, -2)
        if use_causal_mask:
            causal = causal_mask(query, key)
            allowed = causal if allowed is None else ops.logical_and(allowed, causal)
        if allowed is not None:
            low = 65504.0 if ops.dtype(scores) == "float16" else 1e9
            scores = ops.where(allowed, scores, ops.subtract(scores, low))
        weights = ops.softmax(scores)
        if training and self.dropout:
            weights = random.dropout(weights, self.dropout, seed=self.seed_generator)
        result = ops.matmul(weights, value)
        if query_mask is not None:
            result = ops.where(ops.expand_dims(query_mask, -1), result, 0)
        return (result, weights) if return_attention_scores else result

    def compute_mask(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, inputs: Any, mask: Any = None
    ) -> Any:
        """Returns the mask of the queries, if they have one."""
        self._check(inputs, mask)
        return None if mask is None or mask[0] is None else ops.convert_to_tensor(mask[0])

    def _check(self, inputs: Any, mask: Any = None) -> None:
        """ValueError unless there are two or three inputs, and as many masks, if any."""
        name = type(self).__name__
        wanted = "namely [query, value] or [query, value, key]"
        if not isinstance(inputs, list | tuple) or (inputs and isinstance(inputs[0], int)):
            # (the second is the shape of one tensor)
            raise ValueError(
                f"{name} layer must be called on a list of inputs, {wanted}. Received: "
                f"inputs={inputs}."
            )
        if len(inputs) not in (2, 3):
            raise ValueError(
                f"{name} layer accepts inputs list of length 2 or 3, {wanted}. Received length: "
                f"{len(inputs)}."
            )
        if mask is not None and not isinstance(mask, list | tuple):
            raise ValueError(
                f"{name} layer mask must be a list, namely [query_mask, value_mask]. Received: "
                f"mask={mask}."
            )
        if mask is not None and len(mask) not in (2, 3):
            raise ValueError(
                f"{name} layer accepts mask list of length 2 or 3. Received: inputs={inputs}, "
                f"mask={mask}."
            )


class AdditiveAttention(Attention):
    """Attention whose scores are sums of tanh(query + key) (Bahdanau et al. 2014).

    Args:
        use_scale: whether a learned vector weighs what is summed.
        dropout: the share of weights that is dropped while training, from 0 to 1.
        seed: of the dropout: an int, or None for a seed that follows from the global one.
        **kwargs: see `Attention`, with whose inputs, masks and results it is called.
    """

    _left_out = ("score_mode",)

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: Any) -> None:
        """Makes the vector, (dim,). ValueError unless there are two or three inputs."""
        self._check(input_shape)
        size = input_shape[0][-1]
        self.scale = self.add_weight((size,), "glorot_uniform") if self.use_scale else None

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """Returns how well each key fits each query, (batch, target, source)."""
        pairs = ops.tanh(_pairs(query, key))
        return ops.sum(pairs if self.scale is None else ops.multiply(pairs, self.scale), -1)


def _pairs(query: Tensor, key: Tensor) -> Tensor:
    """The sum of each query and each key, (batch, target, source, dim)."""
    return ops.add(ops.expand_dims(query, -2), ops.expand_dims(key, -3))
