"""The circle loss of embeddings: those of one class together, those of others apart."""

from __future__ import annotations

from typing import Any

from .. import dtypes, ops
from ..core.masks import set_mask
from ..ops.dispatch import Tensor, together
from .wrapper import LossFunctionWrapper


def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Tensor:
    """Returns softplus(logsumexp(P) + logsumexp(N)) for each embedding (Sun et al., 2020).

    With the cosine distances d = max(1 - e r, 0) to reference embeddings r, P are the terms
    -gamma (margin + d) (margin - d) of those of the same class, and N the terms
    gamma max(1 + margin - d, 0) (1 - margin - d) of those of other classes. An embedding without
    one of both kinds has the loss 0, and what has the loss 0 gets the mask False.

    Args:
        y_true: classes (samples,), integers.
        y_pred: embeddings e (samples, d), each of length 1.
        ref_labels: classes of the references (references,); y_true unless given.
        ref_embeddings: references r (references, d); y_pred unless given.
        remove_diagonal: whether each sample is left out of its own references.
        gamma: how steep the loss is.
        margin: how far from 0 and 1 distances may stay.

    Returns:
        Tensor (samples,), in the dtype of y_pred.
    """
    _, (y_true, y_pred, ref_labels, ref_embeddings) = together(
        y_true, y_pred, ref_labels, ref_embeddings
    )
    if ref_embeddings is None:
        ref_embeddings = y_pred
    labels = ops.cast(ops.reshape(y_true, (-1, 1)), "int32")
    others = labels if ref_labels is None else ops.cast(ops.reshape(ref_labels, (-1, 1)), "int32")
    cosines = ops.matmul(y_pred, ops.transpose(ref_embeddings))
    distances = ops.maximum(ops.subtract(1.0, cosines), 0.0)
    same = ops.equal(labels, ops.transpose(others))
    different = ops.logical_not(same)
    if remove_diagonal:
        rows, columns = ops.arange(ops.shape(same)[0]), ops.arange(ops.shape(same)[1])
        same = ops.logical_and(same, ops.not_equal(ops.expand_dims(rows, 1), columns))
    pull = ops.multiply(ops.add(distances, margin), ops.subtract(distances, margin))
    push = ops.maximum(ops.subtract(1 + margin, distances), 0.0)
    push = ops.multiply(push, ops.subtract(1 - margin, distances))
    # Not -inf for those that do not count: a row of such has no gradient.
    low = -dtypes.LARGEST[ops.dtype(distances)] / 4
    near, far = (
        ops.logsumexp(ops.where(which, ops.multiply(gamma, terms), low), axis=1)
        for which, terms in ((same, pull), (different, push))
    )
    loss = ops.softplus(ops.add(near, far))
    set_mask(loss, ops.greater(loss, 0))
    return loss


class Circle(LossFunctionWrapper):
    """Embeddings of one class together, those of others apart; see `circle`, and Loss.

    Args:
        gamma: how steep the loss is.
        margin: how far from 0 and 1 distances may stay.
        remove_diagonal: whether each sample is left out of its own references.
        reduction: as in Loss.
        name: as in Loss.
        dtype: as in Loss.
    """

    _takes_classes = True

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "circle",
        dtype: Any = None,
    ) -> None:
        settings = {"gamma": gamma, "margin": margin, "remove_diagonal": remove_diagonal}
        super().__init__(circle, reduction, name, dtype, **settings)
